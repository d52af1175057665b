"""Reasons of tier decisions: the codes, and when each is given. Texts are rendered on reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.common.windows import LIFETIME
from services.scoring.domain.moves import Look, Move, Outcome, Ranks
from services.scoring.domain.overrides import Order
from services.scoring.domain.receipts import Reason
from services.scoring.domain.rules import RuleResult, TierRule

Results = tuple[RuleResult, ...]


class ReasonCode(StrEnum):
    """Every code that a receipt can hold."""

    TIER_ENROLLED = "TIER_ENROLLED"
    TIER_REACHED = "TIER_REACHED"
    TIER_KEPT = "TIER_KEPT"
    TIER_PROTECTED = "TIER_PROTECTED"
    TIER_HELD_UNTIL = "TIER_HELD_UNTIL"
    TIER_KEPT_BY = "TIER_KEPT_BY"
    TIER_GRACE = "TIER_GRACE"
    TIER_LOST = "TIER_LOST"
    TIER_SOFT_LANDING = "TIER_SOFT_LANDING"
    TIER_AFTER_PERIOD = "TIER_AFTER_PERIOD"
    TIER_OVERRIDDEN = "TIER_OVERRIDDEN"
    TIER_OVERRIDDEN_UNTIL = "TIER_OVERRIDDEN_UNTIL"
    OVERRIDE_OVER = "OVERRIDE_OVER"
    KEEP_GAP = "KEEP_GAP"
    UPGRADE_HELD = "UPGRADE_HELD"
    NEW_VERSION = "NEW_VERSION"
    SEASON = "SEASON"
    NEXT_TIER_GAP = "NEXT_TIER_GAP"
    NEAR_UPGRADE = "NEAR_UPGRADE"
    TOP_TIER = "TOP_TIER"
    SCORE_LIFTED_BY = "SCORE_LIFTED_BY"
    SCORE_HELD_BACK_BY = "SCORE_HELD_BACK_BY"
    SCORE_AGED = "SCORE_AGED"
    NEXT_LABEL_GAP = "NEXT_LABEL_GAP"


@dataclass(frozen=True, slots=True)
class Moved:
    """A move with what it was made of: the tiers, what their rules said, the ranks and what made us look.

    `integrity` is what risk says and what is asked for, where an upgrade waits for it.
    """

    move: Move
    ranks: Ranks
    look: Look
    tiers: Sequence[TierRule]
    results: Sequence[Results]
    integrity: tuple[int, int] | None = None

    @property
    def tier(self) -> TierRule:
        """The tier after it."""
        return self.tiers[self.move.rank]

    def proof(self, rank: int) -> list[Reason]:
        """The parts of the proof that the rule of a tier holds."""
        condition = self.tiers[rank].condition
        proof = condition.proof(self.results[rank]) if condition else []
        return [Reason(ReasonCode.TIER_REACHED, _measured(result)) for result in proof]

    def keep_gaps(self) -> list[Reason]:
        """What is missing to keep the tier that was held."""
        held = self.ranks.held
        return [
            Reason(ReasonCode.KEEP_GAP, _measured(result) | _gap(result))
            for result in self.tiers[held].of_keep(self.results[held])
            if not result.met
        ]


def outcome_reasons(moved: Moved) -> list[Reason]:
    """Why the tier is what it is; when it is new, each part of the proof that its rule holds is a reason."""
    reasons = []
    if moved.look is Look.NEW_VERSION:
        reasons.append(Reason(ReasonCode.NEW_VERSION, {}))
    match moved.move.outcome:
        case Outcome.ENROLLED:
            reasons.append(Reason(ReasonCode.TIER_ENROLLED, {"tier": moved.tier.key}))
            reasons += moved.proof(moved.move.rank)
        case Outcome.UPGRADED:
            reasons += moved.proof(moved.move.rank)
        case Outcome.KEPT:
            reasons += _kept(moved)
        case Outcome.GRACE:
            params = {"tier": moved.tier.key, "until": _until(moved.move.term.review_time)}
            reasons += [Reason(ReasonCode.TIER_GRACE, params), *moved.keep_gaps()]
        case Outcome.DOWNGRADED:
            reasons += _lost(moved)
        case Outcome.HELD:
            reasons += _held_back(moved)
    return reasons


def override_reasons(moved: Moved, order: Order) -> list[Reason]:
    """Why the tier is not what rules give: staff decided so, and until when."""
    reasons = [Reason(ReasonCode.NEW_VERSION, {})] if moved.look is Look.NEW_VERSION else []
    params = {"tier": order.tier, "earned_tier": moved.tier.key, "why": order.code}
    if order.until_time is None:
        reasons.append(Reason(ReasonCode.TIER_OVERRIDDEN, params))
    else:
        params["until"] = _until(order.until_time)
        reasons.append(Reason(ReasonCode.TIER_OVERRIDDEN_UNTIL, params))
    return reasons + (_held_back(moved) if moved.move.outcome is Outcome.HELD else [])


def over_reasons(moved: Moved, before: str) -> list[Reason]:
    """That an override is over, and why rules give what is held after it."""
    params = {"tier": before, "earned_tier": moved.tier.key}
    return [Reason(ReasonCode.OVERRIDE_OVER, params), *outcome_reasons(moved)]


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


def _kept(moved: Moved) -> list[Reason]:
    """Why a tier stays: it is met, its keep rule is, its term is not over, or nothing is taken away here."""
    tier, ranks = moved.tier.key, moved.ranks
    earned, review_time = moved.tiers[ranks.earned].key, moved.move.term.review_time
    reasons = [Reason(ReasonCode.TIER_KEPT, {"tier": tier})]
    if ranks.earned > ranks.held and review_time is not None:
        params = {"tier": earned, "until": _until(review_time)}
        reasons += [Reason(ReasonCode.TIER_AFTER_PERIOD, params), *moved.proof(ranks.earned)]
    elif ranks.kept >= ranks.held > ranks.earned:
        proof = moved.tier.keep.proof(moved.results[ranks.held]) if moved.tier.keep else []
        reasons += [Reason(ReasonCode.TIER_KEPT_BY, _measured(result)) for result in proof]
    elif ranks.earned < ranks.held and review_time is not None:
        params = {"tier": tier, "earned_tier": earned, "until": _until(review_time)}
        reasons.append(Reason(ReasonCode.TIER_HELD_UNTIL, params))
    elif ranks.earned < ranks.held:
        reasons.append(Reason(ReasonCode.TIER_PROTECTED, {"tier": tier, "earned_tier": earned}))
    return reasons


def _lost(moved: Moved) -> list[Reason]:
    lost = {"tier": moved.tiers[moved.ranks.held].key, "earned_tier": moved.tiers[moved.ranks.kept].key}
    reasons = [Reason(ReasonCode.TIER_LOST, lost), *moved.keep_gaps()]
    if moved.move.rank > moved.ranks.kept:
        params = {"tier": moved.tier.key, "earned_tier": moved.tiers[moved.ranks.kept].key}
        reasons.append(Reason(ReasonCode.TIER_SOFT_LANDING, params))
    return reasons


def _held_back(moved: Moved) -> list[Reason]:
    """An upgrade that risk has to look at: what is reached, and what holds it back."""
    value, threshold = moved.integrity or (0, 0)
    params = {
        "tier": moved.tier.key,
        "earned_tier": moved.tiers[moved.ranks.earned].key,
        "value": str(value),
        "threshold": str(threshold),
    }
    return [Reason(ReasonCode.UPGRADE_HELD, params), *moved.proof(moved.ranks.earned)]


def _gap(result: RuleResult) -> dict[str, str]:
    """What is missing, and where in the rule."""
    return {"missing": str(result.missing), "path": result.rule.path}


def _measured(result: RuleResult) -> dict[str, str]:
    rule = result.rule
    params = {
        "tier": rule.tier,
        "metric": rule.metric,
        "op": rule.op,
        "threshold": str(rule.threshold),
        "value": str(result.value),
    }
    if rule.window != LIFETIME:
        params["window"] = rule.window
    return params | {"currency": rule.currency} if rule.currency else params


def _until(time: datetime | None) -> str:
    return "" if time is None else time.isoformat(timespec="seconds").replace("+00:00", "Z")
