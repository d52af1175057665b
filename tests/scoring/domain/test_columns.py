"""Cards over columns: numpy and machine code give what the score of one member is, bit by bit."""

import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.documents import WHOLE_BP
from libs.common.program import preset
from libs.common.score_policy import Rfm, Scorecard
from services.scoring.domain.cards import Card, cards_of, rfm_card, scorecard
from services.scoring.domain.columns import NUMPY, CardTable, Columns, Kernel, ScoredColumns
from services.scoring.domain.compiled import compiled
from services.scoring.domain.scores import score

DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"
FACTS = (DAYS, COUNT, AMOUNT)
FACT_MAX = 2**53 - 1
SCALE_MAX = 10**15
NAME = {"zh": "名", "en": "Name"}

Row = tuple[int | None, int | None, int | None]


@cache
def machine_code() -> Kernel:
    return compiled()


def numpy() -> Kernel:
    return NUMPY


KERNELS = pytest.mark.parametrize("kernel", [numpy, machine_code])

# Small numbers meet the cuts, which are as small; the largest are those that float64 holds exactly.
NUMBERS = st.integers(0, 12) | st.integers(0, 500) | st.sampled_from([SCALE_MAX, FACT_MAX - 1, FACT_MAX])
ROWS = st.lists(
    st.tuples(*[st.none() | NUMBERS] * 2, st.none() | NUMBERS | st.integers(-9, -1) | st.just(-FACT_MAX)),
    max_size=20,
)
BOUNDS = st.integers(0, 10) | st.integers(0, 500) | st.sampled_from([SCALE_MAX - 1, SCALE_MAX])


def parts_of_whole(draw: st.DrawFn, count: int) -> list[int]:
    ends = sorted(draw(st.lists(st.integers(0, WHOLE_BP), min_size=count - 1, max_size=count - 1)))
    return [after - before for before, after in zip([0, *ends], [*ends, WHOLE_BP], strict=True)]


def labels(draw: st.DrawFn, highest: int) -> list[dict[str, Any]]:
    bottoms = draw(st.lists(st.integers(1, highest), unique=True, max_size=5))
    return [
        {"key": f"l{place}", "name": NAME, "min_total_bp": bottom}
        for place, bottom in enumerate([*sorted(bottoms, reverse=True), 0])
    ]


@st.composite
def rfm_cards(draw: st.DrawFn) -> Card:
    """RFM with any cuts and weights, nothing of a factor included."""
    policy = preset("music_store").document()["rfm"]
    for factor in ("recency_cuts", "frequency_cuts", "monetary_cuts"):
        policy[factor] = sorted(draw(st.lists(st.integers(0, 10), min_size=4, max_size=4, unique=True)))
    weights = parts_of_whole(draw, 3)
    policy["weights_bp"] = dict(zip(("recency", "frequency", "monetary"), weights, strict=True))
    policy["labels"] = labels(draw, 5 * WHOLE_BP)
    return rfm_card(Rfm.model_validate_json(json.dumps(policy)))


@st.composite
def scales(draw: st.DrawFn) -> dict[str, Any]:
    match draw(st.sampled_from(["cuts", "linear", "logistic"])):
        case "cuts":
            return {"kind": "cuts", "cuts": sorted(draw(st.lists(BOUNDS, min_size=1, max_size=100)))}
        case "linear":
            low, high = sorted(draw(st.lists(BOUNDS, min_size=2, max_size=2, unique=True)))
            return {"kind": "linear", "low": low, "high": high}
    return {"kind": "logistic", "midpoint": draw(BOUNDS), "spread": max(1, draw(BOUNDS))}


@st.composite
def scorecards(draw: st.DrawFn) -> Card:
    """Any scorecard over the facts: each kind of scale and direction, divided, decaying, linked, required."""
    weights = parts_of_whole(draw, draw(st.integers(1, 4)))
    industry_bp = draw(st.integers(1, 3 * WHOLE_BP))
    link = draw(st.none() | st.tuples(st.integers(0, WHOLE_BP), st.integers(1, WHOLE_BP)))
    decays = st.builds(lambda days: {"age_fact": DAYS, "half_life_days": days}, st.integers(1, 3650))
    pers = st.builds(
        lambda fact, times: {"fact": fact, "times": times},
        st.sampled_from(FACTS),
        st.sampled_from([1, 100, 1000]),
    )
    policy = {
        "key": "card",
        "version": "v1",
        "name": NAME,
        "requires": draw(st.none() | st.sampled_from(FACTS)),
        "industry_bp": industry_bp,
        "link": link and {"kind": "logistic", "midpoint_bp": link[0], "spread_bp": link[1]},
        "dimensions": [
            {
                "key": f"d{place}",
                "name": NAME,
                "fact": draw(st.sampled_from(FACTS)),
                "per": draw(st.none() | pers),
                "scale": draw(scales()),
                "direction": draw(st.sampled_from(["up", "down"])),
                "weight_bp": weight,
                "decay": draw(st.none() | decays),
            }
            for place, weight in enumerate(weights)
        ],
        "bands": labels(draw, WHOLE_BP if link else industry_bp),
    }
    return scorecard(Scorecard.model_validate_json(json.dumps(policy)))


