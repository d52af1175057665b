"""What tills and members are told that a basket costs with coupons."""

import grpc
import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import retry_after_seconds
from libs.common.rpc.time import timestamp
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
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON

NOT_FOUND = grpc.StatusCode.NOT_FOUND


@pytest.fixture(scope="module")
async def world(benefits: BenefitsWorld) -> CouponsWorld:
    return await coupons_world(benefits)


@pytest.fixture(scope="module")
async def ann(world: CouponsWorld) -> str:
    return await world.a_member()


async def test_a_quote_says_what_counts_what_does_not_and_what_each_line_costs(
    world: CouponsWorld, ann: str
) -> None:
    share = await world.a_code(kind=pb.COUPON_KIND_PERCENTAGE, off_bp=500)
    small = await world.a_code(basket_min_minor=50_000)

    quote = await world.quoted(ann, by_code(small, share), a_basket(3_333, 6_666, shipping_minor=500))

    assert (quote.goods_minor, quote.off_minor, quote.shipping_minor, quote.pay_minor) == (
        9_999,
        499,
        500,
        10_000,
    )
    (discount,) = quote.discounts
    assert (discount.place, discount.off_minor, discount.name_zh) == (2, 499, "满减券")
    assert [(each.line, each.off_minor) for each in quote.lines] == [(1, 166), (2, 333)]
    (refused,) = quote.refused
    assert (refused.place, dict(refused.params)) == (1, {"least": "50000", "missing": "40001"})
    assert refused.text_zh == "“满减券”需满US$500.00，还差US$400.01。"
    assert quote.quoted_time == timestamp(NOON)


async def test_the_discount_of_the_tier_counts_first(benefits: BenefitsWorld, world: CouponsWorld) -> None:
    story = Story(world.program_id).buys(30_000)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())

    quote = await world.quoted(
        story.member_id, by_code(await world.a_code(kind=pb.COUPON_KIND_PERCENTAGE, off_bp=1_000))
    )

    assert [(each.tier, each.off_minor) for each in quote.discounts] == [("gold", 500), ("", 950)]
    assert quote.pay_minor == 8_550


async def test_a_member_asks_for_themselves_and_for_nobody_else(world: CouponsWorld, ann: str) -> None:
    code, member = await world.a_code(), world.caller("member", ann)

    quote = (await member.QuoteCoupons(world.a_quote(ann, by_code(code)))).quote
    other = await refusal(member.QuoteCoupons(world.a_quote(await world.a_member(), by_code(code))))

    assert quote.off_minor == 1_000
    assert other[:2] == (NOT_FOUND, "MEMBER_UNKNOWN")


@pytest.mark.parametrize(
    "kind", ["nobody has heard of", "of another program", "of another member", "by the id of one with a code"]
)
async def test_what_is_not_the_members_is_like_what_is_not_there(
    benefits: BenefitsWorld, world: CouponsWorld, ann: str, kind: str
) -> None:
    campaign = await world.a_campaign()
    other = await coupons_world(benefits)
    names = {
        "nobody has heard of": by_code("2345-6789-ABCD-EFGH"),
        "of another program": by_code(await other.a_code()),
        "of another member": by_id(*await world.issued(campaign, await world.a_member())),
        "by the id of one with a code": by_id(await _id_of_one(world, campaign)),
    }

    quote = await world.quoted(ann, names[kind])

    missing = await world.quoted(ann, by_id(f"cpn_{'0' * 32}"))
    assert quote.refused == missing.refused
    assert whys(quote.refused) == {1: "UNKNOWN"}


async def _id_of_one(world: CouponsWorld, campaign: str) -> str:
    await world.codes(campaign)
    request = pb.ListCouponsRequest(program_id=world.program_id, campaign=campaign)
    return next(each.coupon_id for each in (await world.staff.ListCoupons(request)).coupons if each.ending)


async def test_a_code_is_good_however_it_is_typed(world: CouponsWorld, ann: str) -> None:
    code = await world.a_code()

    quote = await world.quoted(ann, by_code(f" {code.lower().replace('-', ' ')} "))

    assert quote.off_minor == 1_000


