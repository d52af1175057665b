"""Fairness in a program document: by what groups its tiers are audited, and what is called a gap."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.common.documents import WHOLE_BP, Part, unique

Attribute = Literal["store", "registration_source", "registration_year", "registration_month", "verification"]
# Proposed: the least that a cell of a published table usually has.
MEMBERS_MIN = 20
# Tiers by group stay within ±5 % of all members' (S-25).
GAP_BP = 500
# The four-fifths rule of thumb: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4(D), 1978.
RATIO_BP = 8_000


class Fairness(Part):
    """Which attributes may be used to audit tiers; none unless they are said.

    A group of fewer than `members_min` is told together with others alone.
    `gap_bp` is how far a group's rate may be from that of all members, and
    `ratio_bp` how small a share it may be of the highest group's.
    """

    attributes: Annotated[tuple[Attribute, ...], Field(max_length=5)] = ()
    members_min: int = Field(default=MEMBERS_MIN, ge=5, le=100_000)
    gap_bp: int = Field(default=GAP_BP, ge=1, le=WHOLE_BP)
    ratio_bp: int = Field(default=RATIO_BP, ge=1, le=WHOLE_BP)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("attributes", list(self.attributes))
        # Of a year all of whose months but one are told, the last one would be known as well.
        if {"registration_year", "registration_month"} <= set(self.attributes):
            raise ValueError("registration_year and registration_month tell of each other: one of them")
        return self
