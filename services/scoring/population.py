"""Whole populations as Arrow: batches of facts in, batches of scores out, by the kernels of frames."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from libs.common.program import Program
from libs.models.documents import ModelDocument, parse
from libs.models.serving import NO_VALUE, CompiledModel, ModelScores
from libs.models.serving import compiled as compiled_model
from services.scoring.domain.cards import cards_of
from services.scoring.domain.columns import NUMPY, Kernel, ScoredColumns
from services.scoring.domain.compiled import compiled
from services.scoring.domain.frames import NUMBER, Frame, FrameScorer, ScoredFrame
from services.scoring.domain.model_scores import NamedModel

MEMBER_ID = "member_id"
# Kinds whose values have bounds.
BOUNDED = frozenset({"lifetime_value"})


class ModelForeignError(ValueError):
    """A model is of another program than the members."""


@dataclass(frozen=True)
class Population:
    """What members are scored by: the program's own scores, then those of models, in this order.

    `facts` are all that they read. It can be sent to where the members are: it is plain bytes.
    """

    program: bytes
    models: tuple[bytes, ...] = ()

    def scorer(self) -> "PopulationScorer":
        """Made ready to score. ModelForeignError for a model of another program."""
        program = Program.parse(self.program)
        cards = list(cards_of(program).values())
        models = [_model(parse(document), program.key) for document in self.models]
        read = [*(card.facts for card in cards), *(each.model.facts for each in models)]
        facts = tuple(dict.fromkeys(fact for each in read for fact in each))
        return PopulationScorer(FrameScorer(cards, facts, models=models), facts)


def _model(document: ModelDocument, program_id: str) -> NamedModel:
    if document.program_id != program_id:
        raise ModelForeignError(f"the model is of {document.program_id}, the members are of {program_id}")
    return NamedModel(program_id, document.kind, compiled_model(document))


@dataclass(frozen=True)
class PopulationScorer:
    """Scores batches of members. Rows without a score have nulls for it."""

    frames: FrameScorer
    facts: Sequence[str]
    schema: Any = field(init=False)

    def __post_init__(self) -> None:
        fields = [pa.field(MEMBER_ID, pa.string(), nullable=False)]
        for table in self.frames.tables:
            name = table.card.name
            fields += [pa.field(f"{name}.{factor.key}", pa.int32()) for factor in table.factors]
            fields += [pa.field(f"{name}.total_bp", pa.int32()), pa.field(f"{name}.label", pa.string())]
        for model in (each.model for each in self.frames.models):
            fields += [pa.field(f"{model.kind}.{part}", pa.int64()) for part in _numbers_of(model)]
            fields += [pa.field(f"{model.kind}.label", pa.string())] if model.label_keys else []
        object.__setattr__(self, "schema", pa.schema(fields))

    def scored(self, batches: Iterable[Any], kernel: Kernel) -> Iterator[Any]:
        """Of each batch a batch of scores; it has the ids of members, then of each of `facts` a float64."""
        for batch in batches:
            columns = [_bytes(column) for column in batch.columns[1:]]
            found = self.frames.score(Frame(0, batch.num_rows, columns), kernel)
            yield pa.record_batch([batch.column(0), *self._arrays(found)], schema=self.schema)

    def _arrays(self, found: ScoredFrame) -> Iterator[Any]:
        for table, scored in zip(self.frames.tables, found.cards, strict=True):
            yield from _card_arrays(scored, table.card.labels)
        for each, by_model in zip(self.frames.models, found.models, strict=True):
            yield from _model_arrays(each.model, by_model)


@dataclass(frozen=True)
class PopulationTask:
    """What runs where the members are; it is made ready once in each process. `numpy`: by the reference."""

    population: Population
    kernel: Literal["best", "numpy"] = "best"

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The scores of batches."""
        return _held(self.population).scored(batches, NUMPY if self.kernel == "numpy" else _best())


@cache
def _held(population: Population) -> PopulationScorer:
    return population.scorer()


@cache
def _best() -> Kernel:
    """Machine code, or numpy where it cannot be made; both give the same bits."""
    try:
        return compiled()
    except Exception:
        return NUMPY


def _bytes(column: Any) -> bytes:
    """A column as frames have it, with NaN for null."""
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), NUMBER).tobytes()


def _card_arrays(scored: ScoredColumns, labels: Sequence[str]) -> Iterator[Any]:
    none = scored.labels < 0
    for points in scored.points:
        yield pa.array(points.astype(np.int32), pa.int32(), mask=none)
    yield pa.array(scored.totals_bp, pa.int32(), mask=none)
    yield _label_array(scored.labels, labels)


def _model_arrays(model: CompiledModel, scored: ModelScores) -> Iterator[Any]:
    numbers = {"value_bp": scored.values_bp, "low_bp": scored.lows_bp, "high_bp": scored.highs_bp}
    for part in _numbers_of(model):
        found = numbers[part]
        if found is None:
            yield pa.nulls(len(scored.values_bp), pa.int64())
        else:
            yield pa.array(found, pa.int64(), mask=found == NO_VALUE)
    if model.label_keys:
        yield _label_array(scored.labels, model.label_keys)


def _numbers_of(model: CompiledModel) -> Sequence[str]:
    return ("value_bp", "low_bp", "high_bp") if model.kind in BOUNDED else ("value_bp",)


def _label_array(places: Any, labels: Sequence[str]) -> Any:
    """The labels of rows; null, whose place is -1, where there is none."""
    indices = pa.array(places.astype(np.int32), pa.int32(), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(labels, pa.string())).dictionary_decode()
