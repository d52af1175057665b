"""The use case that audits a program's tiers: counted aside, one program at a time, and kept for a while."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from libs.common.errors import Overloaded
from libs.common.program import Program
from libs.common.rpc.deadline import seconds_left, set_deadline
from services.benefits.clients import ExplanationClient, MembersClient
from services.benefits.domain.equal_treatment import Equality, Sample
from services.benefits.domain.fairness import Population, audits
from services.benefits.domain.fairness_report import FairnessReport
from services.benefits.domain.tier_report import ranks
from services.benefits.handlers.attributes import Attributes
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.replays import replayed
from services.benefits.handlers.times import ProgramTimes
from services.benefits.report_messages import treatment
from services.benefits.repository import tier_reports
from services.benefits.repository.store import BenefitsStore

KEPT_SECONDS = 600.0
# Longer than clients try again by themselves, or they would never hear of it.
FAILED_SECONDS = 10.0
ANSWER_SECONDS = 1.0
MEMBERSHIPS_PER_PAGE = 2_000
RECEIPTS_PER_READ = 250
SAMPLE_SIZE = 200
# Programs that are counted or wait for it, and those whose reports are kept.
WAITING_MAX = 20
KEPT_MAX = 100


@dataclass(slots=True)
class Counting:
    """A report that is being made, and how many members were counted so far."""

    members: int = 0
    task: "asyncio.Task[FairnessReport] | None" = None


class FairnessHandlers:
    """Counts by walking through memberships, their latest decisions and the attributes of members."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        members: MembersClient,
        scoring: ExplanationClient,
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._members, self._scoring = members, scoring
        self._turn = asyncio.Semaphore(1)
        self._counting: dict[str, Counting] = {}
        self._kept: dict[str, tuple[float, FairnessReport]] = {}
        self._failed: dict[str, tuple[float, BaseException]] = {}

    async def report(self, program_id: str) -> FairnessReport | Counting:
        """The report, or how far it is: whoever asks waits for a moment alone."""
        await self._programs.live(program_id)
        kept, report = self._kept.get(program_id, (float("-inf"), None))
        if report is not None and time.monotonic() - kept < KEPT_SECONDS:
            return report
        failed, error = self._failed.get(program_id, (float("-inf"), None))
        if error is not None and time.monotonic() - failed < FAILED_SECONDS:
            raise error
        counting = self._begun(program_id)
        assert counting.task is not None
        await asyncio.wait([counting.task], timeout=seconds_left(ANSWER_SECONDS) / 2)
        return counting.task.result() if counting.task.done() else counting

    async def problems(self, program_id: str) -> float:
        """How much there is to look at, counted anew."""
        task = self._begun(program_id).task
        assert task is not None
        return float((await asyncio.shield(task)).problems)

    def _begun(self, program_id: str) -> Counting:
        if (running := self._counting.get(program_id)) is not None:
            return running
        if len(self._counting) >= WAITING_MAX:
            raise Overloaded
        counting = self._counting[program_id] = Counting()
        counting.task = asyncio.create_task(self._run(program_id, counting))
        counting.task.add_done_callback(lambda task: self._ended(program_id, task))
        return counting

    def _ended(self, program_id: str, task: "asyncio.Task[FairnessReport]") -> None:
        """Who asked may have gone: who asks soon is told of an error, and who asks later begins anew."""
        self._failed.pop(program_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed[program_id] = time.monotonic(), error

    async def _run(self, program_id: str, counting: Counting) -> FairnessReport:
        set_deadline(None)  # the caller's with whom it began
        try:
            async with self._turn:
                report = await self._count(program_id, counting)
        finally:
            self._counting.pop(program_id, None)
        self._kept[program_id] = time.monotonic(), report
        while len(self._kept) > KEPT_MAX:
            del self._kept[min(self._kept, key=lambda each: self._kept[each][0])]
        return report

    async def _count(self, program_id: str, counting: Counting) -> FairnessReport:
        program = (await self._programs.live(program_id)).program
        as_of, policy = await self._times.of(program), program.fairness
        seed = f"{as_of:%Y-%m-%d}"
        population = Population(ranks(program), policy.attributes)
        equality, sample = Equality(), Sample(seed, SAMPLE_SIZE)
        permitted = policy.attributes
        async with Attributes(
            self._members.attributes(program_id, permitted) if permitted else None
        ) as attributes:
            async for rows in tier_reports.pages(self._store, program_id, size=MEMBERSHIPS_PER_PAGE):
                tiers = _by_member(rows)
                for member_id, values in (await attributes.of(tiers)).items():
                    population.add(tiers[member_id], values)
                async for decision_id, receipt in self._receipts([each.decision_id for each in rows]):
                    equality.add(treatment(decision_id, receipt))
                    sample.add(decision_id)
                counting.members += len(tiers)
        return FairnessReport(
            as_of=as_of,
            program_version=program.version,
            policy=policy,
            tiers=_tiers(program),
            members=population.members,
            audits=audits(population, policy),
            equality=equality,
            replayed=await self._replayed(program_id, sample.drawn),
            seed=seed,
        )

    async def _receipts(self, decision_ids: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """The receipts of decisions, some at a time: to read them holds up nobody."""
        for start in range(0, len(decision_ids), RECEIPTS_PER_READ):
            some = decision_ids[start : start + RECEIPTS_PER_READ]
            for decision_id, receipt in (await tier_reports.receipts(self._store, some)).items():
                yield decision_id, receipt

    async def _replayed(self, program_id: str, decision_ids: Sequence[str]) -> dict[str, bool]:
        """Whether decisions come out as the same bits again."""
        decisions = await self._store.decisions(decision_ids)
        again = await replayed(self._store, self._scoring, program_id, decisions.values())
        return {decision_id: each.same for decision_id, each in sorted(again.items())}


def _by_member(rows: Sequence[tier_reports.Row]) -> dict[str, dict[str, str]]:
    """The tiers of members by tier set; rows come by member."""
    return {
        member_id: {each.tier_set: each.tier for each in of_member}
        for member_id, of_member in groupby(rows, attrgetter("member_id"))
    }


def _tiers(program: Program) -> dict[str, list[str]]:
    """The tiers that rates are of, by tier set: everybody holds the first."""
    return {each.key: [tier.key for tier in each.tiers[1:]] for each in program.tier_sets}
