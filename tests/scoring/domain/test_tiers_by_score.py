"""Tiers by score: rules read totals and labels that the same decision works out, and receipts replay them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import Program, preset
from services.scoring.domain.cards import cards_of
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.scores import score
from services.scoring.domain.tiers import Ladder, Standing, Step, decide, replay
from tests.scoring.builders import ladder_of

NOON = datetime(1998, 7, 1, tzinfo=UTC)
DAYS, COUNT, AMOUNT = (
    "purchase.days_since_last",
    "purchase.count.lifetime",
    "purchase.amount_minor.lifetime",
)


def a_program(*entries: Any) -> Program:
    """The music store with tiers t1, t2, … of these entries."""
    document = preset("music_store").document()
    document["tier_sets"][0]["tiers"] = [
        {"key": f"t{rank}", "name": {"zh": "级", "en": "Tier"}, "entry": entry}
        for rank, entry in enumerate([None, *entries])
    ]
    return Program.parse(document)


BY_TOTAL = a_program(
    {"metric": "rfm", "op": ">=", "value": 30_000},
    {"all": [{"metric": "rfm", "op": ">=", "value": 45_000}, {"metric": "orders", "op": ">=", "value": 2}]},
)
BY_LABEL = a_program({"segment": "rfm", "is": "high_value"})


def decided(ladder: Ladder, facts: dict[str, int]) -> str:
    return decide(ladder, Standing("t0"), Step(RunCause("run"), NOON, facts)).to_tier


def test_a_tier_is_given_by_a_total() -> None:
    ladder, good = ladder_of(BY_TOTAL), {DAYS: 10, COUNT: 9, AMOUNT: 20_000}

    assert decided(ladder, good) == "t2"
    assert decided(ladder, {DAYS: 500, COUNT: 9, AMOUNT: 20_000}) == "t1"
    assert decided(ladder, {}) == "t0"


def test_a_tier_is_given_by_a_label() -> None:
    ladder = ladder_of(BY_LABEL)

    assert decided(ladder, {DAYS: 10, COUNT: 9, AMOUNT: 20_000}) == "t1"
    assert decided(ladder, {DAYS: 600, COUNT: 1, AMOUNT: 100}) == "t0"


def test_the_receipt_tells_the_score_and_what_it_was_made_of() -> None:
    facts = {DAYS: 10, COUNT: 9, AMOUNT: 20_000, "login.count.lifetime": 3}

    receipt = decide(ladder_of(BY_TOTAL), Standing("t0"), Step(RunCause("run"), NOON, facts))

    assert dict(receipt.facts) == {DAYS: 10, COUNT: 9, AMOUNT: 20_000, "score.rfm": 50_000}


def test_a_program_says_which_facts_its_scores_need() -> None:
    assert {DAYS, COUNT, AMOUNT} <= BY_TOTAL.member_facts
    assert preset("music_store").member_facts == {AMOUNT}


FACTS = st.dictionaries(st.sampled_from([DAYS, COUNT, AMOUNT]), st.integers(-100, 60_000))


@pytest.mark.parametrize("program", [BY_TOTAL, BY_LABEL], ids=["total", "label"])
@given(FACTS)
def test_a_replay_comes_to_the_same_bits_whatever_is_missing(program: Program, facts: dict[str, int]) -> None:
    ladder = ladder_of(program)

    receipt = decide(ladder, Standing("t0"), Step(RunCause("run"), NOON, facts))

    assert replay(ladder, receipt) == receipt


@given(FACTS)
def test_the_score_of_a_decision_is_the_score(facts: dict[str, int]) -> None:
    given_facts = {COUNT: 0, **facts}

    receipt = decide(ladder_of(BY_TOTAL), Standing("t0"), Step(RunCause("run"), NOON, facts))

    assert dict(receipt.facts)["score.rfm"] == (score(cards_of(BY_TOTAL)["rfm"], given_facts).total_bp or 0)
