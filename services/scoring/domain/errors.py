"""Reasons for which scoring refuses."""

from libs.common.errors import Kind, Refusal


class ProgramNotHeld(Refusal):
    reason, kind = "PROGRAM_UNKNOWN", Kind.PRECONDITION
    text = "this replica does not hold the program; send the request again with the document"


class TierUnknown(Refusal):
    reason, kind, text = "TIER_UNKNOWN", Kind.INVALID, "the program has no such tier set or tier"
