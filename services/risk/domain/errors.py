"""The reasons that the risk service refuses for."""

from libs.common.errors import Kind, Refusal


class MemberUnknown(Refusal):
    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member in the program"


class ReportOfSelf(Refusal):
    reason, kind, text = "REPORT_OF_SELF", Kind.PRECONDITION, "nobody reports themselves"


class ReportAlreadyOpen(Refusal):
    reason, kind = "REPORT_ALREADY_OPEN", Kind.ALREADY_EXISTS
    text = "the caller has an open report of this member"


class ReportsTooMany(Refusal):
    reason, kind = "REPORTS_TOO_MANY", Kind.PRECONDITION
    text = "so many reports of this member count that no more are taken"


class ReportUnknown(Refusal):
    reason, kind, text = "REPORT_UNKNOWN", Kind.NOT_FOUND, "no such report in the program"


class ReportAlreadyDecided(Refusal):
    reason, kind = "REPORT_ALREADY_DECIDED", Kind.PRECONDITION
    text = "the report was decided before"


class ReportOfOwn(Refusal):
    reason, kind, text = "REPORT_OF_OWN", Kind.PRECONDITION, "who reported a member does not decide on it"


class ReportExpired(Refusal):
    reason, kind, text = "REPORT_EXPIRED", Kind.PRECONDITION, "the report is too old to be decided"
