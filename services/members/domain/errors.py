"""The reasons that the members service refuses for."""

from libs.common.errors import Kind, Refusal


class StoreUnknown(Refusal):
    reason, kind, text = "STORE_UNKNOWN", Kind.NOT_FOUND, "no such store in the program"


class PartnerUnknown(Refusal):
    reason, kind, text = "PARTNER_UNKNOWN", Kind.NOT_FOUND, "no such partner in the program"


class MemberUnknown(Refusal):
    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member in the program"


class AlreadyExists(Refusal):
    reason, kind, text = "ALREADY_EXISTS", Kind.ALREADY_EXISTS, "it exists with other contents"
