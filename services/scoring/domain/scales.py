"""Scales as steps: from which whole number on a value has how many points.

Facts are whole numbers, and points are hundredths, so every scale is a
hundred comparisons of whole numbers, however curved it is. The steps are
worked out here, once for a policy, in integers; what scores by them compares
and adds, and needs neither `exp` nor rounding. That is why any machine and
any kernel give the same bits.
"""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import Literal

from libs.common.multipliers import rounded
from libs.common.scale_policy import CutScale, LinearScale, LogisticScale

FULL = 100
# Of a logarithm, as a whole number.
_ONE = 10**20
# Decimal's logarithm is rounded correctly wherever it runs; that of a machine's C library is not.
_EXACT = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a value counts, by how many of the ascending starts it has reached: one level more than starts."""

    starts: tuple[int, ...]
    levels: tuple[int, ...]

    def level(self, value: int) -> int:
        """The level of a value.

        >>> Steps((10, 20), (0, 50, 100)).level(19)
        50
        """
        return self.levels[bisect_right(self.starts, value)]


def scale_steps(
    scale: CutScale | LinearScale | LogisticScale, direction: Literal["up", "down"] = "up"
) -> Steps:
    """The points of a scale, 0 to 100, to the nearest whole one; downwards what is missing to 100."""
    steps = _steps(scale)
    if direction == "up":
        return steps
    return Steps(steps.starts, tuple(FULL - level for level in steps.levels))


def _steps(scale: CutScale | LinearScale | LogisticScale) -> Steps:
    match scale:
        case CutScale():
            count = len(scale.cuts)
            levels = tuple(rounded(FULL * below, count, "half_up") for below in range(count + 1))
            return Steps(tuple(cut + 1 for cut in scale.cuts), levels)
        case LinearScale():
            span = scale.high - scale.low
            halves = range(1, 2 * FULL, 2)
            return Steps(
                tuple(scale.low + _up(half * span, 2 * FULL) for half in halves), tuple(range(FULL + 1))
            )
        case LogisticScale():
            return logistic_steps(scale.midpoint, scale.spread, FULL)


def logistic_steps(midpoint: int, spread: int, full: int) -> Steps:
    """1 / (1 + exp((midpoint - x) / spread)), in so many parts of the whole, to the nearest.

    A level is reached where x is the midpoint and spread times the logit of
    the level less a half.
    """
    starts = tuple(midpoint + _up(logit * spread, _ONE) for logit in _logits(full))
    return Steps(starts, tuple(range(full + 1)))


def decay_steps(half_life_days: int) -> Steps:
    """0.5 ** (age / half_life_days) in hundredths, to the nearest, by the age in days."""
    starts = tuple(1 + exponent * half_life_days // _ONE for exponent in _halvings())
    return Steps(starts, tuple(range(FULL, -1, -1)))


@cache
def _logits(full: int) -> tuple[int, ...]:
    """The logits of (level - 1/2) / full, for the levels of 1 to full."""
    return tuple(_logarithm(2 * level - 1, 2 * full + 1 - 2 * level) for level in range(1, full + 1))


@cache
def _halvings() -> tuple[int, ...]:
    """After how many half-lives less than 99.5, 98.5, … hundredths are left."""
    two = _logarithm(2, 1)
    return tuple(
        rounded(_logarithm(2 * FULL, 2 * level - 1) * _ONE, two, "half_up") for level in range(FULL, 0, -1)
    )


def _logarithm(numerator: int, denominator: int) -> int:
    ratio = _EXACT.divide(Decimal(numerator), Decimal(denominator))
    return int(_EXACT.multiply(_EXACT.ln(ratio), Decimal(_ONE)).to_integral_value(ROUND_HALF_EVEN))


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
