"""Redemptions: a reward that a member has reserved, was given, or has no more; each leaves its state once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.benefits.domain.errors import GrantOfOwn, RedemptionEnded
from services.benefits.domain.ledger import EventKey
from services.benefits.domain.rewards import Reward, RewardKind

# Whose charge it is in the ledger; no partner's id has a dot, so no till's can be taken for it.
SOURCE = "laurel.rewards"


class RedemptionState(StrEnum):
    """How far a redemption is."""

    PENDING = "pending"
    RESERVED = "reserved"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


LIVE = (RedemptionState.RESERVED, RedemptionState.FULFILLED)
"""The states in which a redemption counts: for the stock, and for the limits."""
UNSEEN = (RedemptionState.PENDING, RedemptionState.REJECTED)
"""The states of grants that members hear nothing of."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who gave a reward without points, and who decided it where a second person had to."""

    granted_by: str
    explanation: str
    decided_by: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A reward for a member, under the terms that it had then.

    `day` is the program's day on which it counts. `hold_id` is the hold of its
    points, empty of a grant. `counted` says whether it is taken off the reward's number.
    `coupon_id` is the coupon that it gave, empty where it gives none.
    """

    redemption_id: str
    program_id: str
    member_id: str
    reward_id: str
    reward_version: int
    kind: RewardKind
    name: tuple[str, str]
    price_points: int
    value_minor: int
    reserve_minutes: int
    state: RedemptionState
    day: str
    created_time: datetime
    counted: bool = False
    hold_id: str = ""
    due_time: datetime | None = None
    fulfilled_time: datetime | None = None
    ended_time: datetime | None = None
    grant: Grant | None = None
    point_type: str = ""
    coupon_id: str = ""

    @property
    def live(self) -> bool:
        """Whether it counts for the stock and for the limits."""
        return self.state in LIVE

    @property
    def shown(self) -> bool:
        """Whether it is the member's: a grant is not before it is approved."""
        return self.state not in UNSEEN

    @property
    def key(self) -> EventKey:
        """The business key of its points, when they are charged and when they are given back."""
        return SOURCE, self.redemption_id, 0


def reserved(
    reward: Reward, member_id: str, *, redemption_id: str, hold_id: str, day: str, now: datetime
) -> Redemption:
    """What a member redeems, paid by a hold."""
    made = _made(reward, member_id, redemption_id=redemption_id, day=day, now=now)
    terms = reward.terms
    paid = replace(made, hold_id=hold_id, price_points=terms.price_points, point_type=terms.point_type)
    return _waiting(paid, reward, now)


def granted(
    reward: Reward,
    member_id: str,
    grant: Grant,
    *,
    at_once: bool,
    redemption_id: str,
    day: str,
    now: datetime,
) -> Redemption:
    """What a member is given without points: reserved at once, or waiting for a second person."""
    made = _made(reward, member_id, redemption_id=redemption_id, day=day, now=now)
    made = replace(made, grant=grant)
    return _waiting(made, reward, now) if at_once else made


def _made(reward: Reward, member_id: str, *, redemption_id: str, day: str, now: datetime) -> Redemption:
    terms = reward.terms
    return Redemption(
        redemption_id=redemption_id,
        program_id=reward.program_id,
        member_id=member_id,
        reward_id=reward.reward_id,
        reward_version=reward.version,
        kind=terms.kind,
        name=terms.name,
        price_points=0,
        value_minor=terms.value_minor,
        reserve_minutes=terms.reserve_minutes,
        state=RedemptionState.PENDING,
        day=day,
        created_time=now,
    )


def _waiting(redemption: Redemption, reward: Reward, now: datetime) -> Redemption:
    return replace(
        redemption,
        state=RedemptionState.RESERVED,
        counted=reward.counted,
        due_time=now + timedelta(minutes=redemption.reserve_minutes),
    )


def approved(redemption: Redemption, reward: Reward, *, by: str, decision: str, now: datetime) -> Redemption:
    """A grant that another one of the staff approved: it is reserved, and counts from now on."""
    return _waiting(_decided(redemption, by=by, decision=decision), reward, now)


def rejected(redemption: Redemption, *, by: str, decision: str, now: datetime) -> Redemption:
    """A grant that another one of the staff did not approve."""
    decided = _decided(redemption, by=by, decision=decision)
    return replace(decided, state=RedemptionState.REJECTED, ended_time=now)


def _decided(redemption: Redemption, *, by: str, decision: str) -> Redemption:
    if redemption.grant is None or redemption.state is not RedemptionState.PENDING:
        raise _ended(redemption.state)
    if by == redemption.grant.granted_by:
        raise GrantOfOwn
    grant = replace(redemption.grant, decided_by=by, decision=decision)
    return replace(redemption, grant=grant)


def handed_out(redemption: Redemption, coupon_id: str, now: datetime) -> Redemption:
    """What is fulfilled as soon as it is reserved, as the member has its coupon."""
    return replace(fulfilled(redemption, now), coupon_id=coupon_id)


def fulfilled(redemption: Redemption, now: datetime) -> Redemption:
    """The member has it; past its time it has expired, also when nobody has ended it yet."""
    if redemption.state is not RedemptionState.RESERVED:
        raise _ended(redemption.state)
    if is_due(redemption, now):
        raise _ended(RedemptionState.EXPIRED)
    return replace(redemption, state=RedemptionState.FULFILLED, fulfilled_time=now)


def cancelled(redemption: Redemption, now: datetime, *, by_member: bool) -> Redemption:
    """Taken back; a member gives back only what they do not have yet."""
    if not redemption.live or (by_member and redemption.state is not RedemptionState.RESERVED):
        raise _ended(redemption.state)
    return replace(redemption, state=RedemptionState.CANCELLED, ended_time=now)


def is_due(redemption: Redemption, now: datetime) -> bool:
    """Whether what is reserved has waited long enough."""
    due = redemption.due_time
    return redemption.state is RedemptionState.RESERVED and due is not None and now >= due


def expired(redemption: Redemption) -> Redemption:
    """Taken back as nobody came for it; at the time when it was due, however late somebody looks."""
    return replace(redemption, state=RedemptionState.EXPIRED, ended_time=redemption.due_time)


def _ended(state: RedemptionState) -> RedemptionEnded:
    return RedemptionEnded(state=state.upper())
