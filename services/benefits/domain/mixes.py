"""Mixes: what of a value is given back as cash and what as service, by the segment of a member."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.documents import WHOLE_BP
from libs.common.mix_policy import Mix, Segment
from libs.common.multipliers import rounded
from services.benefits.domain.earning_reasons import Params
from services.benefits.domain.earning_situations import Situation


@dataclass(frozen=True, slots=True)
class TriedSegment:
    """A segment, and the reason why the member is not in it; empty where they are."""

    segment: Segment
    reason: str = ""
    params: Params = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A divided value: cash and service are the whole of it. The last of the segments tried decided."""

    cash_minor: int
    service_minor: int
    tried: Sequence[TriedSegment]

    @property
    def segment(self) -> Segment:
        """The one that decided."""
        return self.tried[-1].segment


def split(mix: Mix, situation: Situation) -> Split:
    """The amount of a situation, divided as the first segment says whose condition holds.

    A condition without an answer does not hold.
    """
    tried: list[TriedSegment] = []
    for segment in mix.segments:
        tried.append(TriedSegment(segment, *situation.unmet(segment.condition)))
        if not tried[-1].reason:
            break
    value_minor, segment = situation.amount_minor, tried[-1].segment
    cash_minor = rounded(value_minor * segment.cash_bp, WHOLE_BP, mix.rounding)
    return Split(cash_minor, value_minor - cash_minor, tried)
