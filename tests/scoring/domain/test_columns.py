"""RFM over columns: numpy and machine code give what rfm_score gives, bit by bit."""

import json
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.documents import WHOLE_BP
from libs.common.program import Rfm, preset
from services.scoring.domain.columns import NUMPY, Floats, Kernel, RfmTables, ScoredColumns
from services.scoring.domain.compiled import compiled
from services.scoring.domain.rfm import rfm_score

DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"
NUMBER_MAX = 2**53 - 1

Row = tuple[int | None, int | None, int | None]


@cache
def machine_code() -> Kernel:
    return compiled()


@cache
def a_policy() -> Rfm:
    policy = preset("music_store").rfm
    assert policy is not None
    return policy


def numpy() -> Kernel:
    return NUMPY


KERNELS = pytest.mark.parametrize("kernel", [numpy, machine_code])

# Small numbers meet the cuts, which are as small; the largest are those that float64 holds exactly.
NUMBERS = st.integers(0, 12) | st.sampled_from([NUMBER_MAX - 1, NUMBER_MAX])
ROWS = st.lists(st.tuples(*[st.none() | NUMBERS] * 2, st.none() | NUMBERS | st.integers(-9, -1)), max_size=40)


@st.composite
def policies(draw: st.DrawFn) -> Rfm:
    """Any policy whose cuts are where the rows are: equal ones, and the same weights, included."""
    rfm = a_policy().model_dump(mode="json")
    for factor in ("recency_cuts", "frequency_cuts", "monetary_cuts"):
        rfm[factor] = sorted(draw(st.lists(st.integers(0, 10), min_size=4, max_size=4)))
    first = draw(st.integers(0, WHOLE_BP))
    second = draw(st.integers(0, WHOLE_BP - first))
    rfm["weights_bp"] = {"recency": first, "frequency": second, "monetary": WHOLE_BP - first - second}
    bottoms = draw(st.lists(st.integers(1, 5 * WHOLE_BP), unique=True, max_size=5))
    name = {"zh": "类", "en": "Label"}
    rfm["labels"] = [
        {"key": f"l{place}", "name": name, "min_total_bp": bottom}
        for place, bottom in enumerate([*sorted(bottoms, reverse=True), 0])
    ]
    return Rfm.model_validate_json(json.dumps(rfm))


def columns(rows: list[Row]) -> tuple[Floats, Floats, Floats]:
    days, counts, amounts = (
        np.array([np.nan if row[place] is None else row[place] for row in rows], np.float64)
        for place in range(3)
    )
    return days, counts, amounts


def told(policy: Rfm, scored: ScoredColumns, row: int) -> tuple[int | None, str, list[int]]:
    total, label = int(scored.totals_bp[row]), int(scored.labels[row])
    key = RfmTables.of(policy).label_keys[label] if label >= 0 else ""
    return total if total >= 0 else None, key, [int(points[row]) for points in scored.points]


def one_by_one(policy: Rfm, row: Row) -> tuple[int | None, str, list[int]]:
    names = (DAYS, COUNT, AMOUNT)
    score = rfm_score(
        policy, {name: value for name, value in zip(names, row, strict=True) if value is not None}
    )
    points = [each.score for each in score.contributions] or [0, 0, 0]
    return score.total_bp, score.label, points


@KERNELS
@given(policy=policies(), rows=ROWS)
def test_each_row_has_the_score_of_its_facts(
    kernel: Callable[[], Kernel], policy: Rfm, rows: list[Row]
) -> None:
    scored = kernel().score(RfmTables.of(policy), *columns(rows))

    assert [told(policy, scored, row) for row in range(len(rows))] == [
        one_by_one(policy, row) for row in rows
    ]


@KERNELS
@given(rows=ROWS, data=st.data())
def test_neither_the_order_of_rows_nor_the_size_of_frames_changes_a_score(
    kernel: Callable[[], Kernel], rows: list[Row], data: st.DataObject
) -> None:
    policy = a_policy()
    tables, order = RfmTables.of(policy), data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))

    together = kernel().score(tables, *columns(rows))
    frames = [
        kernel().score(tables, *columns([rows[place] for place in each]))
        for each in (order[:cut], order[cut:])
    ]

    found = [told(policy, frame, row) for frame in frames for row in range(frame.labels.size)]
    assert found == [told(policy, together, place) for place in order]


@given(policy=policies(), rows=ROWS)
def test_numpy_and_machine_code_give_the_same_bytes(policy: Rfm, rows: list[Row]) -> None:
    tables, facts = RfmTables.of(policy), columns(rows)

    reference, machine = (kernel.score(tables, *facts) for kernel in (NUMPY, machine_code()))

    assert reference.totals_bp.tobytes() == machine.totals_bp.tobytes()
    assert reference.labels.tobytes() == machine.labels.tobytes()
    assert [each.tobytes() for each in reference.points] == [each.tobytes() for each in machine.points]


@given(
    column=st.lists(st.floats() | st.integers(-5, 5).map(float) | st.sampled_from([2.0**53, 2.0**53 - 1])),
    lowest=st.sampled_from([0.0, 1 - 2.0**53]),
)
def test_numpy_and_machine_code_take_the_same_columns(column: list[float], lowest: float) -> None:
    numbers = np.array(column, np.float64)

    allowed = all(
        math.isnan(each) or (lowest <= each < 2.0**53 and each == math.floor(each)) for each in column
    )

    assert NUMPY.are_facts(numbers, lowest) is machine_code().are_facts(numbers, lowest) is allowed
