"""The reasons that the members service refuses for."""

from libs.common.errors import Kind, Refusal


class StoreUnknown(Refusal):
    reason, kind, text = "STORE_UNKNOWN", Kind.NOT_FOUND, "no such store in the program"


class PartnerUnknown(Refusal):
    reason, kind, text = "PARTNER_UNKNOWN", Kind.NOT_FOUND, "no such partner in the program"


class MemberUnknown(Refusal):
    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member in the program"


class ClockLive(Refusal):
    reason, kind, text = "CLOCK_LIVE", Kind.PRECONDITION, "the program runs by the machine's clock"


class ClockBackwards(Refusal):
    reason, kind, text = "CLOCK_BACKWARDS", Kind.INVALID, "a clock moves forward only"


class BirthdayLocked(Refusal):
    reason, kind = "BIRTHDAY_LOCKED", Kind.PRECONDITION
    text = "something was given for the birthday in the last twelve months"


class RevealLimit(Refusal):
    reason, kind = "REVEAL_LIMIT", Kind.PRECONDITION
    text = "as many members were revealed today as one may"


class RevealEnded(Refusal):
    reason, kind = "REVEAL_ENDED", Kind.PRECONDITION
    text = "this was answered, and is not answered again: reveal the member under another request_id"


class BreakGlassUnknown(Refusal):
    reason, kind, text = "BREAK_GLASS_UNKNOWN", Kind.NOT_FOUND, "no such break-glass of the caller"


class BreakGlassEnded(Refusal):
    reason, kind, text = "BREAK_GLASS_ENDED", Kind.PRECONDITION, "the break-glass is over"


class FactUnknown(Refusal):
    reason, kind, text = "FACT_UNKNOWN", Kind.INVALID, "no such fact"


class AlreadyExists(Refusal):
    reason, kind, text = "ALREADY_EXISTS", Kind.ALREADY_EXISTS, "it exists with other contents"
