"""Which features are worth learning from, and how they are made ready for it.

The rules, in order of the list: a feature that is the same for (almost)
everybody goes; so does one that moves with an earlier one, which says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log1p

Floats: TypeAlias = NDArray[np.float64]

SAME_SHARE = 0.995
"""A value that so many members share makes a feature the same for everybody."""
CORRELATION_MAX = 0.95
# So many members tell how features move together.
SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class Kept:
    """The features that are learned from; `missing`: what stands for one that a member has not.

    That is the most that anybody had at training: what never happened is longest ago.
    """

    names: tuple[str, ...]
    missing: Floats

    def ready(self, matrix: Floats) -> Floats:
        """Features as models take them, (members, names): known ones, by their logarithm with its sign."""
        known = np.where(np.isnan(matrix), self.missing, matrix)
        return np.asarray(np.sign(known) * log1p(np.abs(known)), np.float64)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A feature that is not learned from, and why: the same for all, or it moves with `like`."""

    name: str
    like: str = ""


def kept_features(matrix: Floats, names: Sequence[str]) -> tuple[Kept, list[Dropped]]:
    """The features of (members, names) that are worth learning from, and those that are not."""
    most = np.array([np.nanmax(column, initial=0.0) for column in matrix.T])
    ready = Kept(tuple(names), most).ready(matrix[:: max(1, len(matrix) // SAMPLE)])
    kept: list[int] = []
    dropped = []
    for place, name in enumerate(names):
        if _is_same(ready[:, place]):
            dropped.append(Dropped(name))
        elif (like := _like(ready, place, kept)) is not None:
            dropped.append(Dropped(name, names[like]))
        else:
            kept.append(place)
    return Kept(tuple(names[place] for place in kept), most[kept]), dropped


def _is_same(column: Floats) -> bool:
    _, counts = np.unique(column, return_counts=True)
    return bool(counts.max() >= SAME_SHARE * len(column))


def _like(ready: Floats, place: int, kept: Sequence[int]) -> int | None:
    if not kept:
        return None
    centred = ready[:, [*kept, place]] - ready[:, [*kept, place]].mean(axis=0)
    together = centred[:, :-1].T @ centred[:, -1]
    moves = np.abs(together) / np.sqrt((centred[:, :-1] ** 2).sum(axis=0) * (centred[:, -1] ** 2).sum())
    first = np.flatnonzero(moves > CORRELATION_MAX)
    return kept[first[0]] if len(first) else None
