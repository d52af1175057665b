"""A program that is changed while members hold its tiers: by two people, with receipts, and back again."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from laurel.benefits.v1 import benefits_pb2, notices_pb2, programs_pb2, simulations_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.cli import figures, pipeline, program_changes, sample, simulations
from libs.cli.cdnow import Purchase, parse
from libs.cli.clients import Clients, connected, connected_partner, staff_token
from libs.cli.data_folder import RunFile
from libs.cli.errors import RefusedError
from libs.cli.loader import Loader
from libs.common.ids import new_id
from libs.common.program import Program
from libs.common.rpc.time import moment
from tests.journeys.expected import Purchases
from tests.journeys.music_stores import a_music_store

GOLD, MORE = 25_000, 30_000


@dataclass(frozen=True)
class Shop:
    """A music store with its purchases, and the people who look after its program."""

    program: Program
    staff: Clients
    manager: Clients
    officer: Clients
    rows: Sequence[Purchase]

    async def tiers(self) -> Mapping[str, str]:
        return (await figures.count(self.staff, self.program)).tier_of_member

    async def receipts(self, ids: Sequence[str]) -> Mapping[str, receipts_pb2.Receipt]:
        """The receipt of each member's latest decision."""
        request = benefits_pb2.BatchGetMembershipsRequest(program_id=self.program.key, member_ids=ids)
        answer = await self.staff.benefits.BatchGetMemberships(request)
        held = [each.memberships[0] for each in answer.results]
        return {each.member_id: each.decision.receipt for each in held}

    async def told(self, ids: Sequence[str]) -> Mapping[str, int]:
        """How often each member was told of another tier."""
        request = notices_pb2.BatchListNoticesRequest(
            program_id=self.program.key, member_ids=ids, page_size=20
        )
        answer = await self.staff.notices.BatchListNotices(request)
        codes = [[notice.code for notice in each.notices] for each in answer.results]
        changed = notices_pb2.NOTICE_CODE_TIER_CHANGED
        return {member_id: each.count(changed) for member_id, each in zip(ids, codes, strict=True)}

    def between_by(self, time: datetime) -> int:
        """How many had spent enough for gold by a time, and not enough for gold that asks for more."""
        day, spent = time.astimezone(ZoneInfo(self.program.time_zone)).date(), Counter[str]()
        for row in self.rows:
            spent[row.customer] += row.amount_minor if row.day <= day else 0
        return len([each for each in spent.values() if GOLD <= each < MORE])

    async def simulated(self, version: programs_pb2.ProgramVersion) -> simulations_pb2.Simulation:
        """What a version would do, once that is worked out."""
        run = await simulations.start(
            self.manager,
            version.program_id,
            version.version,
            dates=[],
            months=12,
            assumptions=simulations_pb2.SimulationAssumptions(),
        )
        return await simulations.followed(self.manager, run, lambda _: None)

    async def would_move(self, run: simulations_pb2.Simulation) -> Mapping[str, tuple[str, str]]:
        """The tiers before and after of each whom a run would move."""
        every = simulations_pb2.SIMULATED_DIRECTION_UNSPECIFIED
        found = await simulations.moves(self.officer, run, every, 10_000)
        return {each.member_id: (each.from_tier, each.to_tier) for each in found}

    async def through(self, version: programs_pb2.ProgramVersion) -> programs_pb2.ProgramVersion:
        """The version once all members have been decided on by it."""
        return await program_changes.recalculated(self.officer, version, lambda _: None)

    def with_gold_at(self, spend: int) -> Program:
        """The program with another threshold of gold, which takes it from whoever spent less."""
        document = self.program.document()
        (tier_set,) = document["tier_sets"]
        tier_set["movement"]["new_version"] = "apply"
        (gold,) = (tier for tier in tier_set["tiers"] if tier["key"] == "gold")
        gold["entry"]["value"] = spend
        return Program.parse(document)


@pytest.fixture
async def shop(run: RunFile, some_purchases: Purchases) -> AsyncIterator[Shop]:
    """A store in which everybody has bought what they ever will."""
    program = await a_music_store(run)
    people = [("max", ["operations_manager"]), ("sue", ["compliance_officer"])]
    tokens = [staff_token(run, program.key, roles, subject=name) for name, roles in people]
    async with AsyncExitStack() as stack:
        staff, manager, officer = [
            await stack.enter_async_context(connected(run, token))
            for token in (staff_token(run, program.key), *tokens)
        ]
        async with connected_partner(run, program.key, sample.PARTNER) as partner:
            rows = parse(some_purchases.file.read_text().splitlines())
            await Loader(partner, program, run_id=new_id("run")).load(rows, lambda _: None)
        await pipeline.drained(staff)
        yield Shop(program, staff, manager, officer, rows)


@pytest.mark.timeout(120)
async def test_gold_asks_for_more_and_exactly_those_below_move_until_it_is_taken_back(shop: Shop) -> None:
    before = await figures.count(shop.staff, shop.program)
    ids = sorted(before.tier_of_member)
    spent, held = before.spend_of_member, before.tier_of_member
    moved = {each for each in ids if GOLD <= spent[each] < MORE}
    told = await shop.told(ids)

    draft = await program_changes.propose(shop.manager, shop.with_gold_at(MORE), "Gold asks for more")
    with pytest.raises(RefusedError) as unseen:
        await program_changes.approve(shop.officer, draft)
    run = await shop.simulated(draft)
    with pytest.raises(RefusedError):
        await program_changes.approve(shop.manager, draft)
    await program_changes.approve(shop.officer, draft)
    version = await program_changes.publish(shop.manager, shop.program.key, draft.version, None)
    ended = (await shop.through(version)).recalculation

    assert unseen.value.reason == "PROGRAM_NOT_SIMULATED"
    assert await shop.would_move(run) == dict.fromkeys(moved, ("gold", "silver"))
    (impact,), (history,) = run.result.impacts, run.result.histories
    assert (impact.downgraded_count, impact.stayed_count) == (len(moved), len(ids) - len(moved))
    assert (history.losing_count, history.gaining_count) == (shop.between_by(moment(run.dates[-1])), 0)
    assert len(history.dates) == 12
    assert len(moved) == 11
    assert (ended.decided_count, ended.upgraded_count, ended.downgraded_count) == (len(ids), 0, len(moved))
    assert await shop.tiers() == held | dict.fromkeys(moved, "silver")
    receipts = await shop.receipts(ids)
    assert {(each.program_version, each.cause.run_id) for each in receipts.values()} == {(2, ended.run_id)}
    downgraded = receipts_pb2.TIER_OUTCOME_DOWNGRADED
    assert {each for each, receipt in receipts.items() if receipt.outcome == downgraded} == moved
    assert await shop.told(ids) == {each: told[each] + (each in moved) for each in ids}

    back = await program_changes.roll_back(shop.officer, shop.program.key, 1, "Complaints")
    ended = (await shop.through(back)).recalculation

    assert (back.version, ended.upgraded_count, ended.downgraded_count) == (3, len(moved), 0)
    assert await shop.tiers() == held
    assert {each.program_version for each in (await shop.receipts(ids)).values()} == {3}
    assert await shop.told(ids) == {each: told[each] + 2 * (each in moved) for each in ids}
