"""Effects: what the events of one member change, given the decisions on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from libs.common.birthdays import Birthday
from libs.common.program import Program
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.event_points import event_points
from services.benefits.domain.memberships import Decision, MemberEvent, Membership, TierReceipt, metrics_of
from services.benefits.domain.movements import Movement


@dataclass(frozen=True, slots=True)
class Effect:
    """What the events of one member come to: memberships after them, decisions, and points, in order.

    `earned` is what was earned under caps, by the business days that changed,
    `birthday_used` when they gave other points for the member's birthday last.
    """

    events: tuple[MemberEvent, ...]
    before: tuple[Membership, ...]
    after: tuple[Membership, ...]
    decisions: tuple[Decision, ...]
    movements: tuple[Movement, ...]
    earned: Mapping[date, Earned] = field(default_factory=dict)
    birthday_used: datetime | None = None


def effect(
    program: Program,
    events: Sequence[MemberEvent],
    memberships: Sequence[Membership],
    receipts: Sequence[Sequence[TierReceipt]],
    *,
    earned: Mapping[date, Earned],
    contracts: Sequence[Contract] = (),
    birthday: Birthday | None = None,
    new_id: Callable[[str], str],
) -> Effect:
    """What events change, given a receipt per membership and event, in the same order.

    `earned` is what the member has earned on the business days of the events,
    as of the same version of their memberships. `contracts` are those that
    may have granted something at the time of one.
    """
    after, decisions = [], []
    for membership, taken in zip(memberships, receipts, strict=True):
        standing = membership
        for event, tier in zip(events, taken, strict=True):
            decision = _decision(standing, event, tier, new_id("dec"))
            decisions.append(decision)
            standing = _decided(standing, decision, event)
        after.append(standing)
    points = event_points(
        program, events, memberships, receipts, contracts=contracts, earned=earned, birthday=birthday
    )
    return Effect(
        events=tuple(events),
        before=tuple(memberships),
        after=tuple(after),
        decisions=tuple(decisions),
        movements=points.movements,
        earned=points.earned,
        birthday_used=points.birthday_used,
    )


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


def _decided(membership: Membership, decision: Decision, event: MemberEvent) -> Membership:
    return replace(
        membership,
        tier=decision.tier.to_tier,
        since_time=decision.tier.as_of if decision.changed else membership.since_time,
        seq=decision.seq,
        applied_seq=decision.event_seq,
        as_of=decision.tier.as_of,
        decision_id=decision.decision_id,
        qualifying=decision.tier.facts,
        metrics=metrics_of(event.facts),
        version=membership.version + 1,
    )
