"""Entitlements: what a tier grants, with all that it inherits from the tiers below it."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.benefit_policy import BenefitGrant
from libs.common.tier_policy import TierSet


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A benefit that a member holds, and the tier in whose list it stands.

    `contract_id` and `plan` name the contract without which the member would
    not have it: by a tier that they did not earn, or by itself, without tier.
    """

    grant: BenefitGrant
    tier_set: str
    granted_by_tier: str
    inherited: bool
    contract_id: str = ""
    plan: str = ""
    since_time: datetime | None = None


def entitlements(tier_set: TierSet, tier: str) -> list[Entitlement]:
    """The benefits of a tier: its own, then those of each tier that it inherits from, the nearest first.

    A tier that the ladder no longer has grants nothing.
    """
    keys = [each.key for each in tier_set.tiers]
    if tier not in keys:
        return []
    return [
        Entitlement(grant, tier_set.key, each.key, inherited=each.key != tier)
        for each in reversed(tier_set.granting(keys.index(tier)))
        for grant in each.benefits
    ]


@dataclass(frozen=True, slots=True)
class Locked:
    """A benefit that a member does not have, the lowest tier that grants it, and how far that is."""

    grant: BenefitGrant
    tier_set: str
    tier: str
    steps: int


def locked(tier_set: TierSet, tier: str) -> list[Locked]:
    """What the tiers above one would add, the next tier first; nothing for one that is no more."""
    keys = [each.key for each in tier_set.tiers]
    if tier not in keys:
        return []
    place = keys.index(tier)
    known = {grant.benefit for each in tier_set.granting(place) for grant in each.benefits}
    added = []
    for steps, each in enumerate(tier_set.tiers[place + 1 :], start=1):
        new = [grant for grant in each.benefits if grant.benefit not in known]
        added += [Locked(grant, tier_set.key, each.key, steps) for grant in new]
        known.update(grant.benefit for grant in new)
    return added


def granting_tier(tier_set: TierSet, benefit: str) -> str | None:
    """The lowest tier of a ladder that grants a benefit."""
    for tier in tier_set.tiers:
        if any(grant.benefit == benefit for grant in tier.benefits):
            return tier.key
    return None
