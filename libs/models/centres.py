"""Value segments as plain numbers: each member belongs to the nearest centre, whoever else is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log1p

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

LABELS = ("high_value", "potential", "general", "lost")
"""高价值, 潜力, 一般, 流失: those of four segments."""
FAR = 3.0
"""In standard deviations."""
SIGNS = (-1.0, 1.0, 1.0)
"""The best bought lately, often and for much: what each of the three adds to the worth of a centre."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Fitted segments, from the best down. `centres`: (k, 3), in `means` and `scales` of the logarithms.

    `sizes`: how many each one had at the fit. `silhouette`: -1 to 1, the
    higher, the further apart; of a sample where there are many.
    """

    means: Floats
    scales: Floats
    centres: Floats
    sizes: tuple[int, ...]
    silhouette: float

    def scaled(self, rfm: Floats) -> Floats:
        """Rows of days since the last purchase, purchase days and spend, as centres are, (members, 3)."""
        return limited((log1p(rfm) - self.means) / self.scales)

    def of(self, rfm: Floats) -> Places:
        """The segment, (members,), of each row of days since the last purchase, purchase days and spend."""
        scaled = self.scaled(rfm)
        # Place by place, so that every batch gives the same bits.
        distances = np.stack([_added((scaled - centre) ** 2) for centre in self.centres], axis=1)
        return np.asarray(np.argmin(distances, axis=1))

    def typical(self) -> Floats:
        """The centres in days, purchase days and spend, (k, 3)."""
        return np.asarray(np.expm1(self.centres * self.scales + self.means), np.float64)


def limited(scaled: Floats) -> Floats:
    """What is further off than FAR counts as that far: some who spent nothing at all are no segment."""
    return np.asarray(scaled.clip(-FAR, FAR), np.float64)


def _added(squares: Floats) -> Floats:
    return np.asarray(squares[:, 0] + squares[:, 1] + squares[:, 2])


def rfm_of(days_since_last: Floats, purchase_days: Floats, spend: Floats) -> Floats:
    """The three columns as rows, (members, 3). What was given back beyond what was spent counts 0."""
    return np.column_stack([days_since_last, purchase_days, np.maximum(spend, 0.0)])


def labels_of(count: int) -> Sequence[str]:
    """What segments are called: the four by their labels, others by their place."""
    return LABELS if count == len(LABELS) else [f"segment_{place}" for place in range(1, count + 1)]
