"""Between the proto messages of risk and its domain."""

from collections.abc import Iterable
from types import MappingProxyType

from laurel.members.v1 import events_pb2 as members_pb2
from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common import watch
from libs.common.rpc.time import timestamp
from services.risk.domain.integrity import Level, Verification
from services.risk.domain.limits import RefusedLimit
from services.risk.domain.profiles import Cause, CauseKind, Change, Profile
from services.risk.domain.reports import Decision, Reason, Report, Status
from services.risk.domain.restrictions import Restriction, RestrictionKind

LEVELS: MappingProxyType[Level, pb.RiskLevel.ValueType] = MappingProxyType(
    {"low": pb.RISK_LEVEL_LOW, "medium": pb.RISK_LEVEL_MEDIUM, "high": pb.RISK_LEVEL_HIGH}
)
VERIFICATIONS: MappingProxyType[Verification, members_pb2.Verification.ValueType] = MappingProxyType(
    {
        "unverified": members_pb2.VERIFICATION_UNVERIFIED,
        "verified": members_pb2.VERIFICATION_VERIFIED,
        "suspect": members_pb2.VERIFICATION_SUSPECT,
    }
)
VERIFICATION_NAMES = MappingProxyType({number: name for name, number in VERIFICATIONS.items()})
CAUSES: MappingProxyType[CauseKind, pb.IntegrityCauseKind.ValueType] = MappingProxyType(
    {
        "registered": pb.INTEGRITY_CAUSE_KIND_REGISTERED,
        "verification_changed": pb.INTEGRITY_CAUSE_KIND_VERIFICATION_CHANGED,
        "reported": pb.INTEGRITY_CAUSE_KIND_REPORTED,
        "report_decided": pb.INTEGRITY_CAUSE_KIND_REPORT_DECIDED,
        "report_expired": pb.INTEGRITY_CAUSE_KIND_REPORT_EXPIRED,
    }
)
RESTRICTIONS: MappingProxyType[RestrictionKind, pb.RestrictionKind.ValueType] = MappingProxyType(
    {"interaction": pb.RESTRICTION_KIND_INTERACTION}
)
REASONS: MappingProxyType[Reason, reports_pb2.ReportReason.ValueType] = MappingProxyType(
    {
        "harassment": reports_pb2.REPORT_REASON_HARASSMENT,
        "spam_or_advertising": reports_pb2.REPORT_REASON_SPAM_OR_ADVERTISING,
        "fraud": reports_pb2.REPORT_REASON_FRAUD,
        "false_identity": reports_pb2.REPORT_REASON_FALSE_IDENTITY,
        "inappropriate_content": reports_pb2.REPORT_REASON_INAPPROPRIATE_CONTENT,
        "other": reports_pb2.REPORT_REASON_OTHER,
    }
)
REASON_NAMES = MappingProxyType({number: name for name, number in REASONS.items()})
STATUSES: MappingProxyType[Status, reports_pb2.ReportStatus.ValueType] = MappingProxyType(
    {
        "open": reports_pb2.REPORT_STATUS_OPEN,
        "upheld": reports_pb2.REPORT_STATUS_UPHELD,
        "dismissed": reports_pb2.REPORT_STATUS_DISMISSED,
        "expired": reports_pb2.REPORT_STATUS_EXPIRED,
    }
)
STATUS_NAMES = MappingProxyType({number: name for name, number in STATUSES.items()})
DECISION_NAMES: MappingProxyType[reports_pb2.ReportDecision.ValueType, Decision] = MappingProxyType(
    {reports_pb2.REPORT_DECISION_UPHOLD: "uphold", reports_pb2.REPORT_DECISION_DISMISS: "dismiss"}
)
REPORTERS = MappingProxyType(
    {"member": reports_pb2.REPORTER_KIND_MEMBER, "staff": reports_pb2.REPORTER_KIND_STAFF}
)


def profile_message(profile: Profile, limits: Iterable[RefusedLimit] = ()) -> pb.RiskProfile:
    """A profile with the parts of its score, its restrictions, what changed it last, and limits with it."""
    return pb.RiskProfile(
        member_id=profile.member_id,
        integrity=profile.integrity.score,
        level=LEVELS[profile.integrity.level],
        verification=VERIFICATIONS[profile.verification],
        reporters_count=profile.reporters,
        parts=[pb.IntegrityPart(code=part.code, points=part.points) for part in profile.integrity.parts],
        changed_time=timestamp(profile.changed_time),
        restrictions=[_restriction(each) for each in profile.restrictions],
        cause=_cause(profile.cause),
        refused_limits=[
            pb.RefusedLimit(
                limit=each.limit, days_count=each.days_count, latest_time=timestamp(each.latest_time)
            )
            for each in limits
        ],
    )


def watched(change: watch.Change) -> pb.WatchMemberResponse:
    """A change as it is told to who watches; of a kind that they know, or only its place."""
    answer = pb.WatchMemberResponse(seq=change.seq)
    if change.recorded_time is not None:
        answer.recorded_time.CopyFrom(timestamp(change.recorded_time))
    if change.type == "RiskProfileChanged":
        profile = pb.RiskProfileChanged.FromString(change.payload).profile
        answer.standing_changed.CopyFrom(pb.StandingChange(level=profile.level, integrity=profile.integrity))
    return answer


def change_message(change: Change) -> pb.IntegrityChange:
    """A change of a profile."""
    before, after = change.before, change.after
    return pb.IntegrityChange(
        seq=after.seq,
        integrity_before=None if before is None else before.score,
        integrity_after=after.integrity.score,
        level_before=pb.RISK_LEVEL_UNSPECIFIED if before is None else LEVELS[before.level],
        level_after=LEVELS[after.integrity.level],
        cause=_cause(after.cause),
        changed_time=timestamp(after.changed_time),
        restrictions=[_restriction(each) for each in after.restrictions],
    )


def _cause(cause: Cause) -> pb.IntegrityCause:
    return pb.IntegrityCause(kind=CAUSES[cause.kind], report_id=cause.report_id)


def _restriction(restriction: Restriction) -> pb.Restriction:
    return pb.Restriction(
        kind=RESTRICTIONS[restriction.kind],
        reason_code=restriction.reason_code,
        reason_params=restriction.reason_params,
        since_time=timestamp(restriction.since),
        until_time=timestamp(restriction.until),
    )


def report_message(report: Report, *, with_note: bool = False) -> reports_pb2.Report:
    """A report; its note only where it is asked for."""
    finding = report.finding
    return reports_pb2.Report(
        report_id=report.report_id,
        member_id=report.member_id,
        reporter_kind=REPORTERS[report.reporter.kind],
        reporter=report.reporter.subject,
        reason=REASONS[report.reason],
        note=report.note if with_note else "",
        status=STATUSES[report.status],
        reported_time=timestamp(report.reported_time),
        expire_time=timestamp(report.expire_time),
        finding=None
        if finding is None
        else reports_pb2.ReportFinding(
            decided_by=finding.officer,
            decided_time=timestamp(finding.decided_time),
            explanation=finding.explanation,
        ),
    )
