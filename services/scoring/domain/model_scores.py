"""Scores of members by a model: their facts as columns, and what the model says of each, with why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from libs.models.serving import NO_VALUE, CompiledModel, Explained
from services.scoring.domain.columns import Floats

TOGETHER = 25
"""So many members are explained before others are answered."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model of a program as scores name it, `churn/3`, ready to score."""

    program_id: str
    name: str
    model: CompiledModel


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What a model says of a member: a value, between which bounds, with which label and why; or why not."""

    name: str
    version: str
    value_bp: int | None
    low_bp: int | None
    high_bp: int | None
    label: str
    why: Explained


def model_scores(named: NamedModel, subjects: Sequence[Mapping[str, int]]) -> Iterator[ModelScore]:
    """The score of each subject as it is come to; some are scored together, which changes no bit."""
    for start in range(0, len(subjects), TOGETHER):
        yield from _together(named, subjects[start : start + TOGETHER])


def _together(named: NamedModel, subjects: Sequence[Mapping[str, int]]) -> Iterator[ModelScore]:
    model = named.model
    columns = {fact: _column(subjects, fact) for fact in model.facts}
    scores, explained = model.scores(columns), model.explained(columns)
    for row, why in enumerate(explained):
        value, place = int(scores.values_bp[row]), int(scores.labels[row])
        there = value != NO_VALUE
        yield ModelScore(
            name=model.kind,
            version=named.name,
            value_bp=value if there else None,
            low_bp=None if scores.lows_bp is None or not there else int(scores.lows_bp[row]),
            high_bp=None if scores.highs_bp is None or not there else int(scores.highs_bp[row]),
            label=model.label_keys[place] if place >= 0 else "",
            why=why,
        )


def _column(subjects: Sequence[Mapping[str, int]], fact: str) -> Floats:
    return np.array([subject.get(fact, np.nan) for subject in subjects], np.float64)
