"""Who models are learned from: facts of members at a day, and what came of them by later ones."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from libs.common.documents import NUMBER_MAX
from libs.models import documents
from libs.models.documents import DAYS, LATER_FACTS
from libs.models.purchases import DAYS_PER_WEEK
from libs.models.serving import cleaned

Floats: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, Floats]

LEARNED_MAX = 1_000_000
"""Of more members who had purchased, about so many are learned from."""
_HASHES = 1 << 64


class TrainingError(ValueError):
    """Members that nothing can be learned from, and why."""


@dataclass(frozen=True, slots=True)
class Later:
    """Facts of the same members so many days after the cut-off."""

    days: int
    facts: Columns


@dataclass(frozen=True, slots=True)
class Population:
    """The members of a program who had purchased by the end of a day, and what became of them.

    `facts`: columns, (members,). `later`: by days ascending, the last at the
    end of the horizon; none where that has not been yet. `drawn_from`: how
    many had purchased, where these are a sample of them.
    """

    program_id: str
    currency: str
    as_of: date
    horizon_days: int
    facts: Columns
    later: Sequence[Later] = ()
    drawn_from: int | None = None

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.facts[DAYS])

    @property
    def weeks(self) -> float:
        """The horizon."""
        return self.horizon_days / DAYS_PER_WEEK

    def digest(self) -> str:
        """SHA-256 over the columns, in hex."""
        found = hashlib.sha256()
        for days, columns in ((0, self.facts), *((each.days, each.facts) for each in self.later)):
            for fact in sorted(columns):
                # Whatever NaN it is, it is one.
                column = np.where(np.isnan(columns[fact]), np.nan, columns[fact]).astype("<f8")
                found.update(f"{days} {fact} {len(column)}\n".encode())
                found.update(column.tobytes())
        return found.hexdigest()

    def common(self, metrics: Mapping[str, float | None], drawn: documents.Drawn) -> dict[str, Any]:
        """What every document says of them; a figure that is no number is left out."""
        return {
            "program_id": self.program_id,
            "as_of": self.as_of,
            "horizon_days": self.horizon_days,
            "members_count": self.count,
            "data_digest": self.digest(),
            "metrics": dict(_known({**metrics, "drawn_from": self.drawn_from})),
            "drawn": drawn,
        }


def _known(metrics: Mapping[str, float | None]) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        if value is not None and np.isfinite(value) and abs(value) <= NUMBER_MAX:
            yield name, float(value)


def population(
    facts: Columns,
    later: Sequence[Later],
    *,
    program_id: str,
    currency: str,
    as_of: date,
    horizon_days: int,
    drawn_from: int | None = None,
) -> Population:
    """Facts as models read them. TrainingError where nobody had purchased."""
    if not len(facts[DAYS]):
        raise TrainingError(f"nobody had purchased by {as_of}")
    own = cleaned(facts, list(facts))
    after = [Later(each.days, cleaned(each.facts, LATER_FACTS)) for each in later]
    return Population(program_id, currency, as_of, horizon_days, own, after, drawn_from)


def in_sample(member_ids: Sequence[str], among: int, at_most: int = LEARNED_MAX) -> NDArray[np.bool_]:
    """Who is learned from of so many who had purchased, (members,): all, or about `at_most` of them.

    Whether one is follows from the id alone, by its SHA-256, so it is the same
    wherever it is asked, and whoever is drawn from more is drawn from fewer.
    """
    if among <= at_most:
        return np.ones(len(member_ids), bool)
    bound = _HASHES * at_most // among
    hashes = (hashlib.sha256(each.encode()).digest() for each in member_ids)
    return np.fromiter((int.from_bytes(each[:8]) < bound for each in hashes), bool, len(member_ids))
