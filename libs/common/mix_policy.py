"""What a program gives back to members, divided between cash and service by the segment that they are in."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from libs.common.documents import WHOLE_BP, Key, Part, Text, unique
from libs.common.earning_policy import EventCondition
from libs.common.multipliers import Rounding

SEGMENTS_MAX = 20


class Segment(Part):
    """Members for whom a condition holds, and the share that they get as cash; the rest is service."""

    key: Key
    name: Text
    condition: EventCondition = ""
    cash_bp: Annotated[int, Field(ge=0, le=WHOLE_BP)]

    @property
    def service_bp(self) -> int:
        """The share that they get as service."""
        return WHOLE_BP - self.cash_bp


class Mix(Part):
    """The first segment that fits decides; the last one takes everybody else.

    `rounding` is of the cash: service is what is left of the value, so that
    both are the whole of it.
    """

    segments: Annotated[tuple[Segment, ...], Field(min_length=1, max_length=SEGMENTS_MAX)]
    rounding: Rounding = "floor"

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unique("segments", [each.key for each in self.segments])
        *others, last = self.segments
        if last.condition or not all(each.condition for each in others):
            raise ValueError("each segment has a condition but the last, which takes everybody else")
        return self
