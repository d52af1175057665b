"""Populations: Arrow batches are scored as frames and models are, whatever the batches, by either kernel."""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest

from libs.cli.scoring import PARTS_OF_MODELS
from libs.common.program import preset
from libs.models.serving import NO_VALUE, compiled
from services.scoring.domain.cards import cards_of
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.scores import score
from services.scoring.population import ModelForeignError, Population, PopulationTask
from tests.models import fitted
from tests.scoring.exports import columns_of, of, table_of

MODELS = (fitted.churn(), fitted.churn(fitted.TREES), fitted.lifetime_value(), fitted.value_segment())
PROGRAM = preset("ecommerce_points")
POPULATION = Population(PROGRAM.canonical(), tuple(of(PROGRAM, MODELS[place]) for place in (0, 2, 3)))
FACTS = POPULATION.scorer().facts
ROWS = 700


def scored(table: Any, kernel: Literal["best", "numpy"] = "numpy", size: int = ROWS) -> Any:
    found = PopulationTask(POPULATION, kernel)(table.to_batches(max_chunksize=size))
    return pa.Table.from_batches(found, schema=POPULATION.scorer().schema)


def test_each_member_has_the_scores_of_the_program() -> None:
    table, columns = scored(table_of(FACTS, ROWS)), columns_of(FACTS, ROWS)

    for row in range(ROWS):
        facts = {fact: int(column[row]) for fact, column in columns.items() if not np.isnan(column[row])}
        for name, card in cards_of(PROGRAM).items():
            wanted = score(card, facts)
            assert table[f"{name}.total_bp"][row].as_py() == wanted.total_bp
            assert (table[f"{name}.label"][row].as_py() or "") == wanted.label
            points = {each.factor: each.score for each in wanted.contributions}
            for factor in card.factors:
                assert table[f"{name}.{factor.key}"][row].as_py() == points.get(factor.key)


@pytest.mark.parametrize("place", [0, 2, 3], ids=lambda place: MODELS[place].kind)
def test_and_those_of_models(place: int) -> None:
    model, table = compiled(MODELS[place]), scored(table_of(FACTS, ROWS))

    wanted = model.scores(columns_of(FACTS, ROWS))

    expected = {}
    for part, numbers in (("value", wanted.values_bp), ("low", wanted.lows_bp), ("high", wanted.highs_bp)):
        if numbers is not None:
            listed = [None if each == NO_VALUE else each for each in numbers.tolist()]
            expected[f"{model.kind}.{part}_bp"] = listed
    if model.label_keys:
        labels = [model.label_keys[each] if each >= 0 else None for each in wanted.labels.tolist()]
        expected[f"{model.kind}.label"] = labels
    names = [name for name in table.column_names if name.startswith(f"{model.kind}.")]
    assert {name: table[name].to_pylist() for name in names} == expected
    assert names == [f"{model.kind}.{part}" for part in PARTS_OF_MODELS[model.kind]]
    assert any(each is not None for each in table[f"{model.kind}.value_bp"].to_pylist())


@pytest.mark.parametrize("size", [1, 13, 256])
def test_any_batches_and_either_kernel_give_the_same_bits(size: int) -> None:
    table = table_of(FACTS, ROWS)

    assert scored(table, "best", size).equals(scored(table))


def test_of_nobody_there_are_no_scores() -> None:
    assert scored(table_of(FACTS, ROWS).slice(0, 0)).num_rows == 0


def test_what_is_no_fact_is_told_with_its_column() -> None:
    table = table_of(FACTS, 3)
    place = table.column_names.index("login.distinct_days.30d")
    broken = table.set_column(place, "login.distinct_days.30d", pa.array([1.0, 0.5, 2.0]))

    with pytest.raises(FrameInvalid) as refused:
        scored(broken)

    assert refused.value.facts["column"] == "login.distinct_days.30d"
    assert "row 1 is 0.5" in str(refused.value.facts["problem"])


def test_a_model_of_another_program_is_refused() -> None:
    with pytest.raises(ModelForeignError, match="of demo, the members are of ecommerce_points"):
        Population(PROGRAM.canonical(), (MODELS[0].canonical(),)).scorer()
