"""Cuts of RFM, fitted to a population: what divides it into fifths, as far as its values differ."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

SCORES = 5


class CutsInvalidError(ValueError):
    """A column that cannot be cut so, and why."""


def fitted_cuts(values: Floats, name: str = "the column") -> tuple[int, ...]:
    """Four ascending cuts, all different; a value at a cut belongs below it, and nobody's score is empty.

    Each is the quintile, or the next value up that leaves one for each
    score: of customers most of whom bought once, quintiles would be the same.
    CutsInvalidError with fewer than five different values, from 0 on.

    >>> fitted_cuts(np.array([1.0, 1, 1, 1, 1, 1, 2, 3, 4, 9]))
    (1, 2, 3, 4)
    """
    if not np.isfinite(values).all() or (values < 0).any():
        raise CutsInvalidError(f"{name} has values that are no numbers from 0 on")
    different, counts = np.unique(np.floor(values), return_counts=True)
    if len(different) < SCORES:
        raise CutsInvalidError(f"{name} has {len(different)} different values; {SCORES} scores need as many")
    reached = np.cumsum(counts) / len(values)
    places: list[int] = []
    for score in range(1, SCORES):
        quintile = int(np.searchsorted(reached, score / SCORES))
        first = places[-1] + 1 if places else 0
        # So many values have to be left for the scores above.
        places.append(min(max(quintile, first), len(different) - 1 - (SCORES - score)))
    return tuple(int(different[place]) for place in places)
