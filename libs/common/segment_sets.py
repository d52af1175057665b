"""Sets of segments: kinds of members that are no tiers, each with a service of its own."""

import json
from typing import Annotated, Self

from pydantic import Field, model_validator

from libs.common import shipped
from libs.common.benefit_policy import BenefitGrant
from libs.common.documents import Key, Part, Text, unique


class ServedSegment(Part):
    """A kind of members, and what is theirs."""

    key: Key
    name: Text
    benefits: Annotated[tuple[BenefitGrant, ...], Field(max_length=100)] = ()


class SegmentSet(Part):
    """Kinds of members beside each other: none is above another."""

    key: Key
    name: Text
    industry: Key
    segments: tuple[ServedSegment, ...] = Field(min_length=2, max_length=100)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        unique("segments", [each.key for each in self.segments])
        return self


def segment_set_names() -> list[str]:
    """The sets of segments that are shipped."""
    return shipped.names("segments")


def segment_set(name: str) -> SegmentSet:
    """A shipped set of segments."""
    return SegmentSet.model_validate_json(json.dumps(shipped.document("segments", name)))
