"""Training on facts of a program's members: measured, bounded, the same bytes for the same columns."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from libs.models import documents, training
from libs.models.churn import Chosen, Data
from libs.models.documents import DAYS, FACTS_MAX, LAST, PURCHASE_FACTS, ModelDocument, parse
from libs.models.features import FEATURES
from libs.models.populations import Later, Population, TrainingError, in_sample, population
from libs.models.purchases import PurchaseLog, facts_of
from libs.models.redundancy import Kept
from libs.models.scorers import Said
from libs.models.serving import compiled
from libs.models.training import limited, trained_churn, trained_lifetime_value, trained_value_segment

UNTIL = date(1997, 9, 30)
HORIZON = 273
COMMON: dict[str, Any] = {"program_id": "demo", "currency": "USD", "as_of": UNTIL, "horizon_days": HORIZON}


def of_log(log: PurchaseLog, *, later: bool = True, currency: str = "USD") -> Population:
    """Who had bought by the day, and week by week what came."""
    day = UNTIL.toordinal()
    buyers = log.of_buyers_until(day)
    ends = [*range(7, HORIZON, 7), HORIZON] if later else []
    return population(
        facts_of(buyers, day),
        [Later(end, facts_of(buyers, day + end)) for end in ends],
        **COMMON | {"currency": currency},
    )


@pytest.fixture(scope="module")
def members(log: PurchaseLog) -> Population:
    """The CDNOW sample."""
    return of_log(log)


@pytest.fixture(scope="module")
def churn(members: Population) -> documents.Churn:
    """Its model of churn."""
    return trained_churn(members)


def test_churn_of_cdnow_is_as_good_as_its_evaluation(churn: documents.Churn, members: Population) -> None:
    assert churn.metrics["auc"] > 0.775
    assert churn.metrics["calibration_error"] < 0.03
    assert churn.metrics["lead_over_recency.low"] < churn.metrics["lead_over_recency"]
    assert sum(each.count for each in churn.drawn.calibration) == churn.members_count == members.count
    assert sum(churn.drawn.histogram) == members.count
    served = compiled(churn).scores(members.facts)
    assert (served.values_bp / 1e4).mean() == pytest.approx(churn.metrics["churned_share"], abs=0.01)


def test_the_same_columns_give_the_same_bytes(churn: documents.Churn, log: PurchaseLog) -> None:
    again = of_log(log)

    assert trained_churn(again).canonical() == churn.canonical()
    assert trained_lifetime_value(again).canonical() == trained_lifetime_value(of_log(log)).canonical()
    assert trained_value_segment(again, 4).canonical() == trained_value_segment(of_log(log), 4).canonical()


def test_what_is_trained_is_a_document(churn: documents.Churn, members: Population) -> None:
    trained: list[ModelDocument] = [churn, trained_lifetime_value(members), trained_value_segment(members, 4)]
    for document in trained:
        assert parse(document.canonical()) == document
        assert document.data_digest == members.digest()
        assert len(document.facts) <= FACTS_MAX


def test_lifetime_value_of_cdnow(members: Population) -> None:
    found = trained_lifetime_value(members)

    assert found.frequency is not None
    assert found.frequency.r == pytest.approx(0.243, abs=0.001)
    assert found.spend is not None
    assert found.problem == ""
    assert found.metrics["foretold"] == pytest.approx(1653, abs=2)
    assert found.metrics["actual"] == 1882
    assert found.metrics["correlation"] == pytest.approx(0.63, abs=0.01)
    assert (found.drawn.weeks[-1].foretold, found.drawn.weeks[-1].actual) == (found.metrics["foretold"], 1882)
    assert len(found.drawn.weeks) == 39


@pytest.mark.parametrize(("currency", "gamma"), [("JPY", 100.0), ("KWD", 0.1)])
def test_lifetime_value_is_in_the_minor_units_of_any_currency(
    log: PurchaseLog, members: Population, currency: str, gamma: float
) -> None:
    """The same whole numbers, of which a yen is one itself and a dinar is a thousand."""
    theirs = trained_lifetime_value(of_log(log, currency=currency))
    dollars = trained_lifetime_value(members)

    assert (theirs.currency, theirs.problem) == (currency, "")
    assert dollars.spend is not None
    assert theirs.spend is not None
    assert theirs.spend.gamma == pytest.approx(dollars.spend.gamma * gamma, rel=1e-3)
    assert theirs.metrics["value_foretold"] == pytest.approx(dollars.metrics["value_foretold"], rel=1e-4)
    np.testing.assert_allclose(
        compiled(theirs).scores(members.facts).values_bp,
        compiled(dollars).scores(members.facts).values_bp,
        rtol=1e-3,
    )


def test_without_later_days_lifetime_value_is_fitted_and_not_measured(log: PurchaseLog) -> None:
    found = trained_lifetime_value(of_log(log, later=False))

    assert found.drawn.weeks == ()
    assert "actual" not in found.metrics
    with pytest.raises(TrainingError, match="are not over"):
        trained_churn(of_log(log, later=False))


def test_segments_keep_their_labels(members: Population) -> None:
    first = trained_value_segment(members, 4)
    second = trained_value_segment(members, 4, first)

    assert [segment.key for segment in second.segments] == ["high_value", "potential", "general", "lost"]
    assert second.metrics["same_label_share"] > 0.99
    assert sum(group.members for group in second.drawn.groups) == members.count


def some(members: Population, rows: Any) -> Population:
    later = [
        Later(each.days, {fact: column[rows] for fact, column in each.facts.items()})
        for each in members.later
    ]
    return population({fact: column[rows] for fact, column in members.facts.items()}, later, **COMMON)


def test_too_few_to_learn_from_are_refused_with_why(members: Population) -> None:
    with pytest.raises(TrainingError, match="30 who did and 30 who did not are needed"):
        trained_churn(some(members, slice(0, 40)))
    with pytest.raises(TrainingError, match="20 segments of 3 customers"):
        trained_value_segment(some(members, slice(0, 3)), 20)
    with pytest.raises(TrainingError, match="nobody had purchased by 1997-09-30"):
        some(members, slice(0, 0))


def test_nobody_who_bought_again_leaves_the_historic_rates(members: Population) -> None:
    once = some(members, members.facts[DAYS] == 1)
    found = trained_lifetime_value(once)

    assert found.frequency is None
    assert "nobody has bought again" in found.problem
    assert (compiled(found).scores(once.facts).values_bp == 0).all()


def test_all_features_together_are_limited_to_the_facts_that_are_read_at_once() -> None:
    kept = limited(Kept(tuple(FEATURES), np.zeros(len(FEATURES))))
    facts = {fact for name in kept.names for fact in FEATURES[name].formula.facts} | set(PURCHASE_FACTS)

    assert len(facts) == FACTS_MAX
    assert {name.partition(".")[0] for name in kept.names} >= {"purchase", "login", "refund", "invite"}
    few = Kept(("purchase.lapse", "login.count.7d"), np.array([1.0, 2.0]))
    assert limited(few).names == few.names


def test_the_digest_follows_the_data(members: Population) -> None:
    changed = {fact: column.copy() for fact, column in members.facts.items()}
    changed[LAST][0] += 1

    assert population(changed, members.later, **COMMON).digest() != members.digest()


def test_what_is_beyond_the_bounds_of_documents_is_no_model(
    members: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steep(data: Data, told: Any, run: Any) -> tuple[Any, Chosen]:
        return np.full(len(data.churned), 0.5), Chosen("bgnbd", Said(), 1e9, 0.0)

    monkeypatch.setattr(training, "learned", steep)

    with pytest.raises(TrainingError, match="what was learned is no model: slope"):
        trained_churn(some(members, slice(0, 300)))


IDS = [f"mem_{number:032x}" for number in range(20_000)]


def test_of_too_many_a_part_is_learned_from_whoever_asks() -> None:
    taken = in_sample(IDS, 40_000, 10_000)

    assert taken.mean() == pytest.approx(0.25, abs=0.02)
    assert np.concatenate(
        [in_sample(IDS[at : at + 7], 40_000, 10_000) for at in range(0, 70, 7)]
    ).tolist() == (taken[:70].tolist())
    assert not (in_sample(IDS, 80_000, 10_000) & ~taken).any()
    assert in_sample(IDS, 10_000, 10_000).all()


def test_a_sample_says_how_many_it_is_of(members: Population) -> None:
    whole = {**COMMON, "drawn_from": 40_000}
    few = population(members.facts, members.later, **whole)

    assert trained_lifetime_value(few).metrics["drawn_from"] == 40_000
    assert "drawn_from" not in trained_lifetime_value(members).metrics
