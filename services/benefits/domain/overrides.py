"""Overrides: staff give a tier by hand, a lower one by themselves, and any other under the eyes of two."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.common.tier_policy import TierSet
from services.benefits.domain.errors import TierOverrideEnded, TierOverrideOfOwn, TierUnknown
from services.benefits.domain.memberships import Order


class OverrideState(StrEnum):
    """What became of an override; one that is applied is over at its time, or when it is ended before."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TierOverride:
    """A tier that staff give a member by hand: until when, why as the member is told, and why in their words.

    `decision_id` is the decision that it is about, where it is about one, and
    `applied_decision_id` the one that applied it.
    """

    override_id: str
    program_id: str
    member_id: str
    tier_set: str
    tier: str
    code: str
    explanation: str
    asked_by: str
    asked_time: datetime
    until_time: datetime | None = None
    decision_id: str = ""
    state: OverrideState = OverrideState.PENDING
    decided_by: str = ""
    decided_time: datetime | None = None
    ended_by: str = ""
    ended_time: datetime | None = None
    applied_decision_id: str = ""

    @property
    def order(self) -> Order:
        """What it comes to, for who decides."""
        return Order(self.tier, self.code, self.until_time, self.decision_id)


def needs_second(tier_set: TierSet, *, held: str, tier: str) -> bool:
    """Whether it takes two to give a tier: it does unless it is a lower one."""
    return rank_of(tier_set, tier) >= rank_of(tier_set, held)


def require_second(override: TierOverride, *, by: str, time: datetime) -> None:
    """Refuse an approval of what waits no more, or by who asked for it."""
    if override.state is not OverrideState.PENDING:
        raise TierOverrideEnded(state=str(override.state))
    if override.asked_by == by:
        raise TierOverrideOfOwn
    if override.until_time is not None and override.until_time <= time:
        raise TierOverrideEnded("its time is past", state=str(override.state))


def applied(override: TierOverride, decision_id: str, *, by: str, now: datetime) -> TierOverride:
    """The override when it is in force; `by` whom it was approved, if anybody had to."""
    return replace(
        override,
        state=OverrideState.APPLIED,
        decided_by=by,
        decided_time=now,
        applied_decision_id=decision_id,
    )


def over(override: TierOverride, *, by: str, time: datetime, now: datetime) -> TierOverride:
    """The override when it is ended before its time, or rejected where it waits."""
    if override.state is OverrideState.PENDING:
        return replace(override, state=OverrideState.REJECTED, decided_by=by, decided_time=now)
    past = override.until_time is not None and override.until_time <= time
    if override.state is not OverrideState.APPLIED or past:
        raise TierOverrideEnded(state="past" if past else str(override.state))
    return replace(override, state=OverrideState.ENDED, ended_by=by, ended_time=now)


def rank_of(tier_set: TierSet, tier: str) -> int:
    """The place of a tier, which may be one of a version before; refused where there is none."""
    for rank, each in enumerate(tier_set.tiers):
        if tier in {each.key, *each.replaces}:
            return rank
    raise TierUnknown(tier_set=tier_set.key, tier=tier)
