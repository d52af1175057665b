"""Which coupons count together, in which order, and why each of the others does not."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.coupon_policy import Coupons
from services.benefits.domain.coupon_quotes import Candidate, Quote, Refused, Shopper, Why
from services.benefits.domain.coupon_texts import COUPON_TEXTS, coupon_text
from services.benefits.domain.coupons import Campaign, CouponKind
from tests.benefits.domain.coupon_builders import (
    CASHBACK,
    ENDS,
    FIVE_PERCENT,
    OPENS,
    SHIPPING,
    a_basket,
    a_campaign,
    a_coupon,
    a_tier,
    asked,
    quoted,
    steps,
    whys,
)
from tests.support.builders import NOON

GOLD = Shopper(tier=a_tier(9_000))
HUNDRED = a_basket(10_000)


def offs(of: Quote) -> list[tuple[str, int]]:
    """What counts, by campaign, in order; the tier's without one."""
    return [(each.campaign.key if each.campaign else "", each.off.total_minor) for each in of.discounts]


# What goes together

TABLE: dict[str, tuple[list[Campaign], list[tuple[str, int]], dict[int, str]]] = {
    "the tier first, then shares, then amounts": (
        [a_campaign("b_amount"), a_campaign("a_share", **FIVE_PERCENT)],
        [("", 1_000), ("a_share", 450), ("b_amount", 1_000)],
        {},
    ),
    "a higher priority goes before a share": (
        [a_campaign("share", **FIVE_PERCENT), a_campaign("first", priority=1)],
        [("", 1_000), ("first", 1_000), ("share", 400)],
        {},
    ),
    "of equal ones by key": (
        [a_campaign("zeta", off_minor=10), a_campaign("alpha", off_minor=20)],
        [("", 1_000), ("alpha", 20), ("zeta", 10)],
        {},
    ),
    "what goes alone, when it gives more": (
        [a_campaign("small", off_minor=100), a_campaign("alone", off_minor=500, exclusive=True)],
        [("", 1_000), ("alone", 500)],
        {1: "EXCLUDED"},
    ),
    "what goes together, when that gives more": (
        [
            a_campaign("one", off_minor=300),
            a_campaign("two", off_minor=300),
            a_campaign("alone", off_minor=500, exclusive=True),
        ],
        [("", 1_000), ("one", 300), ("two", 300)],
        {3: "EXCLUSIVE"},
    ),
    "what has the higher priority, though it gives less": (
        [
            a_campaign("large", off_minor=5_000),
            a_campaign("alone", off_minor=100, exclusive=True, priority=1),
        ],
        [("", 1_000), ("alone", 100)],
        {1: "EXCLUDED"},
    ),
    "one of two that go alone": (
        [
            a_campaign("less", off_minor=400, exclusive=True),
            a_campaign("more", off_minor=500, exclusive=True),
        ],
        [("", 1_000), ("more", 500)],
        {1: "EXCLUSIVE"},
    ),
    "nothing of what goes alone and takes nothing": (
        [a_campaign("alone", exclusive=True, priority=9, **SHIPPING), a_campaign("other", off_minor=100)],
        [("", 1_000), ("other", 100)],
        {1: "NOTHING_LEFT"},
    ),
    "cashback last, whatever its priority": (
        [a_campaign("back", priority=9, **CASHBACK), a_campaign("amount", off_minor=4_000)],
        [("", 1_000), ("amount", 4_000), ("back", 500)],
        {},
    ),
    "no more than there is": (
        [a_campaign("all", off_minor=9_000), a_campaign("more", off_minor=1_000)],
        [("", 1_000), ("all", 9_000)],
        {2: "NOTHING_LEFT"},
    ),
}


@pytest.mark.parametrize(("campaigns", "counts", "refused"), TABLE.values(), ids=TABLE)
def test_what_counts(
    campaigns: list[Campaign], counts: list[tuple[str, int]], refused: dict[int, str]
) -> None:
    found = quoted(HUNDRED, *asked(*campaigns), shopper=GOLD)

    assert (offs(found), whys(found)) == (counts, refused)


def test_of_one_campaign_one_coupon_counts() -> None:
    campaign = a_campaign()
    both = [Candidate(1, a_coupon(campaign, 2), campaign), Candidate(2, a_coupon(campaign, 1), campaign)]

    found = quoted(HUNDRED, *both)

    assert (offs(found), whys(found)) == ([("ten_off", 1_000)], {1: "SAME_CAMPAIGN"})


