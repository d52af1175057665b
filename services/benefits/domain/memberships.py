"""Memberships: what a member's events change, given the decisions on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from libs.common.clock import months_later
from libs.common.program import Program
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.earning import earnings
from services.benefits.domain.ledger import EventKey
from services.benefits.domain.movements import Movement
from services.benefits.domain.reversals import Refund

REGISTRATION_SEQ = 0


@dataclass(frozen=True, slots=True)
class MemberEvent:
    """An event of a member as announced, with the facts after it; sequence 0 is the registration.

    `original` is the purchase that a refund is for.
    """

    event_id: str
    seq: int
    kind: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    amount_minor: int
    facts: Mapping[str, int]
    original: EventKey | None = None


@dataclass(slots=True)
class Inbound:
    """What has been announced of one member and may not have taken effect yet."""

    program_id: str
    member_id: str
    registered_time: datetime
    events: dict[int, MemberEvent] = field(default_factory=dict)

    def registration(self) -> MemberEvent:
        """The place before the first event."""
        return MemberEvent("", REGISTRATION_SEQ, "", "", "", 0, self.registered_time, 0, {})


@dataclass(frozen=True, slots=True)
class Membership:
    """A member's standing in a tier set; `seq` counts decisions, `applied_seq` is the last event decided."""

    program_id: str
    member_id: str
    tier_set: str
    tier: str = ""
    since_time: datetime | None = None
    seq: int = 0
    applied_seq: int = REGISTRATION_SEQ - 1
    as_of: datetime | None = None
    decision_id: str = ""
    qualifying: tuple[tuple[str, int], ...] = ()
    version: int = 0

    @property
    def membership_id(self) -> str:
        """The key under which it is stored and announced."""
        return membership_id(self.program_id, self.member_id, self.tier_set)


def membership_id(program_id: str, member_id: str, tier_set: str) -> str:
    """The key of a membership: program, member and tier set."""
    return f"{program_id}/{member_id}/{tier_set}"


@dataclass(frozen=True, slots=True)
class TierReceipt:
    """A tier decision as scoring took it, with its receipt as it is kept."""

    outcome: str
    from_tier: str
    to_tier: str
    as_of: datetime
    facts: tuple[tuple[str, int], ...]
    digest: str
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """A stored decision of a membership."""

    decision_id: str
    membership_id: str
    program_id: str
    member_id: str
    seq: int
    event_seq: int
    tier: TierReceipt

    @property
    def changed(self) -> bool:
        """Whether the tier is another than before."""
        return self.tier.from_tier != self.tier.to_tier


@dataclass(frozen=True, slots=True)
class Effect:
    """What the events of one member come to: memberships after them, decisions, and points, in order."""

    events: tuple[MemberEvent, ...]
    before: tuple[Membership, ...]
    after: tuple[Membership, ...]
    decisions: tuple[Decision, ...]
    movements: tuple[Movement, ...]


def effect(
    program: Program,
    events: Sequence[MemberEvent],
    memberships: Sequence[Membership],
    receipts: Sequence[Sequence[TierReceipt]],
    *,
    new_id: Callable[[str], str],
) -> Effect:
    """What events change, given a receipt per membership and event, in the same order.

    Points are counted at the tier held before the event, in the program's
    first tier set, so an upgrade counts from the next event on.
    """
    after, decisions = [], []
    for membership, taken in zip(memberships, receipts, strict=True):
        standing = membership
        for event, tier in zip(events, taken, strict=True):
            decision = _decision(standing, event, tier, new_id("dec"))
            decisions.append(decision)
            standing = _decided(standing, decision)
        after.append(standing)
    movements = [
        movement
        for event, tier in zip(events, receipts[0], strict=True)
        if (movement := _movement(program, memberships[0].member_id, event, tier)) is not None
    ]
    return Effect(tuple(events), tuple(memberships), tuple(after), tuple(decisions), tuple(movements))


def _decision(membership: Membership, event: MemberEvent, tier: TierReceipt, decision_id: str) -> Decision:
    return Decision(
        decision_id=decision_id,
        membership_id=membership.membership_id,
        program_id=membership.program_id,
        member_id=membership.member_id,
        seq=membership.seq + 1,
        event_seq=event.seq,
        tier=tier,
    )


def _decided(membership: Membership, decision: Decision) -> Membership:
    return replace(
        membership,
        tier=decision.tier.to_tier,
        since_time=decision.tier.as_of if decision.changed else membership.since_time,
        seq=decision.seq,
        applied_seq=decision.event_seq,
        as_of=decision.tier.as_of,
        decision_id=decision.decision_id,
        qualifying=decision.tier.facts,
        version=membership.version + 1,
    )


def _movement(program: Program, member_id: str, event: MemberEvent, tier: TierReceipt) -> Movement | None:
    if event.seq == REGISTRATION_SEQ:
        return None
    if event.original is not None:
        return _refund(member_id, event, event.original, tier)
    return _accrual(program, member_id, event, tier)


def _refund(member_id: str, event: MemberEvent, original: EventKey, tier: TierReceipt) -> Refund:
    return Refund(
        member_id=member_id,
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=event.occurred_time,
        as_of=tier.as_of,
        original=original,
        amount_minor=event.amount_minor,
    )


def _accrual(program: Program, member_id: str, event: MemberEvent, tier: TierReceipt) -> Accrual | None:
    given = earnings(program, event_kind=event.kind, amount_minor=event.amount_minor, tier=tier.from_tier)
    if not given:
        return None
    months = program.points.expire_after_months
    expires = None if months is None else months_later(event.occurred_time, months)
    return Accrual(
        member_id=member_id,
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=event.occurred_time,
        active_time=event.occurred_time + timedelta(days=program.points.activate_after_days),
        expire_time=expires,
        earnings=tuple(given),
    )
