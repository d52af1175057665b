"""Entitlements: a tier grants its own benefits and, without listing them again, all of those below."""

from itertools import pairwise

import pytest

from libs.common.program import preset, preset_names
from libs.common.tier_policy import TierSet
from services.benefits.domain.entitlements import entitlements

SHIPPED = {f"{name}/{each.key}": each for name in preset_names() for each in preset(name).tier_sets}
LADDERS = [pytest.param(tier_set, id=name) for name, tier_set in SHIPPED.items()]
# Gold above normal, with or without a silver between: shops, and sites that sell gold.
OF_GOLD = [
    pytest.param(tier_set, id=name)
    for name, tier_set in SHIPPED.items()
    if {"normal", "gold"} <= {tier.key for tier in tier_set.tiers}
]


def held(tier_set: TierSet, tier: str) -> set[str]:
    return {entitlement.grant.benefit for entitlement in entitlements(tier_set, tier)}


@pytest.mark.parametrize("tier_set", OF_GOLD)
def test_gold_holds_every_silver_and_every_normal_benefit_without_listing_them_again(
    tier_set: TierSet,
) -> None:
    listed = {tier.key: {grant.benefit for grant in tier.benefits} for tier in tier_set.tiers}
    # A site that sells gold has no silver.
    below = listed["normal"] | listed.get("silver", set())

    assert held(tier_set, "gold") == below | listed["gold"]
    assert not listed["gold"] & below


@pytest.mark.parametrize("tier_set", LADDERS)
def test_each_tier_holds_more_than_the_one_below(tier_set: TierSet) -> None:
    sets = [held(tier_set, tier.key) for tier in tier_set.tiers]

    assert all(below < above for below, above in pairwise(sets))


def test_the_shop_grants_what_the_model_says() -> None:
    (tier_set,) = preset("ecommerce_five").tier_sets

    diamond = [each.grant.benefit for each in entitlements(tier_set, "diamond")]

    assert diamond == [
        "diamond_discount",
        "dedicated_account_manager",
        "platinum_discount",
        "exclusive_gift",
        "gold_discount",
        "one_to_one_service",
        "silver_discount",
        "points_x2",
        "free_shipping",
        "member_discount",
        "birthday_day_extra_discount",
        "event_priority",
    ]


def test_a_benefit_says_which_tier_grants_it_and_whether_it_is_inherited() -> None:
    (tier_set,) = preset("ecommerce_five").tier_sets

    by_benefit = {each.grant.benefit: each for each in entitlements(tier_set, "silver")}

    own, inherited = by_benefit["free_shipping"], by_benefit["member_discount"]
    assert (own.granted_by_tier, own.inherited) == ("silver", False)
    assert (inherited.granted_by_tier, inherited.inherited) == ("normal", True)


@pytest.mark.parametrize("tier", ["", "founder"])
def test_a_tier_that_the_ladder_has_not_grants_nothing(tier: str) -> None:
    (tier_set,) = preset("ecommerce_five").tier_sets

    assert entitlements(tier_set, tier) == []
