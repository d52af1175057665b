"""The reasons that the benefits service refuses for."""

from libs.common.errors import Kind, Refusal


class ProgramFieldFixed(Refusal):
    reason, kind = "PROGRAM_FIELD_FIXED", Kind.PRECONDITION
    text = "a program keeps its currencies, its time zone, its clock and its tiers"


class EndpointUnknown(Refusal):
    reason, kind, text = "ENDPOINT_UNKNOWN", Kind.NOT_FOUND, "no such webhook endpoint in the program"


class EndpointRefused(Refusal):
    reason, kind, text = "ENDPOINT_REFUSED", Kind.INVALID, "webhooks are not sent to such an address"


class EndpointsTooMany(Refusal):
    reason, kind = "ENDPOINTS_TOO_MANY", Kind.PRECONDITION
    text = "the program has as many endpoints as it may have"


class DeliveryUnknown(Refusal):
    reason, kind = "DELIVERY_UNKNOWN", Kind.NOT_FOUND
    text = "no such delivery at the endpoint, or one that still waits"


class MemberUnknown(Refusal):
    reason, kind, text = "MEMBER_UNKNOWN", Kind.NOT_FOUND, "no such member in the program"
