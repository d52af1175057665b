"""Between the proto messages that benefits sends and reads, and its domain."""

from collections.abc import Mapping

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2, notices_pb2
from laurel.common.v1 import fact_pb2
from laurel.members.v1 import events_pb2 as members_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.conditions import MONEY_METRICS
from libs.common.point_policy import PointType
from libs.common.program import Program
from libs.common.rpc.time import moment, optional_timestamp, timestamp
from libs.common.watch import Change
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.holdings import Holding, Holdings
from services.benefits.domain.ledger import Transaction
from services.benefits.domain.memberships import Decision, InForce, MemberEvent, Membership
from services.benefits.domain.notice_texts import notice_text
from services.benefits.domain.notices import Notice, Preferences
from services.benefits.domain.occasions import Activity, Explained, Gap, Reason
from services.benefits.domain.programs import Version
from services.benefits.domain.standing import HeldTier
from services.benefits.domain.verification import StoredEntry
from services.benefits.earning_messages import EVENT_KINDS, earning_message


def watched(change: Change) -> pb.WatchMemberResponse:
    """A change as it is told to who watches; of a kind that they know, or only its place."""
    answer = pb.WatchMemberResponse(seq=change.seq)
    if change.recorded_time is not None:
        answer.recorded_time.CopyFrom(timestamp(change.recorded_time))
    match change.type:
        case "MembershipChanged":
            answer.membership_changed.ParseFromString(change.payload)
        case "PointsChanged":
            answer.points_changed.ParseFromString(change.payload)
        case "ContractChanged":
            answer.contract_changed.ParseFromString(change.payload)
        case "NoticeCreated":
            answer.notice_created.ParseFromString(change.payload)
        case "RedemptionChanged":
            answer.redemption_changed.ParseFromString(change.payload)
    return answer


def member_event(event: members_pb2.RecordedEvent) -> MemberEvent:
    """An event as members announced it; what it refers to is of the same source."""
    original = event.original
    return MemberEvent(
        event_id=event.event_id,
        seq=event.seq,
        kind=EVENT_KINDS[event.kind],
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=moment(event.occurred_time),
        amount_minor=event.amount_minor,
        facts={fact.name: fact.value for fact in event.after},
        original=(event.source, original.external_ref, original.line) if event.HasField("original") else None,
        store_id=event.store_id,
        attributes=dict(event.attributes),
    )


def program_message(version: Version) -> pb.Program:
    """A version with its document."""
    return pb.Program(
        program_id=version.program_id,
        version=version.program.version,
        digest=version.digest,
        document=version.document,
        effective_time=timestamp(version.effective_time),
    )


def facts_messages(facts: Mapping[str, int]) -> list[fact_pb2.Fact]:
    """Facts, sorted by name."""
    return [fact_pb2.Fact(name=name, value=value) for name, value in sorted(facts.items())]


def receipt_of(decision: Decision) -> receipts_pb2.Receipt:
    """The receipt of a decision, as scoring gave it."""
    return receipts_pb2.Receipt.FromString(decision.tier.receipt)


def decision_message(decision: Decision) -> pb.Decision:
    """A decision with its receipt."""
    return pb.Decision(decision_id=decision.decision_id, seq=decision.seq, receipt=receipt_of(decision))


def membership_message(membership: Membership, decision: Decision | None, held: HeldTier) -> pb.Membership:
    """A membership with the tier that is held and the latest decision."""
    since, contract = held.since_time, held.contract
    return pb.Membership(
        member_id=membership.member_id,
        tier_set=membership.tier_set,
        tier=held.tier,
        since_time=None if since is None else timestamp(since),
        seq=membership.seq,
        applied_seq=membership.applied_seq,
        decision=None if decision is None else decision_message(decision),
        earned_tier=held.earned_tier,
        contract_id="" if contract is None else contract.contract_id,
        review_time=None if membership.review_time is None else timestamp(membership.review_time),
        in_grace=membership.in_grace,
        override=None if membership.override is None else _in_force_message(membership.override),
    )


def term_message(membership: Membership) -> receipts_pb2.TierTerm | None:
    """The term in which a tier is held; none where there is nothing to say of it."""
    override = membership.override
    if membership.review_time is None and override is None:
        return None
    return receipts_pb2.TierTerm(
        review_time=optional_timestamp(membership.review_time),
        in_grace=membership.in_grace,
        override=None if override is None else _in_force_message(override),
    )


def in_force(override: receipts_pb2.TermOverride) -> InForce:
    """What staff decided, as a receipt has it."""
    return InForce(
        code=override.code,
        until_time=moment(override.until_time) if override.HasField("until_time") else None,
        earned_tier=override.earned_tier,
        earned_review_time=moment(override.earned_review_time)
        if override.HasField("earned_review_time")
        else None,
        earned_in_grace=override.earned_in_grace,
    )


