"""How multipliers and bonuses that hold at once stack, and how points are rounded: exactly, in integers."""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from libs.common.documents import WHOLE_BP

# The most that a tier may multiply by, and so the cap where a program says none.
MULTIPLIER_MAX_BP = 100 * WHOLE_BP

MultiplierBp = Annotated[int, Field(ge=0, le=MULTIPLIER_MAX_BP)]
FactorKind = Literal["multiplier", "bonus"]
Stacking = Literal["max", "sum", "product"]
Rounding = Literal["floor", "half_up"]


def stacked(factors: Iterable[tuple[FactorKind, int]], stacking: Stacking, max_bp: int) -> Fraction:
    """What points are multiplied by, exactly, given what holds as kinds and basis points.

    `max`: the highest multiplier, and the bonuses added to it. `sum`: what
    each multiplier gives beyond the points themselves is added up, and the
    bonuses with it. `product`: all are multiplied, a bonus as 1 and itself.
    """
    held = list(factors)
    multipliers = [Fraction(bp, WHOLE_BP) for kind, bp in held if kind == "multiplier"]
    bonuses = [Fraction(bp, WHOLE_BP) for kind, bp in held if kind == "bonus"]
    match stacking:
        case "max":
            result = max(multipliers, default=Fraction(1)) + sum(bonuses, Fraction(0))
        case "sum":
            result = 1 + sum((each - 1 for each in multipliers), Fraction(0)) + sum(bonuses)
        case "product":
            result = math.prod(multipliers, start=Fraction(1)) * math.prod(1 + each for each in bonuses)
    return min(max(Fraction(0), result), Fraction(max_bp, WHOLE_BP))


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Whole points of a fraction: those that are full, or the nearest, where a half counts up."""
    if rounding == "floor":
        return numerator // denominator
    return (2 * numerator + denominator) // (2 * denominator)
