"""Ladders, facts and steps for the tests of tier decisions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from libs.common.conditions import METRICS
from libs.common.program import Program, preset
from services.scoring.domain.receipts import EventCause, Receipt
from services.scoring.domain.tiers import Ladder, Step, ladders

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ladder_of(program: Program) -> Ladder:
    return ladders(program, program.digest())["main"]


def a_ladder(*entries: Mapping[str, Any], near_upgrade_bp: int = 8000) -> Ladder:
    """Tiers t1, t2, … with these entries, above t0."""
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    tier_set["movement"]["near_upgrade_bp"] = near_upgrade_bp
    tier_set["tiers"] = [
        {"key": f"t{rank}", "name": {"zh": "级", "en": "Tier"}, "entry": entry}
        for rank, entry in enumerate([None, *entries])
    ]
    return ladder_of(Program.parse(document))


def facts(**metrics: int) -> dict[str, int]:
    return {METRICS[metric]: value for metric, value in metrics.items()}


def a_step(seq: int = 1, *, at: datetime = NOON, **metrics: int) -> Step:
    return Step(EventCause(f"evt_{seq}", seq), at, facts(**metrics))


def reasons(receipt: Receipt) -> list[tuple[str, dict[str, str]]]:
    return [(reason.code, reason.params) for reason in receipt.reasons]


def codes(receipt: Receipt) -> list[str]:
    return [reason.code for reason in receipt.reasons]


def at_least(metric: str, value: int) -> dict[str, Any]:
    return {"metric": metric, "op": ">=", "value": value}