def _in_force_message(override: InForce) -> receipts_pb2.TermOverride:
    return receipts_pb2.TermOverride(
        code=override.code,
        until_time=optional_timestamp(override.until_time),
        earned_tier=override.earned_tier,
        earned_review_time=optional_timestamp(override.earned_review_time),
        earned_in_grace=override.earned_in_grace,
    )


def explained(decision: Decision, program: Program) -> Explained:
    """A decision with its reasons, and what is missing to the next tier."""
    receipt = receipt_of(decision)
    operators = {rule.path: rule.op for rule in receipt.rules if rule.tier == receipt.next.tier}
    return Explained(
        decision=decision,
        tier_set=receipt.tier_set,
        reasons=tuple(Reason(each.code, dict(each.params)) for each in receipt.reasons),
        gaps=tuple(
            Gap(
                path=gap.path,
                metric=gap.metric,
                op=operators.get(gap.path, ""),
                value=gap.value,
                threshold=gap.threshold,
                missing=gap.missing,
                currency=program.currency if gap.metric in MONEY_METRICS else "",
            )
            for gap in receipt.next.gaps
            if gap.missing
        ),
    )


def activity(changed: members_pb2.ActivityChanged) -> Activity:
    """A change of whether a member is about, as members announced it."""
    change = changed.change
    return Activity(
        program_id=changed.program_id,
        member_id=changed.member_id,
        dormant=change.state == members_pb2.ACTIVITY_STATE_DORMANT,
        since_time=moment(change.since_time),
        spell=change.spell,
        wake_up=change.wake_up,
    )


def notice_message(notice: Notice, program: Program) -> notices_pb2.Notice:
    """A notice, its texts by the names that the program has now."""
    return notices_pb2.Notice(
        notice_id=notice.notice_id,
        member_id=notice.member_id,
        staff_role=notice.staff_role,
        code=notices_pb2.NoticeCode.Value(f"NOTICE_CODE_{notice.code}"),
        params=notice.params,
        occurred_time=timestamp(notice.occurred_time),
        created_time=timestamp(notice.created_time),
        due_time=timestamp(notice.due_time),
        status=notices_pb2.NoticeStatus.Value(f"NOTICE_STATUS_{notice.status}"),
        withheld_reason=notice.withheld_reason,
        text_zh=notice_text(notice.code, notice.params, program, "zh"),
        text_en=notice_text(notice.code, notice.params, program, "en"),
    )


def preferences_message(preferences: Preferences) -> notices_pb2.NoticePreferences:
    """What a member wants to be told."""
    return notices_pb2.NoticePreferences(
        member_id=preferences.member_id,
        marketing=preferences.marketing,
        muted=[notices_pb2.NoticeCode.Value(f"NOTICE_CODE_{code}") for code in sorted(preferences.muted)],
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


def account_message(holdings: Holdings) -> pb.PointsAccount:
    """A member's points."""
    holding = holdings.redeemable
    account = holding.account
    return pb.PointsAccount(
        member_id=holdings.member_id,
        currency=account.currency,
        balance_points=account.balance,
        held_points=holding.held_points,
        available_points=account.available,
        seq=account.seq,
        pending_points=holding.pending_points,
        expiring=_expiring(holding),
        types=[_typed_message(*each) for each in holdings.types.items()],
    )


def _typed_message(point_type: PointType, holding: Holding) -> pb.TypedPoints:
    return pb.TypedPoints(
        type=point_type.key,
        kind=point_type.kind,
        name_zh=point_type.name.zh,
        name_en=point_type.name.en,
        balance_points=holding.account.balance,
        pending_points=holding.pending_points,
        expiring=_expiring(holding),
        held_points=holding.held_points,
        pays=point_type.pays is not None,
    )


def _expiring(holding: Holding) -> list[pb.ExpiringPoints]:
    found = holding.expiring
    return [pb.ExpiringPoints(expire_time=timestamp(time), points=points) for time, points in found]


def entry_message(stored: StoredEntry, transaction: Transaction) -> pb.Entry:
    """An entry with the transaction behind it."""
    entry = stored.entry
    return pb.Entry(
        entry_id=entry.entry_id,
        transaction_id=entry.transaction_id,
        seq=entry.seq,
        points=entry.points,
        balance_after=entry.balance_after,
        lot_id=entry.lot_id or (entry.allocations[0].lot_id if entry.allocations else ""),
        digest=stored.digest,
        kind=pb.EntryKind.Value(f"ENTRY_KIND_{transaction.kind.upper()}"),
        occurred_time=timestamp(transaction.occurred_time),
        source=transaction.source,
        external_ref=transaction.external_ref,
        line=transaction.line,
        earnings=[earning_message(each) for each in transaction.earnings],
        event_kind=transaction.event_kind,
        original_transaction_id=transaction.original_transaction_id,
        written_off_points=transaction.reversal.written_off_points if transaction.reversal else 0,
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
        contract_id=entitlement.contract_id,
        plan=entitlement.plan,
        params=dict(grant.params),
    )
