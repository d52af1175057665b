"""docs/programs.md: it has every field of a program, examples that can be published, and right figures."""

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from libs.common import earning_policy, program, scale_policy, score_policy
from libs.common.earning_policy import CONDITION_NAMES, EARNING_KINDS
from libs.common.multipliers import FactorKind, Stacking, stacked
from libs.common.program import Program
from services.benefits.domain import earning_reasons

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]

PARTS = {each.__name__ for each in (program, earning_policy, scale_policy, score_policy)}


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The parts of a program that its own modules define; others have pages of their own."""
    yield model
    for field in model.model_fields.values():
        for each in _models_in(field.annotation):
            if each.__module__ in PARTS:
                yield from models(each)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)


FIELDS = sorted({name for model in models(Program) for name in model.model_fields})


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_a_program_is_on_its_page(field: str) -> None:
    assert re.search(rf"(`|\.|\b){field}(`|\b)", PAGE)


def test_every_kind_name_and_reason_is_on_the_page() -> None:
    reasons = [value for name, value in vars(earning_reasons).items() if name.isupper()]
    names = [name for name in CONDITION_NAMES if not name.startswith("member.")]

    assert [each for each in (*EARNING_KINDS, *names, *reasons) if f"`{each}`" not in PAGE] == []


def test_every_example_can_be_published() -> None:
    whole, *parts = EXAMPLES

    assert Program.parse(whole).key == "tea_house"
    assert len(parts) >= 5
    for part in parts:
        Program.parse({**deepcopy(whole), **part})


@pytest.mark.parametrize("stacking", get_args(Stacking))
def test_the_figures_of_stacking_are_what_comes_out(stacking: Stacking) -> None:
    tier: tuple[FactorKind, int] = ("multiplier", 20_000)
    offline: list[tuple[FactorKind, int]] = [("multiplier", 13_000), ("bonus", 3_000)]

    points = [math.floor(100 * stacked([tier, each], stacking, 10**6)) for each in offline]

    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{stacking}`"))
    assert row.endswith(f"| {points[0]} | {points[1]} |")
