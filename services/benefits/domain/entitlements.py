"""Entitlements: what a tier grants, with all that it inherits from the tiers below it."""

from dataclasses import dataclass

from libs.common.program import BenefitGrant, TierSet


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A benefit that a member holds, and the tier in whose list it stands."""

    grant: BenefitGrant
    tier_set: str
    granted_by_tier: str
    inherited: bool


def entitlements(tier_set: TierSet, tier: str) -> list[Entitlement]:
    """The benefits of a tier: its own first, then those of each tier below, the nearest first.

    A tier that the ladder no longer has grants nothing.
    """
    keys = [each.key for each in tier_set.tiers]
    if tier not in keys:
        return []
    upto = tier_set.tiers[: keys.index(tier) + 1]
    return [
        Entitlement(grant, tier_set.key, each.key, inherited=each.key != tier)
        for each in reversed(upto)
        for grant in each.benefits
    ]
