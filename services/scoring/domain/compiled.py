"""Cards over columns, compiled by numba: a fraction of the time of the reference, and the same bits."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import boolean, float64, int8, int32, int64, njit, types, uint8

from services.scoring.domain.cards import QUOTIENT_MAX
from services.scoring.domain.columns import (
    NO_FACT,
    NO_LABEL,
    NO_TOTAL,
    NUMBER_END,
    CardTable,
    Columns,
    FactorTable,
    Floats,
    Integers,
    Kernel,
    Labels,
    Points,
    ScaleTable,
    ScoredColumns,
    Totals,
)
from services.scoring.domain.scales import FULL

# Columns are read where they came, in bytes that nobody may write.
_COLUMN = types.Array(float64, 1, "C", readonly=True)
_WIDEN = types.void(types.Array(int32, 1, "C", readonly=True), float64[::1])
_ARE_FACTS = boolean(_COLUMN, float64)
_LEVELS = types.void(
    _COLUMN, float64[::1], uint8[::1], uint8, int64, int64, int64, uint8[::1], int64, uint8[::1]
)
_DIVIDE = types.void(_COLUMN, int64, _COLUMN, float64[::1])
_AGE = types.void(uint8[::1], uint8[::1])
_ADD = types.void(uint8[::1], int32[::1], int32[::1])
_LINK = types.void(int32[::1], int32[::1])
_LABEL = types.void(int32[::1], int32[::1], int8[::1])
_LEAVE_OUT = types.void(_COLUMN, float64, int32[::1], int8[::1], uint8[:, ::1])


class _Compiled:
    """The loops of a kernel as machine code, none of which holds the interpreter's lock."""

    def __init__(self) -> None:
        self._widen = _machine_code(_WIDEN, _widen)
        self.are_facts = _machine_code(_ARE_FACTS, _are_facts)
        self._levels = _machine_code(_LEVELS, _levels)
        self._divide = _machine_code(_DIVIDE, _divide)
        self._age = _machine_code(_AGE, _age)
        self._add = _machine_code(_ADD, _add)
        self._link = _machine_code(_LINK, _link)
        self._label = _machine_code(_LABEL, _label)
        self._leave_out = _machine_code(_LEAVE_OUT, _leave_out)

    def widened(self, column: Integers) -> Floats:
        wide = np.empty(column.size)
        self._widen(column, wide)
        return wide

    def score(self, table: CardTable, columns: Columns) -> ScoredColumns:
        rows = columns[table.factors[0].fact].size
        points, left = np.empty((len(table.factors), rows), np.uint8), np.empty(rows, np.uint8)
        totals, labels = np.zeros(rows, np.int32), np.zeros(rows, np.int8)
        for factor, of_factor in zip(table.factors, points, strict=True):
            self._scale(factor.scale, self._values(factor, columns), of_factor)
            if factor.age is not None:
                self._scale(factor.age, columns[factor.age_fact], left)
                self._age(of_factor, left)
            self._add(of_factor, factor.worth_bp, totals)
        if table.linked is not None:
            self._link(table.linked, totals)
        self._label(table.bottoms_bp, totals, labels)
        for fact, lowest in table.card.requires:
            self._leave_out(columns[fact], lowest, totals, labels, points)
        return ScoredColumns(totals, labels, points)

    def _values(self, factor: FactorTable, columns: Columns) -> Floats:
        values = columns[factor.fact]
        if factor.per is None:
            return values
        quotients = np.empty_like(values)
        self._divide(values, factor.per.times, columns[factor.per.fact], quotients)
        return quotients

    def _scale(self, scale: ScaleTable, values: Floats, levels: Points) -> None:
        self._levels(
            values,
            scale.starts,
            scale.levels,
            scale.missing,
            scale.low,
            scale.high,
            scale.shift,
            scale.places,
            scale.more,
            levels,
        )


def compiled() -> Kernel:
    """The kernel, after some seconds of compiling.

    Nothing is cached on disk: a service's files are not its own to write.
    """
    code = _Compiled()
    return Kernel(widened=code.widened, are_facts=code.are_facts, score=code.score)


def _machine_code(signature: Any, loop: Callable[..., Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = njit(signature, nogil=True)(loop)
    return made


def _widen(column: Integers, wide: Floats) -> None:  # pragma: no cover - machine code
    for row in range(column.size):
        number = column[row]
        wide[row] = np.nan if number == NO_FACT else float(number)


def _are_facts(column: Floats, lowest: float) -> bool:  # pragma: no cover - machine code
    # Without a way out before the end, so that several numbers are looked at in one instruction.
    wrong = 0
    for place in range(column.size):
        number = column[place]
        no_fact = (number < lowest) | (number >= NUMBER_END) | (number != np.floor(number))
        wrong |= (number == number) & no_fact  # noqa: PLR0124 - NaN is no number
    return wrong == 0


def _levels(
    values: Floats,
    starts: Floats,
    levels_of: Points,
    missing: int,
    low: int,
    high: int,
    shift: int,
    places: Points,
    more: int,
    levels: Points,
) -> None:  # pragma: no cover - machine code
    # Each step takes one of two values and not one of two ways: what members do cannot be foretold, and a
    # processor that guesses wrong takes four times as long. NaN is not above `lowest`.
    lowest, highest = float(low), float(high)
    for row in range(values.size):
        value = values[row]
        within = value if value > lowest else lowest  # noqa: FURB136
        within = within if within < highest else highest  # noqa: FURB136
        reached = int(places[(int(within) - low) >> shift])
        for _ in range(more):
            reached += starts[reached] <= within
        level = levels_of[reached]
        levels[row] = level if value == value else missing  # noqa: PLR0124 - NaN is no number


def _divide(
    values: Floats, times: int, divisors: Floats, quotients: Floats
) -> None:  # pragma: no cover - machine code
    for row in range(values.size):
        value, divisor = values[row], divisors[row]
        usable = divisor > 0
        whole = int(value if value == value else 0.0) * times  # noqa: PLR0124 - NaN is no number
        quotient = whole // int(divisor if usable else 1.0)
        quotient = max(-QUOTIENT_MAX, quotient)
        quotient = min(QUOTIENT_MAX, quotient)
        quotients[row] = float(quotient) if usable else np.nan


def _age(points: Points, left: Points) -> None:  # pragma: no cover - machine code
    for row in range(points.size):
        points[row] = (np.uint16(points[row]) * np.uint16(left[row]) + FULL // 2) // FULL


def _add(points: Points, worth_bp: Totals, totals: Totals) -> None:  # pragma: no cover - machine code
    for row in range(points.size):
        totals[row] += worth_bp[points[row]]


def _link(linked: Totals, totals: Totals) -> None:  # pragma: no cover - machine code
    for row in range(totals.size):
        totals[row] = linked[totals[row]]


def _label(bottoms_bp: Totals, totals: Totals, labels: Labels) -> None:  # pragma: no cover - machine code
    for place in range(bottoms_bp.size):
        for row in range(totals.size):
            labels[row] += bottoms_bp[place] > totals[row]


def _leave_out(
    column: Floats, lowest: float, totals: Totals, labels: Labels, points: Points
) -> None:  # pragma: no cover - machine code
    for row in range(column.size):
        if not column[row] >= lowest:
            totals[row], labels[row] = NO_TOTAL, NO_LABEL
            for factor in range(points.shape[0]):
                points[factor, row] = 0
