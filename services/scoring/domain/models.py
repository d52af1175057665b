"""Versions of models: who registered and promoted them, and what becomes of those that served before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.scoring.domain.errors import ModelOfOwn

MODELS_MAX = 1_000
"""Versions of a program, of all kinds together."""
STEPS_MAX = 50
"""So many steps are shown of a version; the audit log has all."""


class Stage(StrEnum):
    """Where a version stands."""

    CANDIDATE = "candidate"
    CHALLENGER = "challenger"
    CHAMPION = "champion"
    RETIRED = "retired"


SERVING = (Stage.CHAMPION, Stage.CHALLENGER)


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a version, by whom, why and when."""

    stage: Stage
    actor: str
    note: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Label:
    """A label that a model gives, with its names."""

    key: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a kind of model; `serial` counts all that its program has registered."""

    program_id: str
    kind: str
    number: int
    serial: int
    stage: Stage
    digest: str
    data_digest: str
    metrics: Mapping[str, float]
    facts: Sequence[str]
    labels: Sequence[Label]
    author: str
    history: Sequence[Step]

    @property
    def name(self) -> str:
        """As scores name it: `churn/3`."""
        return f"{self.kind}/{self.number}"

    def at(self, step: Step) -> "ModelVersion":
        """This version after a step."""
        return replace(self, stage=step.stage, history=(*self.history, step)[-STEPS_MAX:])


def moved(
    version: ModelVersion, step: Step, serving: Sequence[ModelVersion]
) -> tuple[ModelVersion, list[ModelVersion]]:
    """The version after a step, and those of its kind that make place for it.

    `serving` are the champion and the challenger of the kind. A step to where it stands changes nothing.
    Who registered a version may retire it and no more: ModelOfOwn.
    """
    if step.stage in SERVING and step.actor == version.author:
        raise ModelOfOwn(kind=version.kind, version=version.number)
    if step.stage is version.stage:
        return version, []
    retired = replace(step, stage=Stage.RETIRED)
    before = [each for each in serving if each.stage is step.stage and each.number != version.number]
    return version.at(step), [each.at(retired) for each in before]
