"""Spending on a real database: points are held, captured, released and given back, each once."""

import asyncio
from collections.abc import Awaitable

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from libs.common.errors import Refusal
from services.benefits.domain.errors import (
    HoldExceeded,
    HoldStateWrong,
    HoldUnknown,
    PointsInsufficient,
    RedemptionCapReached,
    RedemptionsTooFrequent,
    RedemptionTooSmall,
)
from services.benefits.domain.holds import Hold, HoldState
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import matured, points_of, told
from tests.benefits.spending import a_purse
from tests.support.builders import DAY, NOON


async def test_held_points_have_left_the_balance_and_are_seen_as_held(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50, 30)

    held = await purse.hold(purse.charge(60))

    request = pb.BatchGetPointsAccountsRequest(
        program_id=purse.program.key, member_ids=[purse.story.member_id]
    )
    (result,) = (await benefits.service.BatchGetPointsAccounts(request)).results
    account = result.account
    assert held.state is HoldState.OPEN
    assert (account.balance_points, account.held_points, account.available_points) == (20, 60, 20)
    assert await purse.lots() == [(50, 0), (30, 20)]
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_what_is_captured_is_spent_and_the_rest_goes_back_to_its_lots(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50, 30)
    held = await purse.hold(purse.charge(70))

    captured = await purse.capture(held, 55)

    assert (captured.state, captured.captured) == (HoldState.CAPTURED, 55)
    assert await purse.balances() == {"issuer": -80, "active": 25, "held": 0, "spent": 55}
    assert await purse.lots() == [(50, 0), (30, 25)]
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_what_is_released_goes_back_whole(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50, 30)

    released = await purse.release(await purse.hold(purse.charge(70)))

    assert released.state is HoldState.RELEASED
    assert await purse.balances() == {"issuer": -80, "active": 80, "held": 0}
    assert await purse.lots() == [(50, 50), (30, 30)]
    assert (await points_of(benefits, purse.story)).kinds == ["accrual", "accrual", "hold", "release"]
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_what_was_spent_at_once_comes_back_in_parts_the_longest_living_first(
    benefits: BenefitsWorld,
) -> None:
    purse = await a_purse(benefits, 50, 30, expire_after_months=12)
    spent = await purse.redeem(purse.charge(70))

    await purse.give_back(spent, 30)
    middle = await purse.lots()
    returned = await purse.give_back(spent)

    assert middle == [(50, 10), (30, 30)]
    assert (returned.returned, await purse.lots()) == (70, [(50, 50), (30, 30)])
    assert await purse.balances() == {"issuer": -80, "active": 80, "spent": 0}
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_what_comes_back_to_a_lot_that_has_ended_lives_anew_and_expires_by_itself(
    benefits: BenefitsWorld,
) -> None:
    purse = await a_purse(benefits, 50, expire_after_months=1, redemption={"returned_days": 3})
    held = await purse.hold(purse.charge(40))
    await matured(benefits, purse.program.key, NOON + 40 * DAY)
    purse.time = NOON + 40 * DAY

    await purse.release(held)
    alive = await purse.lots()
    happened = await matured(benefits, purse.program.key, NOON + 43 * DAY)

    assert (alive, happened) == ([(50, 0), (40, 40)], 1)
    assert await purse.balances() == {"issuer": -50, "active": 0, "held": 0, "expired": 50}
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_points_that_are_held_and_let_go_again_and_again_get_days_once(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50, expire_after_months=1, redemption={"returned_days": 30})
    program_id = purse.program.key

    # Back on the 40th day, behind their end: until the 70th. Held on the 69th, they are back on the 71st.
    for held_on, back_on in ((30, 40), (69, 71)):
        purse.time = NOON + held_on * DAY
        held = await purse.hold(purse.charge(50))
        purse.time = NOON + back_on * DAY
        await matured(benefits, program_id, purse.time)
        await purse.release(held)
    with pytest.raises(PointsInsufficient):
        await purse.hold(purse.charge(1))
    happened = await matured(benefits, program_id, purse.time)

    assert happened == 1
    assert await purse.balances() == {"issuer": -50, "active": 0, "held": 0, "expired": 50}
    assert await ledger_faults(benefits, program_id) == []


