"""What training runs where the members are: who is learned from, and the parts of learning churn."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field, TypeAdapter
from threadpoolctl import threadpool_limits

from libs.models import documents
from libs.models.churn import Chosen, Data, Part, part_of, plain
from libs.models.documents import PURCHASE_FACTS
from libs.models.populations import LEARNED_MAX, in_sample
from libs.models.serving import have_purchased, scorer_of

_SCORER: TypeAdapter[documents.Logistic | documents.Trees | documents.FrequencyAlone] = TypeAdapter(
    Annotated[documents.Logistic | documents.Trees | documents.FrequencyAlone, Field(discriminator="method")]
)
PART_SCHEMA = "place bigint, said binary, name string, scorer string, slope double, shift double"
_PARTS = pa.schema(
    [
        ("place", pa.int64()),
        ("said", pa.binary()),
        ("name", pa.string()),
        ("scorer", pa.string()),
        ("slope", pa.float64()),
        ("shift", pa.float64()),
    ]
)


@dataclass(frozen=True)
class BuyersTask:
    """Of batches of ids, PURCHASE_FACTS and further columns: who had purchased, of `among` many.

    Of more than `at_most` a sample, by the rule of `in_sample`.
    """

    among: int = 0
    at_most: int = LEARNED_MAX

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The rows of who is learned from."""
        for batch in batches:
            columns = (column.to_numpy(zero_copy_only=False) for column in batch.columns[1:])
            facts = dict(zip(PURCHASE_FACTS, columns, strict=False))
            buyers = batch.filter(pa.array(have_purchased(facts)))
            drawn = in_sample(buyers.column(0).to_pylist(), self.among, self.at_most)
            yield buyers.filter(pa.array(drawn))


@dataclass(frozen=True)
class FoldsTask:
    """Of places in `folds`: what these parts of learning come to. `data` is the broadcast of them all."""

    data: Any
    folds: Sequence[int]

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Rows of PART_SCHEMA."""
        data: Data = self.data.value
        for batch in batches:
            for place in batch.column(0).to_pylist():
                # As many parts run here as there are cores.
                with threadpool_limits(1):
                    part = part_of(data, self.folds[place])
                yield _row(place, part)


def _row(place: int, part: Part) -> Any:
    said = None if part.said is None else np.ascontiguousarray(part.said, "<f8").tobytes()
    found: tuple[Any, ...] = (None, None, None, None)
    if (chosen := part.chosen) is not None:
        found = (chosen.name, plain(chosen.scorer).model_dump_json(), chosen.slope, chosen.shift)
    values = zip((place, said, *found), _PARTS.types, strict=True)
    return pa.record_batch([pa.array([value], kind) for value, kind in values], schema=_PARTS)


def part_in(row: Any) -> Part:
    """The part that a row of PART_SCHEMA holds."""
    if row.said is not None:
        return Part(said=np.frombuffer(row.said, "<f8"))
    return Part(chosen=Chosen(row.name, scorer_of(_SCORER.validate_json(row.scorer)), row.slope, row.shift))
