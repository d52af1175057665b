"""Scores by models: those of the fit, the same bits however they are asked, and parts that add up."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from libs.common.texts import LOCALES, TEXTS, render
from libs.models import churn, documents
from libs.models.bgnbd import BgNbd
from libs.models.documents import DAYS, FIRST, LAST, PURCHASE_FACTS, SPENT, ModelDocument
from libs.models.gamma_gamma import GammaGamma
from libs.models.lifetime import lifetime_value
from libs.models.redundancy import Kept
from libs.models.serving import (
    CENTRE,
    NO_LABEL,
    NO_PURCHASES,
    NO_VALUE,
    TOLD_BP_MIN,
    compiled,
    paid_repeats,
    repeats_of,
)
from tests.models import fitted

EVERY = pytest.mark.parametrize("document", fitted.ALL.values(), ids=fitted.ALL)


def bits(document: ModelDocument, columns: dict[str, fitted.Floats]) -> list[list[int]]:
    """Values, labels and bounds as whole numbers, row by row."""
    scores = compiled(document).scores(columns)
    found: list[Any] = [scores.values_bp, scores.labels, scores.lows_bp, scores.highs_bp]
    rows: list[list[int]] = np.column_stack([each for each in found if each is not None]).tolist()
    return rows


def some(columns: dict[str, fitted.Floats], rows: Any) -> dict[str, fitted.Floats]:
    return {fact: column[rows] for fact, column in columns.items()}


@EVERY
def test_any_batch_and_order_gives_the_same_bits(document: ModelDocument) -> None:
    columns = fitted.members()
    whole = bits(document, columns)
    order = np.random.default_rng(5).permutation(len(whole))

    assert bits(document, some(columns, order)) == [whole[row] for row in order]
    assert (
        bits(document, some(columns, slice(0, 77))) + bits(document, some(columns, slice(77, None))) == whole
    )
    assert [bits(document, some(columns, [row]))[0] for row in range(len(whole))] == whole
    strided = {fact: np.repeat(column, 3)[::3] for fact, column in columns.items()}
    assert bits(document, strided) == whole


def test_another_process_gives_the_same_bits_and_learns_nothing(tmp_path: Path) -> None:
    columns = fitted.members()
    for fact, column in columns.items():
        np.save(tmp_path / f"{fact}.npy", column)
    for name, document in fitted.ALL.items():
        (tmp_path / f"{name}.json").write_bytes(document.canonical())
    code = f"""
import json, pathlib, sys
import numpy as np
from libs.models.documents import parse
from libs.models.serving import compiled
folder = pathlib.Path({str(tmp_path)!r})
columns = {{file.stem: np.load(file) for file in folder.glob("*.npy")}}
found = {{}}
for file in folder.glob("*.json"):
    scores = compiled(parse(file.read_bytes())).scores(columns)
    every = [scores.values_bp, scores.labels, scores.lows_bp, scores.highs_bp]
    found[file.stem] = np.column_stack([each for each in every if each is not None]).tolist()
assert not [each for each in sys.modules if each.startswith(("sklearn", "threadpoolctl", "grpc"))]
print(json.dumps(found))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)

    assert json.loads(done.stdout) == {name: bits(each, columns) for name, each in fitted.ALL.items()}


@EVERY
def test_contributions_add_up_exactly(document: ModelDocument) -> None:
    columns, model = fitted.members(), compiled(document)
    scores, explained = model.scores(columns), model.explained(columns)

    assert len(explained) == len(scores.values_bp)
    for value, label, why in zip(scores.values_bp.tolist(), scores.labels.tolist(), explained, strict=True):
        if value == NO_VALUE:
            assert (label, why.absent_reason, why.contributions) == (NO_LABEL, NO_PURCHASES, ())
        else:
            assert sum(each.contribution_bp for each in why.contributions) == value
            assert why.contributions[0].factor == CENTRE
            assert not why.absent_reason


@EVERY
def test_who_never_purchased_has_no_score(document: ModelDocument) -> None:
    columns = {DAYS: np.array([0.0, np.nan, 2.0, 2.0]), FIRST: np.array([9.0, 9.0, np.nan, 9.0])}
    columns[LAST] = np.array([3.0, 3.0, 3.0, 3.0])

    assert (compiled(document).scores(columns).values_bp == NO_VALUE).tolist() == [True, True, True, False]


