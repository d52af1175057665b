"""Exclusive points that pay: tills and rewards ask for them by type, and say which balance is missing."""

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.benefits.v1 import points_pb2, points_pb2_grpc, rewards_pb2, tills_pb2_grpc
from laurel.benefits.v1 import tills_pb2 as pb
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import a_program, told
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_creation,
    a_redemption,
    a_reward,
    as_,
    as_manager,
    as_member,
    cancelling,
    disagreements,
    fulfilled,
    redeeming,
)
from tests.benefits.stories import Story

if TYPE_CHECKING:
    from laurel.benefits.v1.points_pb2_grpc import PointsServiceAsyncStub
    from laurel.benefits.v1.tills_pb2_grpc import TillsServiceAsyncStub

SPENT: dict[str, Any] = {"event_kind": "purchase", "unit_minor": 100}
EARN = [
    {"key": "spend", "points_per_unit": 1, **SPENT},
    {"key": "club", "points_per_unit": 2, "point_type": "club_points", **SPENT},
    {"key": "qualify", "points_per_unit": 3, "point_type": "tier_points", **SPENT},
]
CLUB = {"key": "club_points", "name": {"zh": "俱乐部积分", "en": "Club points"}, "kind": "exclusive"}
QUALIFYING = {"key": "tier_points", "name": {"zh": "等级积分", "en": "Tier points"}, "kind": "tier"}
PAYS = {"value_minor": 10, "points": 1, "min_points": 5}
TILLS = pb.DESCRIPTOR.services_by_name["TillsService"]
POINTS = points_pb2.DESCRIPTOR.services_by_name["PointsService"]


async def a_member(benefits: BenefitsWorld, *, pays: bool = True, **redemption: int) -> Story:
    """A member who is alone in a program, and has 10 points to redeem, 20 club points and 30 tier points."""
    club = {**CLUB, "pays": PAYS} if pays else CLUB
    program_id = await a_program(benefits, earn=EARN, types=[club, QUALIFYING], redemption=redemption)
    story = Story(program_id).buys(1_000)
    await keep_homes(benefits.database, [(program_id, story.member_id, Home("online", "", "shop"))])
    await told(benefits, story)
    return story


def a_till(benefits: BenefitsWorld, story: Story) -> "TillsServiceAsyncStub":
    stub: TillsServiceAsyncStub = benefits.stub(
        TILLS, tills_pb2_grpc.TillsServiceStub, "partner", "shop", story.program_id
    )
    return stub


def a_reservation(
    story: Story, points: int, point_type: str = "club_points", **fields: Any
) -> pb.ReserveRequest:
    common = {
        "program_id": story.program_id,
        "request_id": new_id("req"),
        "member_id": story.member_id,
        "check_ref": new_id("chk"),
        "points": points,
        "point_type": point_type,
    }
    return pb.ReserveRequest(**{**common, **fields})


async def balances(benefits: BenefitsWorld, story: Story) -> dict[str, tuple[int, int]]:
    """Active and held points of the member, by type."""
    found: dict[str, tuple[int, int]] = {}
    accounts = {each["_id"]: each["balance"] async for each in benefits.database.accounts.find()}
    for name in ("points", "club_points", "tier_points"):
        account = f"{story.program_id}/{story.member_id}/{name}"
        found[name] = (accounts.get(account, 0), accounts.get(f"{account}/held", 0))
    return found


