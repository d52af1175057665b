"""What falls due with points happens in order and once, whoever is at it, and is told to who shows it."""

import asyncio

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from libs.common.calendar import Due
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import (
    PAGE,
    a_calendar_day,
    a_program,
    matured,
    maturity,
    points_of,
    put_aside,
    told,
)
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON

# Fifteen days after the purchases at noon, and a month after them.
ACTIVE, EXPIRES = NOON + 15 * DAY, NOON + 31 * DAY


async def a_waiting_program(benefits: BenefitsWorld) -> str:
    return await a_program(benefits, activate_after_days=15, expire_after_months=1)


async def account(benefits: BenefitsWorld, story: Story) -> pb.PointsAccount:
    request = pb.BatchGetPointsAccountsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await benefits.service.BatchGetPointsAccounts(request)).results
    return result.account


async def test_points_are_pending_then_active_then_expired(benefits: BenefitsWorld) -> None:
    story = Story(await a_waiting_program(benefits)).buys(5_000)
    await told(benefits, story)
    pending = await account(benefits, story)

    early = await matured(benefits, story.program_id, ACTIVE - DAY)
    activated = await matured(benefits, story.program_id, ACTIVE)
    active = await account(benefits, story)
    expired = await matured(benefits, story.program_id, EXPIRES)
    over = await account(benefits, story)

    assert (early, activated, expired) == (0, 1, 1)
    assert [(each.pending_points, each.balance_points) for each in (pending, active, over)] == [
        (50, 0),
        (0, 50),
        (0, 0),
    ]
    assert list(active.expiring) == [pb.ExpiringPoints(expire_time=timestamp(EXPIRES), points=50)]
    assert [list(each.expiring) for each in (pending, over)] == [[], []]
    assert (await points_of(benefits, story)).kinds == ["accrual", "activation", "expiration"]
    assert await ledger_faults(benefits, story.program_id) == []


async def test_what_happened_bears_the_time_at_which_it_was_due(benefits: BenefitsWorld) -> None:
    story = Story(await a_waiting_program(benefits)).buys(5_000)
    await told(benefits, story)

    await matured(benefits, story.program_id, EXPIRES + 100 * DAY)

    request = pb.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id])
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    assert [(each.kind, each.points, each.occurred_time) for each in listed.entries] == [
        (pb.ENTRY_KIND_EXPIRATION, -50, timestamp(EXPIRES)),
        (pb.ENTRY_KIND_ACTIVATION, 50, timestamp(ACTIVE)),
    ]
    assert {each.external_ref for each in listed.entries} == {story.events[0].external_ref}
    assert len({each.original_transaction_id for each in listed.entries}) == 1


async def test_a_late_event_whose_time_to_wait_has_passed_is_active_at_once(benefits: BenefitsWorld) -> None:
    program_id = await a_waiting_program(benefits)
    benefits.members.times[program_id] = ACTIVE
    story = Story(program_id).buys(5_000).buys(3_000, at=NOON + DAY)

    await told(benefits, story)

    found = await account(benefits, story)
    assert (found.balance_points, found.pending_points) == (50, 30)


async def test_what_happens_on_the_clock_is_announced_and_nothing_for_the_others(
    benefits: BenefitsWorld,
) -> None:
    story = Story(await a_waiting_program(benefits)).buys(5_000, 2_000)
    await told(benefits, story)

    await matured(benefits, story.program_id, EXPIRES)

    rows = benefits.database.outbox.find({"subject": story.member_id}).sort("change_seq", 1)
    types = [(row["type"], row["change_seq"], row["payload"]) async for row in rows]
    assert [(kind, seq) for kind, seq, _ in types] == [
        ("MembershipChanged", 1),
        ("PointsChanged", 2),
        ("PointsChanged", 3),
    ]
    messages = [events_pb2.PointsChanged.FromString(payload) for _, _, payload in types[1:]]
    assert [
        (each.kind, each.points, each.balance_after) for message in messages for each in message.postings
    ] == [("activation", 50, 50), ("activation", 20, 70), ("expiration", -50, 20)]
    assert {(each.program_id, each.member_id) for each in messages} == {(story.program_id, story.member_id)}


