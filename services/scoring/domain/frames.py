"""Frames: the facts of many members as columns of bytes, checked, and given to a kernel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from libs.common.program import Rfm
from services.scoring.domain.columns import (
    NUMBER_END,
    Floats,
    Kernel,
    RfmTables,
    ScoredColumns,
    facts_in,
)
from services.scoring.domain.errors import FrameInvalid

NUMBER = np.dtype("<f8")

# How often and how long ago is never below nothing. What is net of refunds may be, in a window that the
# purchase is not in.
_NEVER_NEGATIVE = re.compile(
    r"[a-z_]+\.(count|distinct_days)\..+"
    r"|[a-z_]+\.days_since_(first|last)"
    r"|(purchase_gross|refund)\.(amount_minor|quantity)\..+"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows as columns, in the order of the header's facts."""

    frame_id: int
    rows_count: int
    columns: Sequence[bytes]

    @property
    def numbers_count(self) -> int:
        """How many numbers there are to look at."""
        return self.rows_count * len(self.columns)


class FrameScorer:
    """Scores the frames of one stream, by one policy and with one order of columns."""

    def __init__(self, rfm: Rfm, facts: Sequence[str]) -> None:
        self.tables = RfmTables.of(rfm)
        self._facts = tuple(facts)
        self._lowest = [0.0 if _NEVER_NEGATIVE.fullmatch(fact) else 1 - NUMBER_END for fact in facts]
        read = (rfm.recency_fact, rfm.frequency_fact, rfm.monetary_fact)
        self._read = [facts.index(fact) if fact in facts else None for fact in read]

    def score(self, frame: Frame, kernel: Kernel) -> ScoredColumns:
        """The scores of a frame's rows, or FrameInvalid with what is wrong in which column."""
        if len(frame.columns) != len(self._facts):
            raise FrameInvalid(
                frame_id=frame.frame_id,
                problem=f"has {len(frame.columns)} columns, the header names {len(self._facts)}",
            )
        columns = [self._column(frame, place, kernel) for place in range(len(self._facts))]
        nothing = np.full(frame.rows_count, np.nan) if None in self._read else columns[0]
        days, purchases, amounts = (nothing if at is None else columns[at] for at in self._read)
        return kernel.score(self.tables, days, purchases, amounts)

    def _column(self, frame: Frame, place: int, kernel: Kernel) -> Floats:
        """A column, if it is as long as was said and holds nothing but numbers that a fact can be."""
        data, fact, lowest = frame.columns[place], self._facts[place], self._lowest[place]
        bytes_count = frame.rows_count * NUMBER.itemsize
        if len(data) != bytes_count:
            problem = f"has {len(data)} bytes, {frame.rows_count} rows take {bytes_count}"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        column = np.frombuffer(data, NUMBER)
        if not kernel.are_facts(column, lowest):
            row = int(facts_in(column, lowest).argmin())
            problem = f"row {row} is {column[row]}: {_rule(lowest)}, or NaN where there is no fact"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        return column


def _rule(lowest: float) -> str:
    return "whole numbers from 0 to below 2^53" if lowest == 0 else "whole numbers above -2^53 and below 2^53"
