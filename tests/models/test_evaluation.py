"""The evaluation: the figures that literature and baselines give, and logs that have little to tell."""

import json
from datetime import date, timedelta

import pytest

from libs.models.evaluation import HISTORIC, Evaluation, EvaluationError, as_document, evaluate
from libs.models.purchases import PurchaseLog
from tests.models.conftest import UNTIL

FIRST = date(2020, 1, 1)


@pytest.fixture(scope="module")
def found(log: PurchaseLog) -> Evaluation:
    return evaluate(log, UNTIL)


def bought(*rows: tuple[int, int]) -> PurchaseLog:
    """One item for 5.00 by each (customer, day)."""
    return PurchaseLog.of((f"{who:04}", FIRST + timedelta(days=day), 1, 500) for who, day in rows)


def test_the_holdout_is_39_weeks_and_near_what_came(found: Evaluation) -> None:
    assert found.holdout.weeks == 39
    assert found.holdout.actual == 1882
    assert found.holdout.predicted == pytest.approx(1653, abs=5)
    assert found.holdout.correlation == pytest.approx(0.63, abs=0.01)
    assert found.holdout.mae < 0.8
    assert found.holdout.by_week[-1] == (found.holdout.predicted, found.holdout.actual)
    assert len(found.holdout.by_week) == 39


def test_what_was_spent_is_near_what_was_foretold_and_within_bounds(found: Evaluation) -> None:
    value = found.holdout.value
    assert value is not None
    assert value.predicted == pytest.approx(value.actual, rel=0.2)
    assert value.correlation is not None
    assert value.correlation > 0.5
    assert 0.8 <= value.within < 1


def test_churn_leads_recency_and_bgnbd_and_is_calibrated(found: Evaluation) -> None:
    churn = found.churn
    assert churn.auc is not None
    assert churn.auc >= 0.775
    assert churn.auc_recency == pytest.approx(0.771, abs=0.001)
    assert churn.auc_bgnbd == pytest.approx(0.7725, abs=0.0005)
    assert churn.ece is not None
    assert churn.ece <= 0.03
    assert churn.lead_bgnbd is not None
    assert churn.lead_bgnbd.low < churn.lead_bgnbd.value < churn.lead_bgnbd.high
    assert sum(each.count for each in churn.bins) == churn.customers == 2357


def test_the_same_log_gives_the_same_bits(log: PurchaseLog, found: Evaluation) -> None:
    assert evaluate(log, UNTIL) == found


def test_segments_come_again_the_more_the_better_they_are(found: Evaluation) -> None:
    came = [each.bought_again / each.customers for each in found.divided.segments]

    assert [each.label for each in found.divided.segments] == ["high_value", "potential", "general", "lost"]
    assert came == sorted(came, reverse=True)
    assert found.cuts.frequency == (1, 2, 3, 4)


def test_its_document_is_json_of_numbers(found: Evaluation) -> None:
    document = json.loads(json.dumps(as_document(found, 1.5), allow_nan=False))

    assert set(document["bgnbd"]) >= {"r", "alpha", "a", "b", "log_likelihood"}
    assert set(document["gamma_gamma"]) >= {"p", "q", "gamma"}
    assert set(document["holdout"]) >= {"weeks", "predicted", "actual", "correlation", "mae"}
    assert set(document["churn"]) >= {"auc", "ece", "auc_recency", "auc_bgnbd", "model"}
    assert document["seconds"] == 1.5


def test_where_models_are_not_identified_historic_rates_serve_and_why_is_said() -> None:
    """Everybody every ten days: nothing tells how they differ, nor when they leave."""
    found = evaluate(
        bought(*((who, day) for who in range(40) for day in range(0, 200, 10))), FIRST + timedelta(99)
    )

    assert found.bgnbd.problem
    assert found.holdout.model == HISTORIC
    assert found.holdout.predicted == pytest.approx(found.holdout.actual, rel=0.2)
    assert found.churn.problem == "40 bought again and 0 did not; 30 of each are needed to learn"
    assert json.dumps(as_document(found, 0.0), allow_nan=False)


def test_one_purchase_each_is_no_reason_to_fail() -> None:
    found = evaluate(bought((1, 0), (2, 3), (2, 90)), FIRST + timedelta(30))

    assert found.bgnbd.problem == "nobody has bought again"
    assert found.holdout.correlation is None
    assert json.dumps(as_document(found, 0.0), allow_nan=False)


@pytest.mark.parametrize(("day", "why"), [(-1, "nobody bought by"), (90, "nothing was bought after")])
def test_a_day_outside_the_log_is_refused(day: int, why: str) -> None:
    with pytest.raises(EvaluationError, match=why):
        evaluate(bought((1, 0), (2, 90)), FIRST + timedelta(day))