@EVERY
def test_what_no_member_has_is_borne(document: ModelDocument) -> None:
    """Huge, negative and missing facts in every combination that a column can have of them."""
    worst = np.array([1e300, -1e300, np.inf, -np.inf, np.nan, 0.0, -1.0, 1.0, 1e15, 0.5])
    facts = [*document.facts]
    drawn = np.random.default_rng(7)
    columns = {fact: drawn.choice(worst, 3000) for fact in facts}
    model = compiled(document)
    scores = model.scores(columns)
    present = scores.values_bp != NO_VALUE

    assert 100 < present.sum() < 3000
    assert (np.abs(scores.values_bp[present]) <= 9e18).all()
    if document.kind == "churn":
        assert ((scores.values_bp[present] >= 0) & (scores.values_bp[present] <= 10_000)).all()
    for value, why in zip(scores.values_bp.tolist(), model.explained(columns), strict=True):
        assert sum(each.contribution_bp for each in why.contributions) == (0 if value == NO_VALUE else value)


@EVERY
def test_of_nobody_there_are_no_scores(document: ModelDocument) -> None:
    columns = {fact: np.empty(0) for fact in document.facts}

    assert len(compiled(document).scores(columns).values_bp) == 0
    assert compiled(document).explained(columns) == []


@pytest.mark.parametrize("fit", [churn._logistic(0.1), churn._boosted])
def test_what_is_served_is_what_was_fitted(fit: churn.Fit) -> None:
    columns = {fact: np.nan_to_num(column, nan=1.0) for fact, column in fitted.members(800).items()}
    columns[DAYS] = np.maximum(columns[DAYS], 1)
    repeats = repeats_of(columns)
    no_purchase = np.exp(-BgNbd(0.243, 4.414, 0.793, 2.426).expected(repeats, 39.0))
    kept = Kept(tuple(each.name for each in fitted.KEPT), np.array([each.missing for each in fitted.KEPT]))
    gone = np.random.default_rng(2).random(800) < no_purchase
    data = churn.data_of(columns, kept, no_purchase, gone)
    chosen = churn.Chosen("any", fit(data.matrix, data.churned), 0.9, 0.1)
    document = fitted.churn(churn.plain(chosen.scorer), slope=chosen.slope, shift=chosen.shift)

    served = compiled(documents.parse(document.canonical())).scores(columns)
    assert served.values_bp.tolist() == np.rint(chosen.probability(data.matrix) * 10_000).tolist()


def test_bgnbd_alone_is_its_own_probability() -> None:
    columns = {DAYS: np.array([1.0, 4.0]), FIRST: np.array([200.0, 200.0]), LAST: np.array([200.0, 3.0])}
    model = compiled(fitted.churn(documents.FrequencyAlone(), slope=1.0, shift=0.0))
    no_purchase = np.exp(-BgNbd(0.243, 4.414, 0.793, 2.426).expected(repeats_of(columns), 39.0))

    assert model.scores(columns).values_bp.tolist() == np.rint(no_purchase * 10_000).tolist()
    assert model.facts == PURCHASE_FACTS
    assert [model.label_keys[label] for label in model.scores(columns).labels] == ["high", "low"]


def test_lifetime_value_is_that_of_both_models() -> None:
    columns = fitted.members()
    scores = compiled(fitted.lifetime_value()).scores(columns)
    present = scores.values_bp != NO_VALUE
    own = {fact: columns[fact][present] for fact in (*PURCHASE_FACTS, SPENT)}
    often, much = BgNbd(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)
    value = lifetime_value(often, much, repeats_of(own), 39.0).purchases * much.expected(
        paid_repeats(own, "USD")
    )

    np.testing.assert_allclose(scores.values_bp[present] / 1e6, value, atol=1e-5)
    assert scores.lows_bp is not None
    assert scores.highs_bp is not None
    assert (scores.lows_bp <= scores.values_bp).all()
    assert (scores.values_bp <= scores.highs_bp).all()


def test_without_models_own_rates_serve_and_have_no_bounds() -> None:
    columns = {DAYS: np.array([3.0]), FIRST: np.array([140.0]), LAST: np.array([0.0]), SPENT: np.array([3e4])}
    scores = compiled(fitted.ALL["historic value"]).scores(columns)

    # 2 repeats in 20 weeks, at 100 each, for 39 weeks.
    assert scores.values_bp.tolist() == [3_900_000 * 100]
    assert scores.lows_bp is None


def test_reasons_name_features_and_the_decay_of_behaviour() -> None:
    columns = {DAYS: np.array([5.0]), FIRST: np.array([200.0]), LAST: np.array([160.0])}
    (why,) = compiled(fitted.churn()).explained(columns)

    raised = [each for each in why.reasons if each.code == "CHURN_RAISED_BY"]
    assert raised[0].params["factor"] == "purchase.lapse"
    assert raised[0].params["factor_zh"] == "购买中断的个人间隔数"
    percent = int(raised[0].params["share_bp"]) // 100
    assert render(raised[0].code, raised[0].params, "zh") == f"购买中断的个人间隔数使流失概率升高{percent}%。"
    decay = render(why.reasons[-1].code, why.reasons[-1].params, "en")
    assert decay == "No purchase for 160 days: 14.5 times the own interval of 10 days."
    assert why.reasons[-1].code == "DECAY_OF_BEHAVIOUR"
    assert why.reasons[-1].params == {"value": "160", "interval": "10", "times": "14.5"}


