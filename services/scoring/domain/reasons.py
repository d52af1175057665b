"""Reasons of tier decisions: the codes, and when each is given. Texts are rendered on reading."""

from enum import StrEnum

from services.scoring.domain.receipts import Outcome, Reason
from services.scoring.domain.rules import RuleResult, TierRule

Results = tuple[RuleResult, ...]


class ReasonCode(StrEnum):
    """Every code that a receipt can hold."""

    TIER_ENROLLED = "TIER_ENROLLED"
    TIER_REACHED = "TIER_REACHED"
    TIER_KEPT = "TIER_KEPT"
    TIER_PROTECTED = "TIER_PROTECTED"
    NEXT_TIER_GAP = "NEXT_TIER_GAP"
    NEAR_UPGRADE = "NEAR_UPGRADE"
    TOP_TIER = "TOP_TIER"


def outcome_reasons(outcome: Outcome, *, tier: TierRule, earned: str, results: Results) -> list[Reason]:
    """Why the tier is what it is; when it is new, each part of the proof that its rule holds is a reason."""
    if outcome is Outcome.KEPT:
        reasons = [Reason(ReasonCode.TIER_KEPT, {"tier": tier.key})]
        if tier.key != earned:
            reasons.append(Reason(ReasonCode.TIER_PROTECTED, {"tier": tier.key, "earned_tier": earned}))
        return reasons
    proof = tier.condition.proof(results) if tier.condition else []
    reached = [Reason(ReasonCode.TIER_REACHED, _measured(result)) for result in proof]
    if outcome is Outcome.ENROLLED:
        return [Reason(ReasonCode.TIER_ENROLLED, {"tier": tier.key}), *reached]
    return reached


def next_reasons(
    held: str, above: TierRule | None, results: Results, *, near_upgrade_bp: int
) -> list[Reason]:
    """What is missing for the tier above, and whether that is little."""
    if above is None or above.condition is None:
        return [Reason(ReasonCode.TOP_TIER, {"tier": held})]
    reasons = [
        Reason(ReasonCode.NEXT_TIER_GAP, _measured(result) | {"missing": str(result.missing)})
        for result in results
        if not result.met
    ]
    progress_bp = above.condition.progress_bp(results)
    if progress_bp >= near_upgrade_bp:
        params = {"tier": above.key, "progress_bp": str(progress_bp)}
        reasons.append(Reason(ReasonCode.NEAR_UPGRADE, params))
    return reasons


def _measured(result: RuleResult) -> dict[str, str]:
    rule = result.rule
    params = {
        "tier": rule.tier,
        "metric": rule.metric,
        "op": rule.op,
        "threshold": str(rule.threshold),
        "value": str(result.value),
    }
    return params | {"currency": rule.currency} if rule.currency else params