async def test_a_first_order_is_one_before_which_nothing_was_bought(
    benefits: BenefitsWorld, world: CouponsWorld, ann: str
) -> None:
    buyer = Story(world.program_id).buys(100)
    benefits.members.knows([buyer])
    await benefits.apply(buyer.partition, buyer.registration(), buyer.told())
    codes = by_code(await world.a_code(first_order_only=True))

    new, old = await world.quoted(ann, codes), await world.quoted(buyer.member_id, codes)

    assert (new.off_minor, whys(old.refused)) == (1_000, {1: "NOT_FIRST_ORDER"})


async def test_a_campaign_is_over_at_its_midnight_and_not_a_moment_before(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits)
    # Midnight in New York, where the program is.
    midnight = NOON.replace(hour=5)
    benefits.members.times[world.program_id] = midnight - DAY / 86_400_000
    member_id = await world.a_member()
    terms = {"start_time": timestamp(midnight - DAY)}
    tonight = await world.a_code(**terms, end_time=timestamp(midnight))
    tomorrow = await world.a_code(**terms, end_time=timestamp(midnight + DAY))

    before = await world.quoted(member_id, by_code(tonight, tomorrow))
    later = await coupons_world(benefits)
    benefits.members.times[later.program_id] = midnight
    over = await later.a_code(**terms, end_time=timestamp(midnight))
    after = await later.quoted(await later.a_member(), by_code(over))

    assert (whys(before.refused), whys(after.refused)) == ({}, {1: "ENDED"})


async def test_the_basket_is_of_the_currency_of_the_program(world: CouponsWorld, ann: str) -> None:
    asked = world.a_quote(ann, [], a_basket(currency="CNY"))

    found = await refusal(world.till.QuoteCoupons(asked))

    assert found == (grpc.StatusCode.INVALID_ARGUMENT, "CURRENCY_MISMATCH", {"currency": "USD"})


async def test_a_line_that_is_there_twice_is_refused(world: CouponsWorld, ann: str) -> None:
    twice = pb.CouponBasket(currency="USD", lines=[pb.BasketLine(line=1), pb.BasketLine(line=1)])

    code, reason, facts = await refusal(world.till.QuoteCoupons(world.a_quote(ann, [], twice)))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert facts == {"basket.lines": "each line once"}


# Guesses


async def test_who_tries_too_many_wrong_codes_waits_and_no_other_member_does(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits, wrong_codes_max=5)
    ann, bob = await world.members(2)
    good = await world.a_code()
    member = world.caller("member", ann)
    for _ in range(5):
        await member.QuoteCoupons(world.a_quote(ann, by_code(new_id("wrong"))))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await member.QuoteCoupons(world.a_quote(ann, by_code(good)))

    reason, *_ = (await refusal(world.till.QuoteCoupons(world.a_quote(ann, by_code(good)))))[1:]
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason == "COUPON_GUESSES_TOO_MANY"
    assert 0 < _delay(refused.value) <= 600
    assert (await world.quoted(bob, by_code(good))).off_minor == 1_000
    assert (await world.quoted(ann, [])).pay_minor == 10_000


async def test_a_partner_that_tries_codes_for_many_members_waits_as_a_whole(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits, wrong_codes_per_partner_max=6)
    members = await world.members(4)
    for member_id in members[:3]:
        await world.quoted(member_id, by_code(new_id("wrong"), new_id("wrong")))

    found = await refusal(world.till.QuoteCoupons(world.a_quote(members[3], by_code("any"))))

    assert found[1] == "COUPON_GUESSES_TOO_MANY"


async def test_good_codes_are_no_guesses(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits, wrong_codes_max=1)
    ann, code = await world.a_member(), await world.a_code()

    quotes = [await world.quoted(ann, by_code(code)) for _ in range(3)]

    assert [each.off_minor for each in quotes] == [1_000] * 3


def _delay(error: grpc.aio.AioRpcError) -> float:
    seconds = retry_after_seconds(error)
    assert seconds is not None
    return seconds