CARDS = rfm_cards() | scorecards()


def columns(rows: list[Row]) -> Columns:
    return {
        fact: np.array([np.nan if row[place] is None else row[place] for row in rows], np.float64)
        for place, fact in enumerate(FACTS)
    }


def told(card: Card, scored: ScoredColumns, row: int) -> tuple[int | None, str, list[int]]:
    label = int(scored.labels[row])
    total = int(scored.totals_bp[row]) if label >= 0 else None
    return total, card.labels[label] if label >= 0 else "", scored.points[:, row].tolist()


def one_by_one(card: Card, row: Row) -> tuple[int | None, str, list[int]]:
    found = score(card, {fact: value for fact, value in zip(FACTS, row, strict=True) if value is not None})
    points = [each.score for each in found.contributions if each.factor != "link"]
    return found.total_bp, found.label, points or [0] * len(card.factors)


@KERNELS
@settings(max_examples=25)
@given(card=CARDS, rows=ROWS)
def test_each_row_has_the_score_of_its_facts(
    kernel: Callable[[], Kernel], card: Card, rows: list[Row]
) -> None:
    scored = kernel().score(CardTable.of(card), columns(rows))

    assert [told(card, scored, row) for row in range(len(rows))] == [one_by_one(card, row) for row in rows]


@KERNELS
@settings(max_examples=25)
@given(card=scorecards(), rows=ROWS, data=st.data())
def test_neither_the_order_of_rows_nor_the_size_of_frames_changes_a_score(
    kernel: Callable[[], Kernel], card: Card, rows: list[Row], data: st.DataObject
) -> None:
    table, order = CardTable.of(card), data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))

    together = kernel().score(table, columns(rows))
    frames = [
        kernel().score(table, columns([rows[place] for place in each])) for each in (order[:cut], order[cut:])
    ]

    found = [told(card, frame, row) for frame in frames for row in range(frame.labels.size)]
    assert found == [told(card, together, place) for place in order]


def same_bytes(card: Card, facts: Columns) -> bool:
    reference, machine = (kernel.score(CardTable.of(card), facts) for kernel in (NUMPY, machine_code()))
    pairs = (
        (reference.totals_bp, machine.totals_bp, "int32"),
        (reference.labels, machine.labels, "int8"),
        (reference.points, machine.points, "uint8"),
    )
    return all(
        (one.dtype.name, other.dtype.name, one.tobytes()) == (kind, kind, other.tobytes())
        for one, other, kind in pairs
    )


@settings(max_examples=25)
@given(card=CARDS, rows=ROWS)
def test_numpy_and_machine_code_give_the_same_bytes(card: Card, rows: list[Row]) -> None:
    assert same_bytes(card, columns(rows))


@pytest.mark.parametrize("name", cards_of(preset("ecommerce_points")))
def test_the_scores_of_a_shop_are_the_same_bytes_for_thousands_of_members(name: str) -> None:
    card, numbers = cards_of(preset("ecommerce_points"))[name], np.random.default_rng(1)
    facts = {
        fact: np.floor(numbers.lognormal(12 if "amount" in fact else 3, 2, 5_000)) for fact in card.facts
    }
    for column in facts.values():
        column[numbers.random(column.size) < 0.1] = np.nan

    scored = NUMPY.score(CardTable.of(card), facts)

    assert same_bytes(card, facts)
    assert set(scored.labels[scored.labels >= 0]) == set(range(len(card.labels)))


@given(column=st.lists(st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 1 - 2**31])))
def test_numpy_and_machine_code_widen_a_column_to_the_same_bytes(column: list[int]) -> None:
    numbers = np.array(column, np.int32)

    wide = NUMPY.widened(numbers)

    assert wide.tobytes() == machine_code().widened(numbers).tobytes()
    assert [None if math.isnan(each) else each for each in wide.tolist()] == [
        None if each == -(2**31) else each for each in column
    ]


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
