"""What a checker finds: a promise that was not kept, and what of it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["lost", "doubled", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach. `lost` and `doubled` are effects of what clients asked for, `broken` is everything else."""

    promise: str
    kind: Kind
    what: str
    detail: str = ""


def lost(promise: str, what: str, detail: str = "") -> Finding:
    """Something acknowledged is not there, or has not had its effect."""
    return Finding(promise, "lost", what, detail)


def doubled(promise: str, what: str, detail: str = "") -> Finding:
    """Something happened more than once."""
    return Finding(promise, "doubled", what, detail)


def broken(promise: str, what: str, detail: str = "") -> Finding:
    """An invariant does not hold."""
    return Finding(promise, "broken", what, detail)