def test_the_same_coupon_twice_counts_once() -> None:
    campaign = a_campaign()
    coupon = a_coupon(campaign)

    found = quoted(HUNDRED, Candidate(1, coupon, campaign), Candidate(2, coupon, campaign))

    assert (found.goods_off_minor, list(whys(found).values())) == (1_000, ["SAME_CAMPAIGN"])


def test_a_coupon_that_is_used_leaves_its_place_to_another_of_its_campaign() -> None:
    campaign = a_campaign()
    both = [
        Candidate(1, a_coupon(campaign, 1, taken_count=1), campaign),
        Candidate(2, a_coupon(campaign, 2), campaign),
    ]

    found = quoted(HUNDRED, *both)

    assert (found.goods_off_minor, whys(found)) == (1_000, {1: "USED_UP"})


def test_a_check_takes_so_many_coupons_and_what_takes_nothing_is_none_of_them() -> None:
    campaigns = [a_campaign(f"c{number}", off_minor=10) for number in range(4)]
    campaigns.append(a_campaign("a_shipping", **SHIPPING))

    found = quoted(HUNDRED, *asked(*campaigns), policy=Coupons(stacked_max=3))

    assert [key for key, _ in offs(found)] == ["c0", "c1", "c2"]
    assert whys(found) == {4: "TOO_MANY", 5: "TOO_MANY"}


def test_a_check_gives_so_much_of_its_goods_and_the_tier_has_the_first_of_it() -> None:
    found = quoted(
        HUNDRED, *asked(a_campaign(off_minor=5_000)), shopper=GOLD, policy=Coupons(off_max_bp=3_000)
    )

    assert offs(found) == [("", 1_000), ("ten_off", 2_000)]


# What stands against a coupon

AGAINST: dict[Why, tuple[dict[str, Any], dict[str, Any]]] = {
    Why.VOID: ({}, {"void": True}),
    Why.USED_UP: ({}, {"taken_count": 1}),
    Why.NOT_STARTED: ({"start_time": NOON + (ENDS - NOON) / 2}, {}),
    Why.PAUSED: ({"paused": True}, {}),
    Why.CAMPAIGN_USED_UP: ({"uses_max": 3, "taken": (3, 0)}, {}),
    Why.BUDGET_SPENT: ({"budget_minor": 1_999, "taken": (1, 1_000)}, {}),
    Why.MEMBER_LIMIT: ({"uses_per_member_max": 2}, {}),
    Why.WRONG_TIER: ({"tiers": ("diamond",)}, {}),
    Why.BASKET_TOO_SMALL: ({"basket_min_minor": 10_001}, {}),
    Why.NOT_FIRST_ORDER: ({"first_order_only": True}, {}),
}


@pytest.mark.parametrize("why", AGAINST)
def test_a_coupon_is_refused_for_what_stands_against_it(why: Why) -> None:
    of_campaign, of_coupon = AGAINST[why]
    campaign = a_campaign(**of_campaign)
    shopper = Shopper(tier=a_tier(10_000), taken={campaign.campaign_id: 2})

    found = quoted(HUNDRED, Candidate(1, a_coupon(campaign, **of_coupon), campaign), shopper=shopper)

    assert (whys(found), found.discounts) == ({1: why}, ())


def test_what_nobody_knows_is_unknown() -> None:
    assert whys(quoted(HUNDRED, Candidate(1))) == {1: "UNKNOWN"}


def test_each_limit_lets_the_last_one_in() -> None:
    campaign = a_campaign(
        uses_max=3,
        taken=(2, 1_000),
        budget_minor=2_000,
        uses_per_member_max=3,
        basket_min_minor=10_000,
        tiers=("gold",),
        first_order_only=True,
    )
    shopper = Shopper(tier=a_tier(10_000), taken={campaign.campaign_id: 2}, first_order=True)

    assert whys(quoted(HUNDRED, *asked(campaign), shopper=shopper)) == {}


def test_a_threshold_out_of_reach_says_what_is_missing() -> None:
    campaign = a_campaign(kind=CouponKind.THRESHOLD, steps=steps((30_000, 5_000)))

    (refused,) = quoted(HUNDRED, *asked(campaign)).refused

    assert (refused.why, refused.params) == (Why.BASKET_TOO_SMALL, {"least": "30000", "missing": "20000"})


def test_a_window_is_open_from_its_beginning_and_closed_at_its_end() -> None:
    candidates, instant = asked(a_campaign()), (ENDS - OPENS) / 10**6
    moments = [OPENS - instant, OPENS, ENDS - instant, ENDS]

    found = [whys(quoted(HUNDRED, *candidates, at=moment)).get(1) for moment in moments]

    assert found == ["NOT_STARTED", None, None, "ENDED"]


