"""Builders for tests of notices."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from libs.common.program import Notices, Program, preset
from services.benefits.domain.memberships import Decision, TierReceipt, membership_id
from services.benefits.domain.notices import Notice, NoticeCode, Occasion, Preferences, notices
from services.benefits.domain.occasions import Explained, Gap, Reason

MORNING = datetime(2026, 11, 22, 2, tzinfo=UTC)  # ten o'clock in Shanghai
MEMBER = "mem_1"


def a_program(**rules: Any) -> Program:
    """The five-tier shop in Shanghai, with these rules for notices."""
    return preset("ecommerce_five").model_copy(update={"notices": Notices(**rules)})


def an_occasion(code: NoticeCode = NoticeCode.WAKE_UP, cause: str = "1", **fields: Any) -> Occasion:
    """Something to tell the member, by default marketing."""
    given = {"program_id": "ecommerce_five", "member_id": MEMBER, "params": {}, "occurred_time": MORNING}
    return Occasion(code=code, cause=cause, **{**given, **fields})


def made(
    program: Program,
    *occasions: Occasion,
    wanted: Preferences | None = None,
    told: int = 0,
    time: datetime = MORNING,
) -> list[Notice]:
    """The notices of a member who was told so much today."""
    numbers = count(1)
    return notices(
        program,
        occasions,
        preferences={} if wanted is None else {MEMBER: wanted},
        told={MEMBER: told},
        time=time,
        now=time,
        new_id=lambda prefix: f"{prefix}_{next(numbers)}",
    )


def a_gap(path: str, metric: str = "spend", missing: int = 20_000, **fields: Any) -> Gap:
    """What is missing to gold, by default 200 yuan."""
    given = {"op": ">=", "value": 480_000, "threshold": 500_000, "currency": "CNY"}
    if metric != "spend":
        given = {"op": ">=", "value": 10 - missing, "threshold": 10, "currency": ""}
    return Gap(path=path, metric=metric, missing=missing, **{**given, **fields})


def a_decision(
    decision_id: str = "dec_1",
    *,
    before: str = "silver",
    after: str = "silver",
    at: datetime = MORNING,
    near: bool = False,
    gaps: tuple[Gap, ...] = (),
) -> Explained:
    """A decision of the member with what its receipt says."""
    tier = TierReceipt("UPGRADED" if before != after else "KEPT", before, after, at, (), "", b"")
    membership = membership_id("ecommerce_five", MEMBER, "main")
    reasons = []
    if before != after:
        params = {"tier": after, "metric": "spend", "op": ">=", "threshold": "500000", "value": "512345"}
        reasons.append(Reason("TIER_REACHED", params | {"currency": "CNY"}))
    if near:
        reasons.append(Reason("NEAR_UPGRADE", {"tier": "gold", "progress_bp": "9600"}))
    decision = Decision(decision_id, membership, "ecommerce_five", MEMBER, 2, 1, tier)
    return Explained(decision, "main", tuple(reasons), gaps)
