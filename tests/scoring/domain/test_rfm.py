"""RFM: scores by the cuts of the policy, weights and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import Program, preset
from libs.common.score_policy import Rfm
from services.scoring.domain.cards import rfm_card
from services.scoring.domain.scores import Score
from services.scoring.domain.scores import score as score_facts

DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"


def policy() -> Rfm:
    rfm = preset("music_store").rfm
    assert rfm is not None
    return rfm


def score(days: int, purchases: int, amount: int) -> Score:
    return score_facts(rfm_card(policy()), {DAYS: days, COUNT: purchases, AMOUNT: amount})


def factors(days: int, purchases: int, amount: int) -> list[int]:
    return [contribution.score for contribution in score(days, purchases, amount).contributions]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, 5), (153, 5), (154, 4), (443, 4), (444, 3), (487, 3), (488, 2), (513, 2), (514, 1), (9999, 1)],
)
def test_recency_falls_with_the_days_beyond_each_cut(days: int, expected: int) -> None:
    assert factors(days, 1, 0)[0] == expected


@pytest.mark.parametrize(("purchases", "expected"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)])
def test_frequency_rises_above_each_cut(purchases: int, expected: int) -> None:
    assert factors(1, purchases, 0)[1] == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(-1, 1), (0, 1), (1536, 1), (1537, 2), (3195, 2), (3196, 3), (5925, 3), (13_049, 4), (13_050, 5)],
)
def test_monetary_rises_above_each_cut(amount: int, expected: int) -> None:
    assert factors(1, 1, amount)[2] == expected


def test_a_total_is_the_weighted_sum_of_its_contributions() -> None:
    scored = score(100, 3, 4000)

    assert [each.contribution_bp for each in scored.contributions] == [5 * 3000, 3 * 3000, 3 * 4000]
    assert (scored.total_bp, scored.label) == (36_000, "potential")
    assert [(each.factor, each.fact, each.value) for each in scored.contributions] == [
        ("recency", DAYS, 100),
        ("frequency", COUNT, 3),
        ("monetary", AMOUNT, 4000),
    ]
    assert scored.version == "cdnow-1998-07-01"


@pytest.mark.parametrize(
    ("bottom", "label"), [(36_000, "high_value"), (36_001, "general")], ids=["at the threshold", "just below"]
)
def test_a_label_begins_at_its_threshold(bottom: int, label: str) -> None:
    document = preset("music_store").document()
    high, _, general, _ = document["rfm"]["labels"]
    document["rfm"]["labels"] = [high | {"min_total_bp": bottom}, general | {"min_total_bp": 0}]
    rfm = Program.parse(document).rfm
    assert rfm is not None

    assert score_facts(rfm_card(rfm), {DAYS: 100, COUNT: 3, AMOUNT: 4000}).label == label


@pytest.mark.parametrize(
    "facts",
    [{}, {COUNT: 3, AMOUNT: 5}, {DAYS: 3, COUNT: 0}, {DAYS: 3}],
    ids=["none", "no day", "zero", "no count"],
)
def test_a_member_without_purchases_has_no_score_and_hears_why(facts: dict[str, int]) -> None:
    scored = score_facts(rfm_card(policy()), facts)

    assert (scored.total_bp, scored.label, scored.contributions) == (None, "", ())
    assert scored.absent_reason == "NO_PURCHASES"


@given(st.integers(0, 600), st.integers(1, 8), st.integers(0, 20_000), st.integers(0, 600), st.integers(0, 8))
def test_buying_later_more_often_or_more_never_lowers_the_total(
    days: int, purchases: int, amount: int, fewer_days: int, more: int
) -> None:
    before = score(days, purchases, amount).total_bp
    after = score(max(0, days - fewer_days), purchases + more, amount + more * 1000).total_bp

    assert before is not None
    assert after is not None
    assert 10_000 <= before <= after <= 50_000
