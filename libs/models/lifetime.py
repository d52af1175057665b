"""Lifetime value: what customers will buy and spend in a horizon, and between which bounds."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from libs.models.bgnbd import BgNbd
from libs.models.gamma_gamma import GammaGamma
from libs.models.purchases import DAYS_PER_WEEK, Repeats

Floats: TypeAlias = NDArray[np.float64]

INSIDE = 0.8
"""So likely the purchases to come are within their bounds, or more: they are whole numbers."""


@dataclass(frozen=True, slots=True)
class LifetimeValue:
    """Columns, (customers,), for so many weeks more; values in major units.

    `alive`: the probability of not having left for good. The bounds of the
    value are those of the purchases, at the spend that is expected of each.
    """

    weeks: float
    alive: Floats
    purchases: Floats
    purchases_low: Floats
    purchases_high: Floats
    spend: Floats

    @property
    def value(self) -> Floats:
        """The value that is expected."""
        return self.purchases * self.spend

    @property
    def value_low(self) -> Floats:
        """The value of the fewest purchases within the bounds."""
        return self.purchases_low * self.spend

    @property
    def value_high(self) -> Floats:
        """The value of the most purchases within the bounds."""
        return self.purchases_high * self.spend


def lifetime_value(how_often: BgNbd, how_much: GammaGamma, repeats: Repeats, weeks: float) -> LifetimeValue:
    """What BG/NBD and Gamma-Gamma say of customers by their repeats."""
    tail = (1 - INSIDE) / 2
    return LifetimeValue(
        weeks=weeks,
        alive=how_often.alive(repeats),
        purchases=how_often.expected(repeats, weeks),
        purchases_low=how_often.quantile(tail, repeats, weeks),
        purchases_high=how_often.quantile(1 - tail, repeats, weeks),
        spend=how_much.expected(repeats),
    )


def historic_purchases(repeats: Repeats, weeks: float) -> Floats:
    """Purchases in so many weeks more at the rate of repeats that each customer has had, (customers,)."""
    return repeats.frequency / np.maximum(repeats.age, 1 / DAYS_PER_WEEK) * weeks