async def test_the_same_again_changes_nothing(benefits: BenefitsWorld) -> None:
    story = Story(await a_waiting_program(benefits)).buys(5_000, 3_000)
    await told(benefits, story)
    kind = maturity(benefits, pending=True)
    items = await kind.due(story.program_id, EXPIRES, PAGE)

    counts = [await kind.happen(story.program_id, items, NOON) for _ in range(2)]

    assert counts == [2, 0]
    assert await kind.due(story.program_id, EXPIRES, PAGE) == []


async def test_what_is_due_comes_soonest_first_and_in_pages(benefits: BenefitsWorld) -> None:
    program_id = await a_waiting_program(benefits)
    story = Story(program_id).buys(*[1_000] * 4)
    await told(benefits, story)
    kind = maturity(benefits, pending=True)

    page = await kind.due(program_id, ACTIVE + 2 * DAY, 2)
    all_due = await kind.due(program_id, ACTIVE + 2 * DAY, PAGE)

    assert [each.due_time for each in all_due] == [ACTIVE, ACTIVE + DAY, ACTIVE + 2 * DAY]
    assert page == all_due[:2]


async def test_lots_of_members_of_all_partitions_expire_in_one_go(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    stories = [Story(program_id).buys(1_000, 2_000) for _ in range(20)]
    for story in stories:
        await told(benefits, story)

    happened = await matured(benefits, program_id, EXPIRES + DAY)

    assert happened == 40
    accounts = benefits.database.accounts.find({"program_id": program_id, "owner": {"$regex": "^mem_"}})
    assert [each["balance"] async for each in accounts] == [0] * 20
    assert await ledger_faults(benefits, program_id) == []


@pytest.mark.parametrize("round_", range(3))
async def test_two_replicas_at_once_activate_and_expire_once(benefits: BenefitsWorld, round_: int) -> None:
    program_id = await a_waiting_program(benefits)
    stories = [Story(program_id).buys(*[1_000] * 5) for _ in range(4)]
    for story in stories:
        await told(benefits, story)

    async with asyncio.timeout(30):
        happened = await asyncio.gather(*(matured(benefits, program_id, EXPIRES + 5 * DAY) for _ in range(3)))

    transactions = benefits.database.transactions
    counts = [
        await transactions.count_documents({"program_id": program_id, "kind": kind})
        for kind in ("accrual", "activation", "expiration")
    ]
    assert counts == [20, 20, 20]
    assert sum(happened) == 40
    assert await ledger_faults(benefits, program_id) == []


async def test_points_expire_while_members_buy_and_bring_back(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    story = Story(program_id).buys(*[1_000] * 10)
    for place in range(1, 11):
        story.buys(1_000, at=NOON + 20 * DAY).refunds(place, 1_000, at=NOON + 20 * DAY)
    await told(benefits, story, 1, 10)
    benefits.members.knows([story])
    messages = [story.told(first, first + 1) for first in range(11, 31, 2)]

    async with asyncio.timeout(60):
        for day, message in enumerate(messages):
            await asyncio.gather(
                benefits.apply(story.partition, message), matured(benefits, program_id, EXPIRES + day * DAY)
            )

    points = await points_of(benefits, story)
    assert (points.balance, points.arrears) == (200, 0), "the later purchases, at silver"
    assert points.expired + points.reversed == 100
    assert sum(points.written_off) == points.expired, "each that has expired was refunded as well"
    assert await ledger_faults(benefits, program_id) == []


@pytest.mark.parametrize("after_ms", [1, 5, 15, 40])
async def test_who_is_killed_in_between_leaves_all_or_nothing(benefits: BenefitsWorld, after_ms: int) -> None:
    story = Story(await a_waiting_program(benefits)).buys(*[1_000] * 8)
    await told(benefits, story)
    kind = maturity(benefits, pending=True)
    items = await kind.due(story.program_id, EXPIRES, PAGE)

    killed = asyncio.create_task(kind.happen(story.program_id, items, NOON))
    await asyncio.sleep(after_ms / 1000)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    async with asyncio.timeout(20):
        await kind.happen(story.program_id, items, NOON)

    points = await points_of(benefits, story)
    assert (points.balance, points.pending, points.entries) == (80, 0, [10] * 8)
    assert await ledger_faults(benefits, story.program_id) == []


async def test_the_calendar_does_both_kinds_in_the_order_of_their_times(benefits: BenefitsWorld) -> None:
    program_id = await a_waiting_program(benefits)
    story = Story(program_id).buys(1_000).buys(2_000, at=NOON + 20 * DAY)
    await told(benefits, story)
    kinds = [maturity(benefits, pending=pending) for pending in (True, False)]

    await a_calendar_day(benefits, kinds, program_id, EXPIRES + 10 * DAY)

    assert (await points_of(benefits, story)).kinds == [
        "accrual",
        "accrual",
        "activation",
        "expiration",
        "activation",
    ]


async def test_a_lot_whose_accrual_is_gone_fails_by_itself(benefits: BenefitsWorld) -> None:
    story = Story(await a_waiting_program(benefits)).buys(1_000)
    await told(benefits, story)
    (item,) = await maturity(benefits, pending=True).due(story.program_id, ACTIVE, PAGE)
    await benefits.database.transactions.delete_many({"program_id": story.program_id})

    with pytest.raises(KeyError):
        await maturity(benefits, pending=True).happen(story.program_id, [item], NOON)

    assert (await points_of(benefits, story)).pending == 10


async def test_a_lot_that_expired_already_holds_up_no_other(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    stories = [Story(program_id).buys(1_000) for _ in range(3)]
    for story in stories:
        await told(benefits, story)
    transactions = benefits.database.transactions
    accrual = await transactions.find_one({"external_ref": {"$regex": f"^{stories[1].member_id}"}})
    assert accrual is not None
    # Books that somebody broke: its expiration is there, and its points are, too.
    await transactions.insert_one(
        {
            "_id": new_id("txn"),
            "program_id": program_id,
            "kind": "expiration",
            "original_transaction_id": accrual["_id"],
        },
        bypass_document_validation=True,
    )

    await a_calendar_day(benefits, [maturity(benefits, pending=False)], program_id, NOON + 40 * DAY)

    lots = await benefits.database.lots.find({"program_id": program_id}).to_list(None)
    left = {lot["member_id"]: lot["remaining"] for lot in lots}
    assert [left[story.member_id] for story in stories] == [0, 10, 0]
    assert await put_aside(benefits, program_id) == ["calendar/points_expiration"]


async def test_what_there_is_not_is_done(benefits: BenefitsWorld) -> None:
    program_id = await a_waiting_program(benefits)

    count = await maturity(benefits, pending=True).happen(program_id, [Due("lot_gone", NOON)], NOON)

    assert count == 0


@pytest.mark.parametrize("pending", [True, False], ids=["activating", "expiring"])
async def test_what_is_due_is_read_from_an_index_in_order(benefits: BenefitsWorld, pending: bool) -> None:
    field, left = ("active_time", ledger.PENDING) if pending else ("expire_time", ledger.EXPIRING)
    wanted = {"program_id": "any", **left, field: {"$type": "date", "$lte": NOON}}

    plan = await benefits.database.lots.find(wanted).sort([(field, 1), ("_id", 1)]).explain()

    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "'SORT'" not in stages


async def test_the_latest_reversal_is_found_without_reading_those_before(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits)).buys(5_000)
    for _ in range(40):
        story.refunds(1, 0)
    await told(benefits, story)

    found = await ledger.purchases(
        BenefitsStore(benefits.database),
        story.program_id,
        "points",
        [("shop", story.events[0].external_ref, 0)],
    )

    (purchase,) = found.values()
    assert (purchase.latest.seq, purchase.latest.refunded_minor) == (40, 0)
    pipeline = ledger.latest("reversal", [purchase.accrual.transaction_id])
    aggregate = {"aggregate": "transactions", "pipeline": pipeline, "cursor": {}}
    assert "DISTINCT_SCAN" in str(await benefits.database.command("explain", aggregate))
