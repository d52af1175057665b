"""Coupons are kept for a check, then used or given back: each of it once, whoever asks how often."""

from datetime import timedelta

import grpc
import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import moment, timestamp
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import (
    CouponsWorld,
    a_basket,
    by_code,
    by_id,
    coupons_world,
    whys,
)
from tests.benefits.refusals import refusal
from tests.benefits.webhooks_world import until
from tests.support.builders import NOON

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
OPEN, USED, CANCELLED, EXPIRED, RETURNED = (
    pb.COUPON_RESERVATION_STATUS_OPEN,
    pb.COUPON_RESERVATION_STATUS_USED,
    pb.COUPON_RESERVATION_STATUS_CANCELLED,
    pb.COUPON_RESERVATION_STATUS_EXPIRED,
    pb.COUPON_RESERVATION_STATUS_RETURNED,
)


@pytest.fixture(scope="module")
async def world(benefits: BenefitsWorld) -> CouponsWorld:
    return await coupons_world(benefits)


async def test_a_coupon_is_kept_then_used(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(budget_minor=5_000)
    ann, (code,) = await world.a_member(), await world.codes(campaign)

    kept = await world.reserved(ann, *by_code(code))
    while_kept = (await world.campaign(campaign)).counts, await world.statuses(campaign)
    used = await world.used(kept.check_ref)
    afterwards = (await world.campaign(campaign)).counts, await world.statuses(campaign)

    assert (kept.status, kept.source, kept.quote.off_minor) == (OPEN, "shop", 1_000)
    assert moment(kept.expire_time) == NOON + timedelta(minutes=15)
    assert (used.status, used.quote) == (USED, kept.quote)
    assert while_kept == (
        pb.CouponCounts(codes_count=1, reserved_count=1, reserved_minor=1_000),
        ["RESERVED"],
    )
    assert afterwards == (pb.CouponCounts(codes_count=1, used_count=1, used_minor=1_000), ["USED"])


async def test_what_is_cancelled_may_be_reserved_again(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_max=1, uses_per_member_max=1, first_order_only=True)
    ann, (code,) = await world.a_member(), await world.codes(campaign)

    checks = [await world.reserved(ann, *by_code(code))]
    taken = whys((await world.quoted(ann, by_code(code))).refused)
    cancelled = await world.cancelled(checks[0].check_ref)
    checks.append(await world.reserved(ann, *by_code(code)))

    assert (cancelled.status, taken) == (CANCELLED, {1: "USED_UP"})
    assert (await world.campaign(campaign)).counts.reserved_count == 1
    assert await world.broken() == []


async def test_all_coupons_of_a_check_are_kept_or_none(world: CouponsWorld) -> None:
    good, small = await world.a_campaign(), await world.a_campaign(basket_min_minor=50_000)
    ann = await world.a_member()
    codes = [*await world.codes(good), *await world.codes(small)]

    refused = await refusal(world.reserved(ann, *by_code(*codes)))

    assert refused == (
        PRECONDITION,
        "COUPON_NOT_APPLICABLE",
        {"place": "2", "why": "BASKET_TOO_SMALL", "least": "50000", "missing": "40000"},
    )
    assert (await world.campaign(good)).counts.reserved_count == 0


async def test_a_wrong_code_is_not_kept(world: CouponsWorld) -> None:
    refused = await refusal(world.reserved(await world.a_member(), *by_code("wrong")))

    assert refused == (PRECONDITION, "COUPON_NOT_APPLICABLE", {"place": "1", "why": "UNKNOWN"})


# The same again


async def test_a_till_that_asks_again_gets_the_reservation_that_there_is(world: CouponsWorld) -> None:
    ann, codes = await world.a_member(), [await world.a_code() for _ in range(2)]
    first = world.a_reservation(ann, *by_code(*codes))
    kept = (await world.till.ReserveCoupons(first)).reservation

    by_same_id = (await world.till.ReserveCoupons(first)).reservation
    by_another = await world.reserved(ann, *by_code(*reversed(codes)), check_ref=first.check_ref)
    await world.used(first.check_ref)
    when_used = await world.reserved(ann, *by_code(*codes), check_ref=first.check_ref)

    assert (by_same_id, by_another) == (kept, kept)
    assert (when_used.reservation_id, when_used.status) == (kept.reservation_id, USED)
    assert await world.broken() == []


async def test_another_basket_for_the_same_check_is_refused(world: CouponsWorld) -> None:
    ann, code = await world.a_member(), await world.a_code()
    kept = await world.reserved(ann, *by_code(code))

    refused = await refusal(
        world.reserved(ann, *by_code(code), check_ref=kept.check_ref, basket=a_basket(20_000))
    )

    assert refused == (
        grpc.StatusCode.ALREADY_EXISTS,
        "BUSINESS_KEY_CONFLICT",
        {"check_ref": kept.check_ref, "reservation_id": kept.reservation_id},
    )


async def test_two_partners_may_name_a_check_alike_and_see_their_own(world: CouponsWorld) -> None:
    ann, code = await world.a_member(), await world.a_code(uses_per_coupon_max=2)
    kept = await world.reserved(ann, *by_code(code))
    rival = world.caller("partner", "rival")
    request = world.a_reservation(ann, *by_code(code), check_ref=kept.check_ref)
    cancel = pb.CancelCouponsRequest(
        program_id=world.program_id, request_id=new_id("req"), check_ref=kept.check_ref
    )

    nothing = await refusal(rival.CancelCoupons(cancel))
    theirs = (await rival.ReserveCoupons(request)).reservation

    assert nothing[:2] == (grpc.StatusCode.NOT_FOUND, "COUPON_RESERVATION_UNKNOWN")
    assert (theirs.source, theirs.reservation_id == kept.reservation_id) == ("rival", False)


async def test_using_and_cancelling_happen_once_however_often_they_are_asked_for(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_coupon_max=2)
    ann, (code,) = await world.a_member(), await world.codes(campaign)
    paid, given_up = [await world.reserved(ann, *by_code(code)) for _ in range(2)]

    for _ in range(2):
        assert (await world.used(paid.check_ref)).status == USED
        assert (await world.cancelled(given_up.check_ref)).status == CANCELLED

    assert (await world.campaign(campaign)).counts == pb.CouponCounts(
        codes_count=1, used_count=1, used_minor=1_000
    )
    assert await world.broken() == []


async def test_what_was_given_up_cannot_be_used_and_what_was_paid_not_given_up(world: CouponsWorld) -> None:
    ann, code = await world.a_member(), await world.a_code(uses_per_coupon_max=2)
    paid, given_up = [await world.reserved(ann, *by_code(code)) for _ in range(2)]
    await world.used(paid.check_ref)
    await world.cancelled(given_up.check_ref)

    found = [await refusal(world.used(given_up.check_ref)), await refusal(world.cancelled(paid.check_ref))]

    assert [(code, reason, facts["status"]) for code, reason, facts in found] == [
        (PRECONDITION, "COUPON_RESERVATION_ENDED", "CANCELLED"),
        (PRECONDITION, "COUPON_RESERVATION_ENDED", "USED"),
    ]


async def test_a_check_that_is_returned_gives_back_what_its_campaigns_give_back(world: CouponsWorld) -> None:
    back, gone = await world.a_campaign(returnable=True), await world.a_campaign()
    ann = await world.a_member()
    (coupon_id,) = await world.issued(back, ann)
    kept = await world.reserved(ann, *by_id(coupon_id), *by_code(*await world.codes(gone)))
    await world.used(kept.check_ref)

    answers = [await world.cancelled(kept.check_ref) for _ in range(2)]

    assert [(each.status, list(each.returned_coupon_ids)) for each in answers] == [
        (RETURNED, [coupon_id])
    ] * 2
    assert (await world.statuses(back), await world.statuses(gone)) == (["ISSUED"], ["USED"])
    assert await world.broken() == []


@pytest.mark.parametrize("returnable", [(True, True), (True, False), (False, True), (False, False)])
async def test_all_coupons_of_one_check_may_be_for_a_first_order_which_is_counted_once(
    world: CouponsWorld, returnable: tuple[bool, bool]
) -> None:
    campaigns = [await world.a_campaign(first_order_only=True, returnable=each) for each in returnable]
    ann, codes = await world.a_member(), [(await world.codes(each))[0] for each in campaigns]
    another = by_code(await world.a_code(first_order_only=True))

    kept = await world.reserved(ann, *by_code(*codes))
    beside = await world.quoted(ann, another)
    await world.used(kept.check_ref)
    if any(returnable):
        await world.cancelled(kept.check_ref)
    after = await world.quoted(ann, another)

    assert kept.quote.off_minor == 2_000
    assert whys(beside.refused) == {1: "NOT_FIRST_ORDER"}
    assert whys(after.refused) == ({} if all(returnable) else {1: "NOT_FIRST_ORDER"})
    assert await world.broken() == []


async def test_members_count_their_uses_over_all_codes_of_a_campaign(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_member_max=2)
    (ann, bob), codes = await world.members(2), await world.codes(campaign, 4)
    for code in codes[:2]:
        await world.reserved(ann, *by_code(code))

    third = await world.quoted(ann, by_code(codes[2]))
    other = await world.reserved(bob, *by_code(codes[3]))

    assert (whys(third.refused), other.status) == ({1: "MEMBER_LIMIT"}, OPEN)


# Time


async def test_what_nobody_pays_is_given_back_once(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(uses_per_member_max=2, uses_per_coupon_max=2)
    ann, (code,) = await world.a_member(), await world.codes(campaign)
    kept = [await world.reserved(ann, *by_code(code)) for _ in range(2)]
    await world.used(kept[0].check_ref)

    early = await world.ended(NOON + timedelta(minutes=14))
    late = [await world.ended(NOON + timedelta(minutes=15)) for _ in range(2)]

    assert early == 0
    assert late[1] == 0
    assert await world.statuses(campaign) == ["ISSUED"]
    refused = await refusal(world.used(kept[1].check_ref))
    assert (refused[1], refused[2]["status"]) == ("COUPON_RESERVATION_ENDED", "EXPIRED")
    assert (await world.cancelled(kept[1].check_ref)).status == EXPIRED
    assert await world.broken() == []


async def test_a_coupon_is_kept_no_longer_than_its_campaign_lasts(world: CouponsWorld) -> None:
    end = NOON + timedelta(minutes=5)
    code = await world.a_code(end_time=timestamp(end))

    kept = await world.reserved(await world.a_member(), *by_code(code))

    assert moment(kept.expire_time) == end


async def test_what_is_kept_too_long_is_not_used_though_nobody_has_given_it_back_yet(
    benefits: BenefitsWorld,
) -> None:
    world = await coupons_world(benefits)
    kept = await world.reserved(await world.a_member(), *by_code(await world.a_code()))
    benefits.members.times[world.program_id] = NOON + timedelta(minutes=15)

    async def refused() -> bool:
        """A moved clock is noticed within a second."""
        quote = await world.quoted(kept.member_id, [])
        return bool(moment(quote.quoted_time) > NOON)

    await until(refused)
    found = await refusal(world.used(kept.check_ref))

    assert (found[1], found[2]["status"]) == ("COUPON_RESERVATION_ENDED", "EXPIRED")
