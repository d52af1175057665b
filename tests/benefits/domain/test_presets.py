"""The programs that are shipped: what each tier inherits, and what is paid by it."""

import pytest

from libs.common.program import preset, preset_names
from services.benefits.domain.discounts import Basket, Left
from services.benefits.domain.entitlements import entitlements, granting_tier, locked


@pytest.mark.parametrize("name", preset_names())
def test_each_tier_has_its_own_benefits_and_all_of_those_below(name: str) -> None:
    (ladder,) = preset(name).tier_sets

    for place, tier in enumerate(ladder.tiers):
        held = [each.grant.benefit for each in entitlements(ladder, tier.key)]
        listed = [grant.benefit for each in reversed(ladder.tiers[: place + 1]) for grant in each.benefits]
        assert held == listed
        added = [each.grant.benefit for each in locked(ladder, tier.key)]
        assert added == [grant.benefit for each in ladder.tiers[place + 1 :] for grant in each.benefits]


@pytest.mark.parametrize(("tier", "pays"), [("silver", 95_000), ("gold", 90_000), ("diamond", 80_000)])
def test_an_airline_sells_a_thousand_for_950_900_and_800(tier: str, pays: int) -> None:
    (ladder,) = preset("airline_three").tier_sets
    discount_bp = next(each.discount_bp for each in ladder.tiers if each.key == tier)
    left = Left.of(Basket(((1, 100_000),)), 10_000)

    left.take(left.tier_off(discount_bp))

    assert left.goods_minor == pays


def test_a_tier_that_inherits_nothing_has_its_own_and_adds_what_nobody_below_it_has() -> None:
    (ladder,) = preset("sports_four").tier_sets
    bronze, silver, gold, platinum = ladder.tiers
    apart = gold.model_copy(update={"inherits": False, "benefits": (*silver.benefits, *gold.benefits)})
    changed = ladder.model_copy(update={"tiers": (bronze, silver, apart, platinum)})

    def held(tier: str) -> list[tuple[str, str]]:
        return [(each.grant.benefit, each.granted_by_tier) for each in entitlements(changed, tier)]

    assert held("gold") == [(grant.benefit, "gold") for grant in apart.benefits]
    assert [tier for _, tier in held("platinum")] == ["platinum"] * 2 + ["gold"] * 4
    assert [(each.grant.benefit, each.tier) for each in locked(changed, "bronze")] == [
        (grant.benefit, tier.key) for tier in (silver, gold, platinum) for grant in tier.benefits
    ]
    assert granting_tier(changed, "city_event") == "silver"
