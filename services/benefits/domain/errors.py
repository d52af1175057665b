"""The reasons that the benefits service refuses for."""

from libs.common.errors import Kind, Refusal


class ProgramFieldFixed(Refusal):
    reason, kind = "PROGRAM_FIELD_FIXED", Kind.PRECONDITION
    text = "a program keeps its currencies, its time zone, its clock and its tiers"