async def test_a_till_holds_captures_and_reverses_the_points_that_it_names(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    till = a_till(benefits, story)
    asked = a_reservation(story, 12)
    check: dict[str, Any] = {"program_id": story.program_id, "check_ref": asked.check_ref}

    held = (await till.Reserve(asked)).hold
    on_hold = await balances(benefits, story)
    await till.Capture(pb.CaptureRequest(request_id=new_id("req"), points=7, **check))
    captured = await balances(benefits, story)
    back = pb.ReverseRequest(request_id=new_id("req"), return_ref="r1", **check)
    await till.Reverse(back)

    assert (held.point_type, held.points, held.money_minor) == ("club_points", 12, 120)
    assert on_hold == {"points": (10, 0), "club_points": (8, 12), "tier_points": (30, 0)}
    assert captured["club_points"] == (13, 0)
    assert (await balances(benefits, story))["club_points"] == (20, 0)
    assert await ledger_faults(benefits, story.program_id) == []


async def test_a_refusal_says_which_balance_is_missing(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    till = a_till(benefits, story)

    club = await refusal(till.Reserve(a_reservation(story, 21)))
    small = await refusal(till.Reserve(a_reservation(story, 4)))
    redeemable = await refusal(till.Reserve(a_reservation(story, 11, "")))

    assert club[1:] == (
        "POINTS_INSUFFICIENT",
        {"available_points": "20", "missing_points": "1", "point_type": "club_points"},
    )
    assert small[1:] == ("REDEMPTION_TOO_SMALL", {"points": "4", "min_points": "5"})
    assert redeemable[1:] == ("POINTS_INSUFFICIENT", {"available_points": "10", "missing_points": "1"})


@pytest.mark.parametrize("point_type", ["club_points", "tier_points", "no_such"])
async def test_nothing_is_paid_with_points_of_which_the_program_does_not_say_so(
    benefits: BenefitsWorld, point_type: str
) -> None:
    story = await a_member(benefits, pays=False)
    till = a_till(benefits, story)

    _, held, _ = await refusal(till.Reserve(a_reservation(story, 5, point_type)))
    _, quoted, _ = await refusal(till.Quote(a_quote(story, point_type)))
    _, made, facts = await refusal(
        as_manager(benefits, story.program_id).CreateReward(
            a_creation(story.program_id, point_type=point_type)
        )
    )

    assert (held, quoted) == ("POINTS_PAY_NOTHING", "POINTS_PAY_NOTHING")
    assert (made, set(facts)) == ("REWARD_INVALID", {"terms.point_type"})


def a_quote(story: Story, point_type: str) -> pb.QuoteRequest:
    """A basket of 3.00."""
    return pb.QuoteRequest(
        program_id=story.program_id,
        member_id=story.member_id,
        lines=[pb.CheckLine(ref="l", amount_minor=300)],
        point_type=point_type,
    )


async def test_a_quote_counts_the_points_that_would_be_redeemed(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    till = a_till(benefits, story)

    club = await till.Quote(a_quote(story, "club_points"))
    redeemable = await till.Quote(a_quote(story, ""))

    assert (club.available_points, club.redeemable_points, club.redeemable_minor) == (20, 20, 200)
    assert dict(club.reasons[0].facts) == {
        "available_points": "20",
        "missing_points": "10",
        "point_type": "club_points",
    }
    assert redeemable.available_points == 10


async def test_the_same_line_with_points_of_another_type_is_another_request(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    till = a_till(benefits, story)
    await till.Reserve(a_reservation(story, 6, check_ref="c1"))

    again = (await till.Reserve(a_reservation(story, 6, check_ref="c1"))).hold
    _, reason, facts = await refusal(till.Reserve(a_reservation(story, 6, "", check_ref="c1")))

    assert again.points == 6
    assert (reason, facts["point_type"]) == ("BUSINESS_KEY_CONFLICT", "club_points")


async def test_the_cap_of_a_day_is_one_over_all_types(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits, daily_cap_minor=103, value_minor=1)
    till = a_till(benefits, story)
    await till.Reserve(a_reservation(story, 10))

    _, reason, facts = await refusal(till.Reserve(a_reservation(story, 4, "")))

    assert (reason, facts["left_minor"]) == ("REDEMPTION_CAP_REACHED", "3")


async def test_what_is_on_hold_is_told_with_its_type(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    till = a_till(benefits, story)
    for points, point_type in ((5, "club_points"), (3, ""), (6, "club_points")):
        await till.Reserve(a_reservation(story, points, point_type))
    stub: PointsServiceAsyncStub = benefits.stub(
        POINTS, points_pb2_grpc.PointsServiceStub, "staff", "ann", story.program_id
    )

    asked = points_pb2.BatchListHoldsRequest(
        program_id=story.program_id, member_ids=[story.member_id], first=2
    )
    (result,) = (await stub.BatchListHolds(asked)).results

    assert [(each.points, each.point_type) for each in result.holds] == [(6, "club_points"), (3, "")]


async def test_a_reward_is_bought_with_the_points_that_it_asks_for(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    reward = await a_reward(benefits, story.program_id, price_points=15, point_type="club_points")

    redemption = await a_redemption(benefits, story, reward)
    reserved = await balances(benefits, story)
    _, reason, facts = await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))
    await fulfilled(benefits, story, redemption)
    shop = as_(benefits, "partner", "shop", story.program_id)
    await shop.CancelRedemption(cancelling(story, redemption))

    assert (redemption.price_points, redemption.point_type) == (15, "club_points")
    assert reserved == {"points": (10, 0), "club_points": (5, 15), "tier_points": (30, 0)}
    assert (reason, facts["obstacle_0_code"]) == ("REWARD_UNAVAILABLE", "POINTS_MISSING")
    assert (facts["obstacle_0_missing_points"], facts["obstacle_0_point_type"]) == ("10", "club_points")
    assert await balances(benefits, story) == {
        "points": (10, 0),
        "club_points": (20, 0),
        "tier_points": (30, 0),
    }
    assert await disagreements(benefits, story.program_id) == []
    assert await ledger_faults(benefits, story.program_id) == []


async def test_two_at_once_do_not_spend_the_same_points(benefits: BenefitsWorld) -> None:
    story = await a_member(benefits)
    reward = await a_reward(benefits, story.program_id, price_points=15, point_type="club_points")
    member = as_member(benefits, story)

    answers = await asyncio.gather(
        *(member.RedeemReward(redeeming(story, reward)) for _ in range(4)), return_exceptions=True
    )

    bought = [each for each in answers if isinstance(each, rewards_pb2.RedeemRewardResponse)]
    refused = [each for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    assert (len(bought), len(refused)) == (1, 3)
    assert (await balances(benefits, story))["club_points"] == (5, 15)
    assert await ledger_faults(benefits, story.program_id) == []
