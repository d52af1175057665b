"""Frames: what is refused, in which column, and what a missing column means."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from libs.common.program import preset
from services.scoring.domain.cards import cards_of
from services.scoring.domain.columns import NUMPY, ScoredColumns
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.frames import NUMBER, SHORT_NUMBER, Frame, FrameScorer

DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"
FACTS = (DAYS, COUNT, AMOUNT)


def a_frame(*columns: list[float], rows: int | None = None) -> Frame:
    data = [np.array(column, "<f8").tobytes() for column in columns]
    return Frame(7, len(columns[0]) if rows is None else rows, data)


def score(frame: Frame, facts: tuple[str, ...] = FACTS, kinds: Sequence[Any] = ()) -> ScoredColumns:
    card = cards_of(preset("music_store"))["rfm"]
    (scored,) = FrameScorer([card], facts, kinds).score(frame, NUMPY).cards
    return scored


def refusal(frame: Frame, facts: tuple[str, ...] = FACTS, kinds: Sequence[Any] = ()) -> dict[str, object]:
    with pytest.raises(FrameInvalid) as refused:
        score(frame, facts, kinds)
    return refused.value.facts


def test_rows_are_scored_whatever_the_order_of_the_columns() -> None:
    scored = score(a_frame([20_000, 5], [10, 600], [9, 1]), (AMOUNT, DAYS, COUNT))

    assert scored.totals_bp.tolist() == [50_000, 10_000]


def test_who_never_bought_has_no_score() -> None:
    nan = float("nan")

    scored = score(a_frame([nan, 3, 3], [nan, nan, 0], [nan, 5, 5]))

    assert (scored.totals_bp.tolist(), scored.labels.tolist()) == ([-1] * 3, [-1] * 3)


def test_a_column_that_is_not_announced_is_a_fact_that_nobody_has() -> None:
    assert score(a_frame([10], [9]), (DAYS, COUNT)).totals_bp.tolist() == [5 * 3000 + 5 * 3000 + 1 * 4000]
    assert score(a_frame([9], [20_000]), (COUNT, AMOUNT)).totals_bp.tolist() == [-1]


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("-inf"), 0.5, 2.0**53, -(2.0**53), 1e300, 5e-324, -1.0],
    ids=["inf", "minus inf", "a fraction", "2^53", "-2^53", "huge", "tiny", "negative"],
)
@pytest.mark.parametrize("fact", [DAYS, COUNT])
def test_a_number_that_no_fact_can_be_is_refused_with_its_column_and_row(fact: str, value: float) -> None:
    columns = [[1.0, 1.0, value] if each == fact else [1.0, 1.0, 1.0] for each in FACTS]

    told = refusal(a_frame(*columns))

    assert (told["frame_id"], told["column"]) == (7, fact)
    assert str(told["problem"]).startswith("row 2 is ")


def test_what_is_net_of_refunds_may_be_below_nothing() -> None:
    net = "purchase.amount_minor.30d"

    assert score(a_frame([1], [1], [-5], [-3]), (*FACTS, net)).totals_bp.tolist() == [
        30_000 - 2000 * 6 + 4000
    ]


@pytest.mark.parametrize(
    "fact",
    [
        "login.count.7d",
        "view.distinct_days.lifetime",
        "refund.amount_minor.90d",
        "purchase_gross.quantity.30d",
        "login.days_since_first",
    ],
)
def test_a_column_that_no_score_reads_is_looked_at_all_the_same(fact: str) -> None:
    assert refusal(a_frame([1], [1], [1], [-1]), (*FACTS, fact))["column"] == fact


def test_columns_of_4_bytes_a_row_score_as_those_of_8_do() -> None:
    rows = [[-1, 3, 2**31 - 1, 3, 3], [1, 2**31 - 1, 9, 1, 4], [5, 9_000, 1 - 2**31, 70_000, -1]]
    facts = ("purchase.amount_minor.30d", COUNT, AMOUNT)
    wide = [[float("nan") if each == -1 else each for each in column] for column in rows]
    narrow = [np.array([-(2**31) if each == -1 else each for each in column], "<i4") for column in rows]

    found = score(Frame(7, 5, [column.tobytes() for column in narrow]), facts, [SHORT_NUMBER] * 3)

    assert found.totals_bp.tolist() == score(a_frame(*wide), facts).totals_bp.tolist()


def test_a_negative_number_of_4_bytes_is_refused_where_facts_are_never_negative() -> None:
    columns = [np.array([1, each], "<i4").tobytes() for each in (2, -1, 3)]

    told = refusal(Frame(7, 2, columns), kinds=[SHORT_NUMBER] * 3)

    assert (told["column"], str(told["problem"])[:16]) == (COUNT, "row 1 is -1.0: w")


def test_each_column_may_be_of_its_own_kind() -> None:
    columns = [np.array([10], kind).tobytes() for kind in ("<i4", "<f8", "<i4")]

    found = score(Frame(7, 1, columns), kinds=[SHORT_NUMBER, NUMBER, SHORT_NUMBER])

    assert found.totals_bp.tolist() == score(a_frame([10], [10], [10])).totals_bp.tolist()
    assert refusal(Frame(7, 1, columns))["problem"] == "has 4 bytes, 1 rows take 8"
    assert refusal(Frame(7, 1, columns), kinds=[NUMBER])["problem"] == (
        "the header names 3 facts and 1 kinds of columns"
    )


@pytest.mark.parametrize("rows", [1, 3])
def test_columns_are_as_long_as_was_said(rows: int) -> None:
    told = refusal(a_frame([1, 1], [1, 1], [1, 1], rows=rows))

    assert told["column"] == DAYS
    assert told["problem"] == f"has 16 bytes, {rows} rows take {8 * rows}"


def test_a_part_of_a_number_is_refused() -> None:
    whole: Any = np.array([1.0]).tobytes()

    assert refusal(Frame(1, 1, [whole, whole, whole[:7]]))["column"] == AMOUNT


def test_there_are_as_many_columns_as_the_header_names() -> None:
    assert refusal(a_frame([1], [1]))["problem"] == "has 2 columns, the header names 3"
