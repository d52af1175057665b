"""Lint of what tiers grant: nobody should have less by rising, and each node of a path gives something."""

from collections.abc import Iterator

from libs.common.benefit_policy import BenefitGrant
from libs.common.lint.findings import Finding
from libs.common.tier_policy import TierSet


def findings(tier_set: TierSet, path: str) -> Iterator[Finding]:
    """Where a tier has less than the one below it, or a node of a path gives nothing."""
    for rank, tier in enumerate(tier_set.tiers[1:], start=1):
        if tier_set.path is not None and not tier.reward_points and not tier.benefits:
            yield Finding("NODE_WITHOUT_REWARD", f"{path}.tiers[{rank}]", {"tier": tier.key})
    for rank in range(1, len(tier_set.tiers)):
        lower, tier = tier_set.tiers[rank - 1], tier_set.tiers[rank]
        here, params = f"{path}.tiers[{rank}]", {"tier": tier.key, "lower": lower.key}
        if tier.discount_bp > lower.discount_bp:
            yield Finding("DISCOUNT_WORSE", f"{here}.discount_bp", params)
        if tier.multiplier_bp < lower.multiplier_bp:
            yield Finding("MULTIPLIER_LOWER", f"{here}.multiplier_bp", params)
        having, had = _grants(tier_set, rank), _grants(tier_set, rank - 1)
        for benefit in had:
            if benefit not in having:
                yield Finding("BENEFIT_LOST", f"{here}.inherits", params | {"benefit": benefit})
            elif _less(having[benefit], had[benefit]):
                yield Finding("QUOTA_SMALLER", f"{here}.benefits", params | {"benefit": benefit})


def _grants(tier_set: TierSet, rank: int) -> dict[str, BenefitGrant]:
    return {grant.benefit: grant for tier in tier_set.granting(rank) for grant in tier.benefits}


def _less(grant: BenefitGrant, before: BenefitGrant) -> bool:
    """Whether there is less of a benefit; quotas of other units or periods are not compared."""
    if grant.quota is None or before.quota is None:
        return grant.quota is not None
    alike = (grant.quota.unit, grant.quota.period) == (before.quota.unit, before.quota.period)
    return alike and grant.quota.amount < before.quota.amount