@pytest.mark.parametrize("way", ["released", "captured in part", "given back"])
async def test_no_points_come_back_to_a_lot_that_has_expired_however_late_the_clock_of_who_gives_them_is(
    benefits: BenefitsWorld, way: str
) -> None:
    purse = await a_purse(benefits, 50, expire_after_months=1)
    held = await purse.hold(purse.charge(40))
    spent = await purse.redeem(purse.charge(4))
    await matured(benefits, purse.program.key, NOON + 40 * DAY)
    acts = {
        "released": lambda: purse.release(held),
        "captured in part": lambda: purse.capture(held, 10),
        "given back": lambda: purse.give_back(spent, 3),
    }

    await acts[way]()  # by a clock that still says noon

    (earned, left), (fresh, alive) = await purse.lots()
    assert (earned, left, fresh == alive) == (50, 0, True)
    assert await matured(benefits, purse.program.key, NOON + 80 * DAY) == 1
    assert (await purse.balances())["active"] == 0
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_a_refund_leaves_what_is_held_alone_and_what_comes_back_pays(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    held = await purse.hold(purse.charge(40))

    await told(benefits, purse.story.refunds(1, 5_000), 2)
    owing = await points_of(benefits, purse.story)
    await purse.capture(held, 15)
    after = await points_of(benefits, purse.story)

    assert (owing.balance, owing.arrears) == (-40, 40)
    assert (after.balance, after.arrears) == (-15, 15)
    assert await purse.balances() == {"issuer": -50, "active": -15, "held": 0, "spent": 15, "reversed": 50}
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_every_move_is_announced(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    held = await purse.capture(await purse.hold(purse.charge(40)), 30)
    await purse.give_back(held)

    rows = benefits.database.outbox.find({"subject": purse.story.member_id, "type": "PointsChanged"})
    told_of = [
        events_pb2.PointsChanged.FromString(row["payload"]) async for row in rows.sort("change_seq", 1)
    ]
    assert [
        [(each.kind, each.points, each.balance_after) for each in message.postings] for message in told_of
    ] == [[("hold", -40, 10)], [("release", 10, 20)], [("return", 30, 50)]]


async def refused(work: Awaitable[Hold]) -> dict[str, object]:
    """What a refusal says, its reason with it."""
    with pytest.raises(Refusal) as refusal:
        await work
    return {"reason": refusal.value.reason, **refusal.value.facts}


async def test_who_has_too_few_points_hears_how_many_are_missing(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)

    heard = await refused(purse.hold(purse.charge(70)))

    assert heard == {"reason": PointsInsufficient.reason, "available_points": 50, "missing_points": 20}


async def test_a_member_without_points_has_all_missing(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits)

    heard = await refused(purse.redeem(purse.charge(1)))

    assert heard == {"reason": PointsInsufficient.reason, "available_points": 0, "missing_points": 1}


async def test_a_hold_is_resolved_once(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    captured = await purse.capture(await purse.hold(purse.charge(10)))
    released = await purse.release(await purse.hold(purse.charge(10)))

    heard = [
        await refused(work)
        for work in (
            purse.capture(captured),
            purse.release(captured),
            purse.capture(released),
            purse.release(released),
            purse.give_back(released),
        )
    ]

    wrong = HoldStateWrong.reason
    states = ["captured", "captured", "released", "released", "released"]
    assert heard == [{"reason": wrong, "state": state} for state in states]


async def test_no_more_is_captured_or_given_back_than_there_is(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    held, spent = await purse.hold(purse.charge(10)), await purse.redeem(purse.charge(20))
    spent = await purse.give_back(spent, 15)

    heard = [await refused(purse.capture(held, 11)), await refused(purse.give_back(spent, 6))]

    assert heard == [
        {"reason": HoldExceeded.reason, "left_points": 10},
        {"reason": HoldExceeded.reason, "left_points": 5},
    ]


async def test_a_hold_of_another_program_is_not_there(benefits: BenefitsWorld) -> None:
    purse, other = await a_purse(benefits, 50), await a_purse(benefits, 50)
    held = await other.hold(other.charge(10))

    assert (await refused(purse.release(held)))["reason"] == HoldUnknown.reason


async def test_a_hold_is_not_captured_past_its_end_by_our_clock(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    held = await purse.hold(purse.charge(10), minutes=-1)

    heard = await refused(purse.capture(held))
    expired = await purse.release(held)

    assert heard == {"reason": HoldStateWrong.reason, "state": "expired"}
    assert expired.state is HoldState.EXPIRED
    assert await ledger_faults(benefits, purse.program.key) == []


CAP = {"daily_cap_minor": 500_000, "per_day_max": 3, "min_points": 10}


async def test_the_days_cap_refuses_the_second_of_4999_and_2(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 1_000, redemption=CAP)
    await purse.redeem(purse.charge(100, money_minor=499_900))

    heard = await refused(purse.hold(purse.charge(10, money_minor=200)))
    purse.time += DAY
    tomorrow = await purse.hold(purse.charge(10, money_minor=200))

    assert heard == {
        "reason": RedemptionCapReached.reason,
        "cap_minor": 500_000,
        "left_minor": 100,
        "money_minor": 200,
    }
    assert tomorrow.open


async def test_what_is_cancelled_or_given_back_counts_no_more(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 1_000, redemption=CAP)

    await purse.release(await purse.hold(purse.charge(100, money_minor=500_000)))
    half = await purse.capture(await purse.hold(purse.charge(100, money_minor=500_000)), 50)
    await purse.give_back(half, 20)
    await purse.hold(purse.charge(100, money_minor=350_000))
    heard = await refused(purse.hold(purse.charge(100, money_minor=1)))

    assert heard["left_minor"] == 0


async def test_too_little_and_too_often_are_refused(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 1_000, redemption=CAP)
    for _ in range(3):
        await purse.redeem(purse.charge(10))

    heard = [await refused(purse.redeem(purse.charge(points))) for points in (9, 10)]

    assert heard == [
        {"reason": RedemptionTooSmall.reason, "points": 9, "min_points": 10},
        {"reason": RedemptionsTooFrequent.reason, "per_day_max": 3},
    ]


async def at_once(*works: Awaitable[Hold]) -> list[str]:
    """What came of works at once: the state of a hold, or the reason of a refusal."""
    async with asyncio.timeout(60):
        found = await asyncio.gather(*works, return_exceptions=True)
    return sorted(each.reason if isinstance(each, Refusal) else str(each.state) for each in _known(found))


def _known(found: list[Hold | BaseException]) -> list[Hold | Refusal]:
    for each in found:
        if not isinstance(each, Hold | Refusal):
            raise each
    return [each for each in found if isinstance(each, Hold | Refusal)]


async def test_two_channels_at_the_same_moment_do_not_pass_the_cap_together(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 1_000, redemption=CAP | {"per_day_max": 100})
    till, app = ([purse.charge(10, money_minor=100_000) for _ in range(5)] for _ in range(2))

    heard = await at_once(*map(purse.hold, till), *map(purse.redeem, app))

    assert heard.count(RedemptionCapReached.reason) == 5
    assert len(heard) == 10
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_more_at_once_than_there_are_points_for_takes_what_there_is(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50, 50)

    heard = await at_once(*(purse.redeem(purse.charge(20)) for _ in range(8)))

    assert heard == [PointsInsufficient.reason] * 3 + ["captured"] * 5
    assert (await purse.balances())["active"] == 0
    assert await ledger_faults(benefits, purse.program.key) == []


@pytest.mark.parametrize("round_", range(3))
async def test_who_captures_and_who_releases_at_once_resolve_it_once(
    benefits: BenefitsWorld, round_: int
) -> None:
    purse = await a_purse(benefits, 50)
    held = await purse.hold(purse.charge(40))

    heard = await at_once(*(work(held) for work in (purse.capture, purse.release) * 3))

    assert heard.count(HoldStateWrong.reason) == 5
    assert (await purse.balances())["held"] == 0
    assert await ledger_faults(benefits, purse.program.key) == []


async def test_what_is_given_back_at_once_is_given_back_once(benefits: BenefitsWorld) -> None:
    purse = await a_purse(benefits, 50)
    spent = await purse.redeem(purse.charge(40))

    heard = await at_once(*(purse.give_back(spent, 15) for _ in range(5)))

    assert heard == [HoldExceeded.reason] * 3 + ["captured"] * 2
    assert (await purse.balances())["spent"] == 10
    assert await ledger_faults(benefits, purse.program.key) == []
