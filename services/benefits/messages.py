"""Between the proto messages that benefits sends and reads, and its domain."""

from types import MappingProxyType

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from laurel.members.v1 import events_pb2 as members_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import moment, timestamp
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.ledger import Account, Transaction
from services.benefits.domain.memberships import Decision, MemberEvent, Membership
from services.benefits.domain.programs import Version
from services.benefits.domain.verification import StoredEntry

_EVENT_KINDS = MappingProxyType(
    {number: name.removeprefix("EVENT_KIND_").lower() for name, number in members_pb2.EventKind.items()}
)


def member_event(event: members_pb2.RecordedEvent) -> MemberEvent:
    """An event as members announced it."""
    return MemberEvent(
        event_id=event.event_id,
        seq=event.seq,
        kind=_EVENT_KINDS[event.kind],
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=moment(event.occurred_time),
        amount_minor=event.amount_minor,
        facts={fact.name: fact.value for fact in event.after},
    )


def program_message(version: Version) -> pb.Program:
    """A version with its document."""
    return pb.Program(
        program_id=version.program_id,
        version=version.program.version,
        digest=version.digest,
        document=version.program.canonical(),
        effective_time=timestamp(version.effective_time),
    )


def receipt_of(decision: Decision) -> receipts_pb2.Receipt:
    """The receipt of a decision, as scoring gave it."""
    return receipts_pb2.Receipt.FromString(decision.tier.receipt)


def decision_message(decision: Decision) -> pb.Decision:
    """A decision with its receipt."""
    return pb.Decision(decision_id=decision.decision_id, seq=decision.seq, receipt=receipt_of(decision))


def membership_message(membership: Membership, decision: Decision | None) -> pb.Membership:
    """A membership with its latest decision."""
    since = membership.since_time
    return pb.Membership(
        member_id=membership.member_id,
        tier_set=membership.tier_set,
        tier=membership.tier,
        since_time=None if since is None else timestamp(since),
        seq=membership.seq,
        applied_seq=membership.applied_seq,
        decision=None if decision is None else decision_message(decision),
    )


def tier_change(decision: Decision, following: Decision | None = None) -> events_pb2.TierChange:
    """A tier held from a decision on, until the following change if there is one."""
    return events_pb2.TierChange(
        decision_id=decision.decision_id,
        seq=decision.seq,
        from_tier=decision.tier.from_tier,
        to_tier=decision.tier.to_tier,
        outcome=receipts_pb2.TierOutcome.Value(f"TIER_OUTCOME_{decision.tier.outcome}"),
        valid_from=timestamp(decision.tier.as_of),
        valid_to=None if following is None else timestamp(following.tier.as_of),
        reasons=receipt_of(decision).reasons,
    )


def account_message(account: Account) -> pb.PointsAccount:
    """A member's account."""
    return pb.PointsAccount(
        member_id=account.owner,
        currency=account.currency,
        balance_points=account.balance,
        held_points=account.held,
        available_points=account.available,
        seq=account.seq,
    )


def entry_message(stored: StoredEntry, transaction: Transaction) -> pb.Entry:
    """An entry with the transaction behind it."""
    entry = stored.entry
    return pb.Entry(
        entry_id=entry.entry_id,
        transaction_id=entry.transaction_id,
        seq=entry.seq,
        points=entry.points,
        balance_after=entry.balance_after,
        lot_id=entry.lot_id,
        digest=stored.digest,
        kind=pb.EntryKind.Value(f"ENTRY_KIND_{transaction.kind.upper()}"),
        occurred_time=timestamp(transaction.occurred_time),
        source=transaction.source,
        external_ref=transaction.external_ref,
        line=transaction.line,
        earnings=[
            pb.EarningExplanation(
                rule=earning.rule,
                amount_minor=earning.amount_minor,
                unit_minor=earning.unit_minor,
                points_per_unit=earning.points_per_unit,
                multiplier_bp=earning.multiplier_bp,
                tier=earning.tier,
                points=earning.points,
            )
            for earning in transaction.earnings
        ],
    )


def entitlement_message(entitlement: Entitlement) -> pb.Entitlement:
    """A benefit that a member holds."""
    grant = entitlement.grant
    return pb.Entitlement(
        benefit=grant.benefit,
        kind=grant.kind,
        name_zh=grant.name.zh,
        name_en=grant.name.en,
        tier_set=entitlement.tier_set,
        granted_by_tier=entitlement.granted_by_tier,
        inherited=entitlement.inherited,
        params=dict(grant.params),
    )
