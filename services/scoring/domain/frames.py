"""Frames: the facts of many members as columns of bytes, checked, and given to a kernel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from libs.models.serving import ModelScores
from services.scoring.domain.cards import Card
from services.scoring.domain.columns import (
    NUMBER_END,
    CardTable,
    Floats,
    Kernel,
    ScoredColumns,
    facts_in,
)
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.model_scores import NamedModel

NUMBER, SHORT_NUMBER = np.dtype("<f8"), np.dtype("<i4")
# About as much work as a row is to a model.
LOOKUPS_OF_MODEL = 100

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


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """The scores of a frame's rows by each card and by each model."""

    cards: Sequence[ScoredColumns]
    models: Sequence[ModelScores]


class FrameScorer:
    """Scores the frames of one stream, by the same cards and models and with one order of columns."""

    def __init__(
        self,
        cards: Sequence[Card],
        facts: Sequence[str],
        kinds: Sequence["np.dtype[Any]"] = (),
        models: Sequence[NamedModel] = (),
    ) -> None:
        """`kinds` are those of the columns, NUMBER or SHORT_NUMBER; all are NUMBER when there are none."""
        if kinds and len(kinds) != len(facts):
            raise FrameInvalid(
                problem=f"the header names {len(facts)} facts and {len(kinds)} kinds of columns"
            )
        self.tables = tuple(CardTable.of(card) for card in cards)
        self.models = tuple(models)
        self._facts = tuple(facts)
        self._kinds = tuple(kinds) or (NUMBER,) * len(facts)
        self._lowest = [0.0 if _NEVER_NEGATIVE.fullmatch(fact) else 1 - NUMBER_END for fact in facts]
        self._missing = {fact for card in cards for fact in card.facts} - set(facts)

    def lookups_count(self, frame: Frame) -> int:
        """How much work a frame is: the numbers to check, and the points of each factor to find."""
        factors_count = sum(len(table.factors) for table in self.tables)
        models_count = len(self.models) * LOOKUPS_OF_MODEL
        return frame.rows_count * (len(self._facts) + factors_count + models_count)

    def score(self, frame: Frame, kernel: Kernel) -> ScoredFrame:
        """The scores of a frame's rows, or FrameInvalid with what is wrong in which column."""
        if len(frame.columns) != len(self._facts):
            raise FrameInvalid(
                frame_id=frame.frame_id,
                problem=f"has {len(frame.columns)} columns, the header names {len(self._facts)}",
            )
        columns = {fact: self._column(frame, place, kernel) for place, fact in enumerate(self._facts)}
        if self._missing:
            columns |= dict.fromkeys(self._missing, np.full(frame.rows_count, np.nan))
        return ScoredFrame(
            [kernel.score(table, columns) for table in self.tables],
            [each.model.scores(columns) for each in self.models],
        )

    def _column(self, frame: Frame, place: int, kernel: Kernel) -> Floats:
        """A column, if it is as long as was said and holds nothing but numbers that a fact can be."""
        data, fact, lowest = frame.columns[place], self._facts[place], self._lowest[place]
        kind = self._kinds[place]
        bytes_count = frame.rows_count * kind.itemsize
        if len(data) != bytes_count:
            problem = f"has {len(data)} bytes, {frame.rows_count} rows take {bytes_count}"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        numbers = np.frombuffer(data, kind)
        column: Floats = kernel.widened(numbers) if kind is SHORT_NUMBER else numbers
        if not kernel.are_facts(column, lowest):
            row = int(facts_in(column, lowest).argmin())
            problem = f"row {row} is {column[row]}: {_rule(lowest)}, or NaN where there is no fact"
            raise FrameInvalid(frame_id=frame.frame_id, column=fact, problem=problem)
        return column


def _rule(lowest: float) -> str:
    return "whole numbers from 0 to below 2^53" if lowest == 0 else "whole numbers above -2^53 and below 2^53"
