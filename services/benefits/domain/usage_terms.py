"""Who may have what is used: what usage is compared with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from libs.common.benefit_policy import BenefitGrant
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.coupons import Campaign
from services.benefits.domain.entitlements import entitlements
from services.benefits.domain.rewards import Reward

OTHERS_NAME = ("其他", "others")


@dataclass(frozen=True, slots=True)
class Terms:
    """What an item is called, as (Chinese, English), and by tier set the tiers that may have it."""

    name: tuple[str, str]
    tiers: Mapping[str, Collection[str]]


def anybody(program: Program, name: tuple[str, str] = OTHERS_NAME) -> Terms:
    """Of what every tier may have."""
    return Terms(name, {each.key: _tiers(each) for each in program.tier_sets})


def of_benefit(program: Program, key: str) -> Terms:
    """Of a benefit: the tiers that grant it; every tier where contracts do, too, or none does any more."""
    tiers = {
        tier_set.key: [tier for tier in _tiers(tier_set) if _grants(tier_set, tier, key)]
        for tier_set in program.tier_sets
    }
    granting = {tier_set: found for tier_set, found in tiers.items() if found}
    name = _name(program, key)
    if not granting or program.contracts.granting_plan(key) is not None:
        return anybody(program, name)
    return Terms(name, granting)


def of_reward(program: Program, reward: Reward) -> Terms:
    """Of a reward: the tiers from the one that it asks for on."""
    terms = anybody(program, reward.terms.name)
    asked = reward.terms.tier
    tiers = list(terms.tiers.get(reward.terms.tier_set, ()))
    if asked not in tiers:
        return terms
    return Terms(terms.name, {**terms.tiers, reward.terms.tier_set: tiers[tiers.index(asked) :]})


def of_campaign(program: Program, campaign: Campaign) -> Terms:
    """Of a campaign of coupons: its tiers, which are of the first tier set."""
    terms = anybody(program, (campaign.name.zh, campaign.name.en))
    if not campaign.terms.tiers:
        return terms
    return Terms(terms.name, {**terms.tiers, program.tier_sets[0].key: campaign.terms.tiers})


def _tiers(tier_set: TierSet) -> list[str]:
    return [tier.key for tier in tier_set.tiers]


def _grants(tier_set: TierSet, tier: str, benefit: str) -> bool:
    return any(each.grant.benefit == benefit for each in entitlements(tier_set, tier))


def _name(program: Program, benefit: str) -> tuple[str, str]:
    """The name of a benefit; its key where the program has it no more."""
    of_tiers = [grant for each in program.tier_sets for tier in each.tiers for grant in tier.benefits]
    of_plans = [grant for plan in program.contracts.plans for grant in plan.benefits]
    found: BenefitGrant | None = next(
        (each for each in [*of_tiers, *of_plans] if each.benefit == benefit), None
    )
    return (benefit, benefit) if found is None else (found.name.zh, found.name.en)
