"""Simulating: the members of a program are gone through, some at a time, by a version that is not live."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce

from libs.common.clock import milliseconds
from libs.common.program import Program
from services.benefits.domain.effects import Effect
from services.benefits.domain.points_report import ExpectedRedemption
from services.benefits.domain.program_changes import Change, Recalculation, simulated
from services.benefits.domain.programs import Version
from services.benefits.domain.simulation_results import Sides, money, remarks
from services.benefits.domain.simulation_tallies import ImpactTally, Tally, Walked, Walks, added, tally
from services.benefits.domain.simulations import (
    MEMBERS_PER_PART,
    PARTS_MAX,
    Simulation,
    SimulationState,
    outdated,
    still_of,
)
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.recalculation import RecalculationHandlers
from services.benefits.handlers.surroundings import INTEGRITY, Surroundings
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import program_versions, simulations
from services.benefits.repository.simulations import Move
from services.benefits.repository.store import BenefitsStore
from services.benefits.simulation_messages import result_message
from services.benefits.walks import Facts, Regions, WalkClient

SPENT = "purchase.amount_minor.lifetime"
SPENT_IN_YEAR = "purchase.amount_minor.365d"
MEMBERSHIPS_AT_ONCE = 200
AROUND_AT_ONCE = 500


class SimulatingHandlers:
    """Takes runs further, a part of the members at a time.

    How far a run is moves in the transaction that stores what a part counted:
    so each part counts once, whoever is at it and however often it is
    interrupted, and the same data gives the same result.
    """

    def __init__(
        self,
        store: BenefitsStore,
        recalculation: RecalculationHandlers,
        reports: ReportHandlers,
        walks: WalkClient,
        surroundings: Surroundings,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._recalculation, self._reports = store, recalculation, reports
        self._walks, self._surroundings, self._times, self._now = walks, surroundings, times, now

    async def running(self) -> list[Simulation]:
        """The runs that are to be gone on with, one of each program."""
        return await simulations.unended(self._store)

    async def go_on(self, run: Simulation) -> Simulation | None:
        """Take a run one step further; gives how far that is, None where another is at it."""
        change, live = await self._versions(run)
        if change is None or live is None or not still_of(run, change, live):
            return await self._ended(run, outdated(run, now=self._now()))
        if run.state is SimulationState.WAITING:
            return await self._begun(run, live)
        if run.part is None:
            return await self._finished(run, change, live)
        return await self._part(run, _draft(change), live)

    async def _versions(self, run: Simulation) -> tuple[Change | None, Version | None]:
        live = (await self._store.live_programs([run.program_id])).get(run.program_id)
        return await program_versions.one(self._store, run.program_id, run.version), live

    async def _begun(self, run: Simulation, live: Version) -> Simulation | None:
        _, total = await self._walks.divide(run.program_id, 1)
        parts = min(PARTS_MAX, max(1, -(-total // MEMBERS_PER_PART)))
        ends, total = await self._walks.divide(run.program_id, parts)
        begun = replace(
            run,
            state=SimulationState.RUNNING,
            ends=tuple(ends),
            total=total,
            as_of=milliseconds(await self._times.of(live.program)),
            start_time=self._now(),
        )
        return begun if await simulations.advance(self._store, run, begun) else None

    async def _part(self, run: Simulation, draft: Version, live: Version) -> Simulation | None:
        assert run.part is not None
        (impacts, moves), walks = await asyncio.gather(
            self._impact(run, draft, run.part), self._history(run, draft, live, run.part)
        )
        counted = tally(impacts, walks, live.program, draft.program)
        done = run.done + counted.members
        further = replace(run, parts_done=run.parts_done + 1, done=done, total=max(run.total, done))

        async def keep(benefits: BenefitsStore) -> bool:
            # First in the transaction: of two at it, one meets the other here.
            if not await simulations.advance(benefits, run, further):
                return False
            await simulations.keep_part(benefits, run, counted, moves)
            return True

        return further if await self._store.transaction(keep) else None

    async def _impact(
        self, run: Simulation, draft: Version, part: tuple[str, str]
    ) -> tuple[dict[str, ImpactTally], list[Move]]:
        """The memberships of a part, decided on as the recalculation would."""
        assert run.as_of is not None
        as_if = Recalculation(run.simulation_id, as_of=run.as_of, start_time=run.as_of)
        impacts = {each.key: ImpactTally() for each in draft.program.tier_sets}
        moves: list[Move] = []
        after: str | None = None
        while True:
            page = await self._store.memberships_between(
                run.program_id, part, after=after, limit=MEMBERSHIPS_AT_ONCE
            )
            if page:
                _count(await self._recalculation.decided(draft, as_if, page), impacts, moves)
            if len(page) < MEMBERSHIPS_AT_ONCE:
                return impacts, moves
            after = page[-1].membership_id

    async def _history(self, run: Simulation, draft: Version, live: Version, part: tuple[str, str]) -> Walks:
        """Where the members of a part would have stood at the dates by both versions, and what they spent."""
        read = live.program.member_facts | draft.program.member_facts | {SPENT, SPENT_IN_YEAR}
        facts = await self._walks.facts(run.program_id, part, sorted(read), run.dates)
        facts, regions = await surrounded(self._surroundings, [live.program, draft.program], facts)
        found = await self._walks.walk([live, draft], facts, run.dates, regions)
        by_live, by_draft = (
            {
                each.key: Walked(found[place, each.key].ranks, found[place, each.key].between)
                for each in version.program.tier_sets
            }
            for place, version in enumerate((live, draft))
        )
        spent = [facts.column(date, SPENT) for date in range(len(run.dates))]
        return Walks(by_live, by_draft, spent, facts.column(len(run.dates) - 1, SPENT_IN_YEAR))

    async def _finished(self, run: Simulation, change: Change, live: Version) -> Simulation | None:
        """The run with its result, which the version has from now on."""
        tallies = await simulations.parts(self._store, run.simulation_id)
        report = await self._reports.points(run.program_id)
        result = _result(run, reduce(added, tallies), live.program, change.program, report.expected)
        done = replace(
            run,
            state=SimulationState.DONE,
            end_time=self._now(),
            result=result,
            result_digest=hashlib.sha256(result).hexdigest(),
        )
        return await self._ended(run, done)

    async def _ended(self, run: Simulation, ended: Simulation) -> Simulation | None:
        """Keep a run that is over, with its version where there is a result, and let go of what is old."""

        async def keep(benefits: BenefitsStore) -> bool:
            if not await simulations.advance(benefits, run, ended):
                return False
            if ended.state is SimulationState.DONE:
                change = await program_versions.one(benefits, run.program_id, run.version)
                live = (await benefits.live_programs([run.program_id])).get(run.program_id)
                if change is None or not still_of(run, change, live):
                    return await simulations.advance(benefits, ended, outdated(run, now=self._now()))
                await program_versions.keep(benefits, simulated(change, run.simulation_id), self._now())
            return True

        kept = await self._store.transaction(keep)
        await simulations.forget_parts(self._store, run.simulation_id)
        await simulations.forget_old(self._store, run.program_id)
        return ended if kept else None


async def surrounded(
    surroundings: Surroundings, programs: Sequence[Program], facts: Facts
) -> tuple[Facts, Regions]:
    """What versions ask besides what members did: as it is today, since nobody knows how it was."""
    regions: dict[tuple[int, str], dict[str, str]] = {}
    integrity: dict[str, int] = {}
    for start in range(0, len(facts.member_ids), AROUND_AT_ONCE):
        ids = facts.member_ids[start : start + AROUND_AT_ONCE]
        for place, program in enumerate(programs):
            around = await surroundings.of(program, ids)
            integrity |= {
                each: found.facts[INTEGRITY] for each, found in around.items() if INTEGRITY in found.facts
            }
            for tier_set in (each for each in program.tier_sets if each.variants):
                of_set = regions.setdefault((place, tier_set.key), {})
                of_set |= {each: found.variant(tier_set) for each, found in around.items()}
    return (facts.with_fact(INTEGRITY, integrity) if integrity else facts), regions


def _draft(change: Change) -> Version:
    assert change.proposed_time is not None
    return Version(change.program, change.digest, change.proposed_time, change.document)


def _count(effects: Sequence[Effect], impacts: dict[str, ImpactTally], moves: list[Move]) -> None:
    """Count what decisions come to, and name whom they move."""
    for decision in (each for effect in effects for each in effect.decisions):
        tier, tier_set = decision.tier, decision.membership_id.rpartition("/")[2]
        impact = impacts[tier_set]
        flow = f"{tier.from_tier}>{tier.to_tier}"
        impact.flows[flow] = impact.flows.get(flow, 0) + 1
        upgraded, downgraded = tier.outcome == "UPGRADED", tier.outcome == "DOWNGRADED"
        impact.upgraded += upgraded
        impact.downgraded += downgraded
        impact.stayed += not upgraded and not downgraded
        if upgraded or downgraded:
            moves.append(
                Move(
                    program_id=decision.program_id,
                    member_id=decision.member_id,
                    tier_set=tier_set,
                    from_tier=tier.from_tier,
                    to_tier=tier.to_tier,
                    upgraded=upgraded,
                )
            )


def _result(
    run: Simulation, counted: Tally, live: Program, draft: Program, expected: ExpectedRedemption
) -> bytes:
    sides = Sides(live, draft, expected.redeemed_bp, expected.months)
    came = money(counted, run.dates, run.assumptions, sides)
    message = result_message(counted, came, remarks(counted, sides), sides, run.dates)
    return message.SerializeToString(deterministic=True)