def test_the_split_follows_the_straight_line_from_the_centre() -> None:
    """Aumann and Shapley of a sigmoid of a sum: as each part of the sum is to the whole of it."""
    columns = {DAYS: np.array([5.0]), FIRST: np.array([200.0]), LAST: np.array([160.0])}
    document = fitted.churn()
    (why,) = compiled(document).explained(columns)
    centre, *parts = why.contributions

    here = expit(1.1 * fitted.LOGISTIC.bias - 0.05)
    assert centre.contribution_bp == pytest.approx(here * 10_000, abs=3)
    assert [each.factor for each in parts] == [*(each.name for each in fitted.KEPT), "bgnbd"]
    missing = parts[2]
    assert (missing.missing, missing.value) == (True, 0)


@EVERY
def test_every_reason_has_its_text_in_both_languages(document: ModelDocument) -> None:
    reasons = [each for why in compiled(document).explained(fitted.members()) for each in why.reasons]

    assert reasons
    for reason in reasons:
        assert reason.code in TEXTS
        for locale in LOCALES:
            assert "?" not in render(reason.code, reason.params, locale)


def test_value_is_told_in_money() -> None:
    columns = {DAYS: np.array([9.0]), FIRST: np.array([230.0]), LAST: np.array([2.0]), SPENT: np.array([9e4])}
    (why,) = compiled(fitted.lifetime_value()).explained(columns)

    said = render(why.reasons[0].code, why.reasons[0].params, "en")
    assert said == "spend less refunds ever: raises the value by $555.71."


@pytest.mark.parametrize(
    ("currency", "per_major", "said"),
    [
        ("JPY", 1, "spend less refunds ever: raises the value by ¥55,571."),
        ("KWD", 1000, "spend less refunds ever: raises the value by KWD55.571."),
    ],
)
def test_value_is_told_in_the_currency_as_it_is_written(currency: str, per_major: int, said: str) -> None:
    """The same member and model as above, whose 55,571 cents are as many yen, or thousandths of a dinar."""
    columns = {DAYS: np.array([9.0]), FIRST: np.array([230.0]), LAST: np.array([2.0]), SPENT: np.array([9e4])}
    spend = documents.SpendParameters(p=6.25, q=3.74, gamma=15.44 * 100 / per_major)
    model = compiled(fitted.lifetime_value(currency=currency, spend=spend))
    (why,) = model.explained(columns)

    assert model.scores(columns).values_bp == compiled(fitted.lifetime_value()).scores(columns).values_bp
    told = render(why.reasons[0].code, why.reasons[0].params, "en").replace("\N{NO-BREAK SPACE}", "")
    assert told == said


@EVERY
def test_nothing_is_a_reason_that_its_text_tells_as_nothing(document: ModelDocument) -> None:
    """Contributions say it all; reasons what is worth saying, in either language."""
    columns = fitted.members()
    for row in compiled(document).explained(columns):
        parts = [abs(each.contribution_bp) for each in row.contributions if each.factor != CENTRE]
        told = [each for each in row.reasons if each.code.endswith(("RAISED_BY", "LOWERED_BY"))]
        least = 10_000 if document.kind == "lifetime_value" else TOLD_BP_MIN
        assert bool(told) == any(part >= least for part in parts)
        for reason in told:
            for locale in LOCALES:
                figures = re.findall(
                    r"[0-9.,]+",
                    render(reason.code, {**reason.params, "factor_zh": "", "factor_en": ""}, locale),
                )
                assert any(figure.strip("0.,") for figure in figures), render(
                    reason.code, reason.params, locale
                )


def test_what_changes_less_than_a_percent_is_a_contribution_and_no_reason() -> None:
    weights = (0.9, 0.02, 0.2, 0.6)
    columns = {
        DAYS: np.array([5.0]),
        FIRST: np.array([200.0]),
        LAST: np.array([160.0]),
        "purchase.count.90d": np.array([1.0]),
    }
    (why,) = compiled(fitted.churn(fitted.LOGISTIC.model_copy(update={"weights": weights}))).explained(
        columns
    )

    small = next(each for each in why.contributions if each.factor == "purchase.count.90d")
    assert 0 < abs(small.contribution_bp) < TOLD_BP_MIN
    assert "purchase.count.90d" not in [each.params.get("factor") for each in why.reasons]