# What holds for all of them

campaigns = st.builds(
    lambda key, kind, numbers, exclusive, priority: a_campaign(
        f"c{key}",
        exclusive=exclusive,
        priority=priority,
        off_max_minor=numbers[2],
        budget_minor=numbers[3],
        **_of_kind(kind, numbers),
    ),
    st.integers(0, 5),
    st.sampled_from(tuple(CouponKind)),
    st.tuples(st.integers(1, 10_000), st.integers(1, 50_000), st.integers(0, 5_000), st.integers(0, 9_000)),
    st.booleans(),
    st.integers(0, 2),
)


def _of_kind(kind: CouponKind, numbers: tuple[int, ...]) -> dict[str, Any]:
    bp, minor = numbers[:2]
    of_kind: dict[CouponKind, dict[str, Any]] = {
        CouponKind.PERCENTAGE: {"off_bp": bp},
        CouponKind.AMOUNT: {"off_minor": minor},
        CouponKind.THRESHOLD: {"steps": steps((minor, minor // 2 + 1))},
        CouponKind.CASHBACK: {"off_bp": bp},
        CouponKind.FREE_SHIPPING: {},
    }
    return {"kind": kind, **of_kind[kind]}


baskets = st.builds(
    lambda amounts, shipping: a_basket(*amounts, shipping_minor=shipping),
    st.lists(st.integers(0, 30_000), min_size=1, max_size=6),
    st.integers(0, 2_000),
)


@given(baskets, st.lists(campaigns, max_size=6), st.integers(0, 10_000), st.integers(0, 10_000))
def test_discounts_never_take_more_than_there_is_and_lines_add_up(
    basket: Any, offered: list[Campaign], discount_bp: int, off_max_bp: int
) -> None:
    found = quoted(
        basket,
        *asked(*offered),
        shopper=Shopper(tier=a_tier(discount_bp)),
        policy=Coupons(off_max_bp=off_max_bp),
    )

    room = basket.goods_minor * off_max_bp // 10_000
    assert found.goods_off_minor + found.cashback_minor <= room
    assert 0 <= found.shipping_off_minor <= basket.shipping_minor
    assert sum(found.line_offs()) == found.goods_off_minor
    assert all(off <= amount for off, (_, amount) in zip(found.line_offs(), basket.lines, strict=True))
    for each in found.discounts:
        assert sum(each.off.lines) in {each.off.goods_minor, each.off.cashback_minor}
        assert each.campaign is None or _within(each.campaign, each.off.total_minor)


def _within(campaign: Campaign, off: int) -> bool:
    terms = campaign.terms
    return off <= (terms.off_max_minor or off) and off <= (terms.budget_minor or off)


@given(baskets, st.lists(campaigns, max_size=4, unique_by=lambda each: each.key))
def test_the_order_in_which_coupons_are_asked_for_means_nothing(basket: Any, offered: list[Campaign]) -> None:
    candidates = asked(*offered)

    found = [quoted(basket, *order, shopper=GOLD) for order in permutations(candidates)]

    assert all(each == found[0] for each in found)


@given(baskets, st.lists(campaigns, max_size=6))
def test_every_coupon_counts_or_is_told_why_not(basket: Any, offered: list[Campaign]) -> None:
    found = quoted(basket, *asked(*offered))

    counted = [each.place for each in found.discounts]
    assert sorted([*counted, *whys(found)]) == list(range(1, len(offered) + 1))


# Texts


def test_every_reason_has_a_text_in_both_languages() -> None:
    assert set(COUPON_TEXTS) == set(Why)
    assert all(set(texts) == {"zh", "en"} for texts in COUPON_TEXTS.values())


def test_a_reason_is_told_by_the_name_of_the_campaign_and_in_money() -> None:
    (refused,) = quoted(a_basket(2_550), *asked(a_campaign(basket_min_minor=10_000))).refused

    told = [coupon_text(refused, "CNY", locale) for locale in ("zh", "en")]

    assert told == [
        "“ten_off券”需满¥100.00，还差¥74.50。",
        "“Ten Off” needs goods for CN¥100.00, which is CN¥74.50 more.",
    ]


@pytest.mark.parametrize("why", Why)
def test_no_text_lacks_what_it_speaks_of(why: Why) -> None:
    params = {"least": "100", "missing": "10", "most": "5", "campaign": "other"}
    refused = Refused(asked(a_campaign())[0], why, params)

    assert not any("?" in coupon_text(refused, "USD", locale) for locale in ("zh", "en"))
