"""Discounts take what they say and no more than there is, in whole minor units, line by line."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.benefits.domain.coupon_quotes import Shopper
from services.benefits.domain.coupons import CouponKind
from services.benefits.domain.discounts import Left, allocated
from tests.benefits.domain.coupon_builders import (
    CASHBACK,
    FIVE_PERCENT,
    SHIPPING,
    a_basket,
    a_campaign,
    a_tier,
    asked,
    quoted,
    some_terms,
    steps,
)

amounts = st.lists(st.integers(0, 5_000_000_000), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("tier", "discount_bp", "pays"),
    [("silver", 9_500, 95_000), ("gold", 9_000, 90_000), ("diamond", 8_000, 80_000)],
)
def test_an_airline_sells_a_thousand_for_less_by_tier(tier: str, discount_bp: int, pays: int) -> None:
    shopper = Shopper(tier=a_tier(discount_bp, tier))

    found = quoted(a_basket(100_000), shopper=shopper)

    assert (found.pay_minor, found.goods_off_minor) == (pays, 100_000 - pays)


def test_a_share_is_floored_so_that_no_discount_gives_more_than_it_says() -> None:
    # 5 % of 9.99 are 0.4995.
    assert quoted(a_basket(999), *asked(a_campaign(**FIVE_PERCENT))).goods_off_minor == 49


@pytest.mark.parametrize(
    ("goods", "off"),
    [(29_999, 0), (30_000, 5_000), (59_999, 5_000), (60_000, 12_000), (1_000_000, 12_000)],
    ids=["a cent short", "the first step", "a cent short of the second", "the second step", "far above"],
)
def test_a_threshold_takes_the_highest_step_that_the_goods_reach(goods: int, off: int) -> None:
    terms: dict[str, Any] = {
        "kind": CouponKind.THRESHOLD,
        "steps": steps((30_000, 5_000), (60_000, 12_000)),
    }

    assert quoted(a_basket(goods), *asked(a_campaign(**terms))).goods_off_minor == off


def test_a_bound_holds_whatever_the_share_comes_to() -> None:
    campaign = a_campaign(kind=CouponKind.PERCENTAGE, off_bp=5_000, off_max_minor=2_000)

    assert quoted(a_basket(10_000), *asked(campaign)).goods_off_minor == 2_000


def test_free_shipping_takes_the_shipping_and_leaves_the_goods() -> None:
    found = quoted(a_basket(10_000, shipping_minor=800), *asked(a_campaign(**SHIPPING)))

    assert (found.pay_minor, found.shipping_off_minor, found.goods_off_minor) == (10_000, 800, 0)


def test_cashback_is_counted_from_what_is_paid_and_leaves_the_price() -> None:
    found = quoted(a_basket(10_000), *asked(a_campaign("back", **CASHBACK), a_campaign(off_minor=4_000)))

    assert (found.pay_minor, found.cashback_minor) == (6_000, 600)


def test_an_amount_takes_no_more_than_there_is() -> None:
    assert quoted(a_basket(700), *asked(a_campaign(off_minor=1_000))).pay_minor == 0


def test_what_remains_goes_to_the_largest_remainders_and_of_equal_ones_to_the_first() -> None:
    # 100 of 333 each are 33.33; of 100, 200 and 300 they are 16.67, 33.33 and 50.
    assert allocated(100, [333, 333, 333]) == [34, 33, 33]
    assert allocated(100, [100, 200, 300]) == [17, 33, 50]


def test_nothing_is_divided_among_nothing() -> None:
    assert allocated(0, [0, 0]) == [0, 0]


@given(amounts, st.integers(0, 10_000))
def test_the_parts_of_the_lines_are_the_whole_and_none_is_more_than_its_line(
    lines: list[int], bp: int
) -> None:
    whole = sum(lines) * bp // 10_000

    parts = allocated(whole, lines)

    assert sum(parts) == whole
    assert all(0 <= part <= line for part, line in zip(parts, lines, strict=True))


@given(amounts, st.lists(st.sampled_from(["share", "amount", "back"]), max_size=6), st.integers(0, 10_000))
@example([1, 1], ["back", "back"], 10_000)
def test_whatever_is_taken_off_no_line_falls_below_nothing(
    lines: list[int], kinds: list[str], off_max_bp: int
) -> None:
    offers = {
        "share": some_terms(kind=CouponKind.PERCENTAGE, off_bp=3_333),
        "amount": some_terms(off_minor=777),
        "back": some_terms(kind=CouponKind.CASHBACK, off_bp=5_000),
    }
    left = Left.of(a_basket(*lines), off_max_bp)

    for kind in sorted(kinds, key=lambda each: each == "back"):
        left.take(left.off(offers[kind]))

    assert min(left.lines) >= 0
    assert min(left.unreturned) >= 0
    assert left.room_minor >= 0
