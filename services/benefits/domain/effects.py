"""Effects: what the events of one member change, given the decisions on them."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from libs.common.birthdays import Birthday
from libs.common.program import Program
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.event_points import event_points
from services.benefits.domain.ledger import Transaction
from services.benefits.domain.memberships import (
    Decision,
    MemberEvent,
    Membership,
    TierReceipt,
    decided,
)
from services.benefits.domain.movements import Movement
from services.benefits.domain.posting import Posting


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
            decision = Decision.next(standing, tier, event_seq=event.seq, decision_id=new_id("dec"))
            decisions.append(decision)
            standing = decided(standing, decision, event)
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


def with_tier_points(effect: Effect, postings: Sequence[Posting], types: Collection[str]) -> Effect:
    """The effect with the points of types that qualify, by what was posted of its events."""
    keys = {(each.source, each.external_ref, each.line) for each in effect.movements}
    gained: Counter[str] = Counter()
    for posting in postings:
        if posting.currency in types:
            gained[posting.currency] += sum(
                _gained(each) for each in posting.transactions if each.key in keys
            )
    if not any(gained.values()):
        return effect
    after = [replace(each, tier_points=dict(Counter(each.tier_points) + gained)) for each in effect.after]
    return replace(effect, after=tuple(after))


def _gained(transaction: Transaction) -> int:
    """What a transaction adds to all that was ever earned; what had expired was earned, too."""
    if transaction.kind == "accrual":
        return transaction.points
    reversal = transaction.reversal
    return 0 if reversal is None else -transaction.points - reversal.written_off_points


def review_effect(reviewed: Sequence[tuple[Membership, TierReceipt]], new_id: Callable[[str], str]) -> Effect:
    """What the reviews of some memberships of one member come to."""
    memberships = tuple(membership for membership, _ in reviewed)
    decisions = tuple(
        Decision.next(membership, tier, event_seq=membership.applied_seq, decision_id=new_id("dec"))
        for membership, tier in reviewed
    )
    return Effect((), memberships, tuple(map(decided, memberships, decisions)), decisions, ())


def decided_before_reviews(events: Sequence[MemberEvent], receipts: Sequence[Sequence[TierReceipt]]) -> int:
    """How many of the events come before the first review that one of them brings about."""
    for count, event in enumerate(events[1:], start=1):
        reviews = [each[count - 1].review_time for each in receipts]
        if any(review is not None and review <= event.occurred_time for review in reviews):
            return count
    return len(events)
