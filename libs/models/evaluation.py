"""Models held against what came: fitted to a log up to a day, and measured on what it says of later days."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from libs.models import bgnbd, gamma_gamma
from libs.models.bgnbd import BgNbd
from libs.models.centres import labels_of, rfm_of
from libs.models.churn import OF_EACH_MIN, data_of, is_learnable, learned
from libs.models.features import FEATURES, Facts, feature_matrix
from libs.models.fitting import Maximum
from libs.models.gamma_gamma import GammaGamma
from libs.models.lifetime import historic_purchases, lifetime_value
from libs.models.measures import Bin, Lead, auc, calibration, calibration_error, lead
from libs.models.purchases import DAYS_PER_WEEK, MINOR_PER_MAJOR, PurchaseLog, Repeats, facts_of
from libs.models.redundancy import Dropped, kept_features
from libs.models.rfm import CutsInvalidError, fitted_cuts
from libs.models.segments import SegmentsInvalidError
from libs.models.segments import fit as fit_segments

Floats: TypeAlias = NDArray[np.float64]
# What is done, and which part of that.
Told = Callable[[str, float], None]

HISTORIC = "historic rates"


class EvaluationError(ValueError):
    """A log that nothing can be measured on, and why."""


@dataclass(frozen=True, slots=True)
class Value:
    """What customers were expected to spend in the holdout, and spent, in major units.

    `within`: the share of them whose purchase days were between the bounds, which `lifetime.INSIDE` or more
    should be.
    """

    predicted: float
    actual: float
    correlation: float | None
    within: float


@dataclass(frozen=True, slots=True)
class Holdout:
    """Purchase days after the calibration: what was expected of each customer, and what came.

    `by_week` has both as sums over everybody, cumulated; `model` is BG/NBD, or the customers' historic rates
    where that is not identified. `correlation` is None where everybody did, or was said to do, the same.
    """

    weeks: float
    model: str
    predicted: float
    actual: float
    correlation: float | None
    mae: float
    by_week: tuple[tuple[float, float], ...]
    value: Value | None


@dataclass(frozen=True, slots=True)
class Churn:
    """How well no purchase in the holdout was foretold, out of fold; rankings of others beside it.

    `auc_bgnbd` ranks by exp(-expected purchases). All but the counts is None where `problem` says why
    nothing could be learned.
    """

    customers: int
    churned: int
    problem: str = ""
    model: str | None = None
    auc: float | None = None
    ece: float | None = None
    auc_recency: float | None = None
    auc_bgnbd: float | None = None
    lead_recency: Lead | None = None
    lead_bgnbd: Lead | None = None
    bins: tuple[Bin, ...] = ()
    features: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A value segment on the day: how many, what is typical of them, and how many of them bought again."""

    label: str
    customers: int
    days_since_last: float
    purchase_days: float
    spend_minor: float
    bought_again: int


@dataclass(frozen=True, slots=True)
class Divided:
    """The customers by value segments, from the best down; none where `problem` says why."""

    segments: tuple[Segment, ...] = ()
    silhouette: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The cuts that RFM would have, in the units of its facts; none where `problem` says why."""

    recency: tuple[int, ...] = ()
    frequency: tuple[int, ...] = ()
    monetary: tuple[int, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What models of a log are, and how well they foretold it."""

    customers: int
    calibration_end: date
    holdout_end: date
    bgnbd: Maximum
    gamma_gamma: Maximum
    holdout: Holdout
    churn: Churn
    divided: Divided
    cuts: Cuts


def evaluate(log: PurchaseLog, calibration_end: date, told: Told = lambda what, part: None) -> Evaluation:
    """Fit models to what was bought by the end of a day, and measure them on the rest of the log.

    Customers are those who had bought by then. EvaluationError where nobody
    had, or nothing comes after it.
    """
    until, end = calibration_end.toordinal(), int(log.day.max())
    if int(log.day.min()) > until:
        raise EvaluationError(f"nobody bought by {calibration_end}: the log begins later")
    if end <= until:
        raise EvaluationError(f"nothing was bought after {calibration_end}: there is nothing to measure on")
    log = log.of_buyers_until(until)
    repeats = Repeats.of(log, until)
    told("Fitting lifetime value", 0.0)
    # Sums over several threads depend on how many there are; and they wait for each other on a busy machine.
    with threadpool_limits(1):
        return _evaluated(log, repeats, until, end, told)


def _evaluated(log: PurchaseLog, repeats: Repeats, until: int, end: int, told: Told) -> Evaluation:
    facts, later = facts_of(log, until), log.where(log.day > until)
    frequency = bgnbd.fit(repeats)
    money = gamma_gamma.fit(repeats)
    model = None if frequency.problem else BgNbd.of(frequency)
    return Evaluation(
        customers=log.customers_count,
        calibration_end=date.fromordinal(until),
        holdout_end=date.fromordinal(end),
        bgnbd=frequency,
        gamma_gamma=money,
        holdout=_holdout(later, repeats, model, None if money.problem else GammaGamma.of(money), until, end),
        churn=_churn(facts, later, _expected(model, repeats, (end - until) / DAYS_PER_WEEK), told),
        divided=_divided(facts, later),
        cuts=_cuts(facts),
    )


def _holdout(
    later: PurchaseLog, repeats: Repeats, model: BgNbd | None, money: GammaGamma | None, until: int, end: int
) -> Holdout:
    weeks = (end - until) / DAYS_PER_WEEK
    expected = _expected(model, repeats, weeks)
    actual = later.days_bought()
    days = later.purchase_days()[1] - until
    ends = [*range(DAYS_PER_WEEK, end - until, DAYS_PER_WEEK), end - until]
    return Holdout(
        weeks=weeks,
        model=HISTORIC if model is None else "bgnbd",
        predicted=float(expected.sum()),
        actual=float(actual.sum()),
        correlation=_correlation(expected, actual),
        mae=float(np.abs(expected - actual).mean()),
        by_week=tuple(
            (float(_expected(model, repeats, day / DAYS_PER_WEEK).sum()), float((days <= day).sum()))
            for day in ends
        ),
        value=None if model is None or money is None else _value(model, money, repeats, weeks, later),
    )


def _value(model: BgNbd, money: GammaGamma, repeats: Repeats, weeks: float, later: PurchaseLog) -> Value:
    foretold, came = lifetime_value(model, money, repeats, weeks), later.days_bought()
    spent = np.bincount(later.customer, later.amount_minor, later.customers_count) / MINOR_PER_MAJOR
    return Value(
        predicted=float(foretold.value.sum()),
        actual=float(spent.sum()),
        correlation=_correlation(foretold.value, spent),
        within=float(((foretold.purchases_low <= came) & (came <= foretold.purchases_high)).mean()),
    )


def _expected(model: BgNbd | None, repeats: Repeats, weeks: float) -> Floats:
    return historic_purchases(repeats, weeks) if model is None else model.expected(repeats, weeks)


def _correlation(expected: Floats, actual: NDArray[Any]) -> float | None:
    if np.ptp(expected) == 0 or np.ptp(actual) == 0:
        return None
    return float(np.corrcoef(expected, actual)[0, 1])


def _churn(facts: Facts, later: PurchaseLog, expected: Floats, told: Told) -> Churn:
    churned = later.days_bought() == 0
    gone = int(churned.sum())
    if not is_learnable(churned):
        again = len(churned) - gone
        problem = f"{again} bought again and {gone} did not; {OF_EACH_MIN} of each are needed to learn"
        return Churn(len(churned), gone, problem)
    kept, dropped = kept_features(feature_matrix(facts, list(FEATURES)), list(FEATURES))
    no_purchase = np.exp(-expected)
    data = data_of(facts, kept, no_purchase, churned)
    said, chosen = learned(data, lambda part: told("Learning churn", part))
    silent = facts["purchase.days_since_last"]
    told("Comparing", 0.0)
    return Churn(
        customers=len(churned),
        churned=gone,
        model=chosen.name,
        auc=auc(churned, said),
        ece=calibration_error(churned, said),
        auc_recency=auc(churned, silent),
        auc_bgnbd=auc(churned, no_purchase),
        lead_recency=lead(churned, said, silent),
        lead_bgnbd=lead(churned, said, no_purchase),
        bins=tuple(calibration(churned, said)),
        features=kept.names,
        dropped=tuple(dropped),
    )


def _divided(facts: Facts, later: PurchaseLog) -> Divided:
    rfm = rfm_of(
        facts["purchase.days_since_last"],
        facts["purchase.distinct_days.lifetime"],
        facts["purchase.amount_minor.lifetime"],
    )
    try:
        found = fit_segments(rfm)
    except SegmentsInvalidError as error:
        return Divided(problem=str(error))
    again = later.days_bought() > 0
    came = np.bincount(found.of(rfm), again, len(found.centres))
    rows = zip(labels_of(len(found.centres)), found.sizes, found.typical().tolist(), came, strict=True)
    segments = tuple(
        Segment(label, size, days, bought, spend, int(returned))
        for label, size, (days, bought, spend), returned in rows
    )
    return Divided(segments, found.silhouette)


def _cuts(facts: Facts) -> Cuts:
    try:
        return Cuts(
            fitted_cuts(facts["purchase.days_since_last"], "days since the last purchase"),
            fitted_cuts(facts["purchase.count.lifetime"], "purchases"),
            fitted_cuts(np.maximum(facts["purchase.amount_minor.lifetime"], 0), "spend"),
        )
    except CutsInvalidError as error:
        return Cuts(problem=str(error))


def as_document(evaluation: Evaluation, seconds: float) -> Mapping[str, Any]:
    """The evaluation for programs: numbers of JSON, None where there is none."""
    churn, holdout = evaluation.churn, evaluation.holdout
    return {
        "customers": evaluation.customers,
        "calibration_end": evaluation.calibration_end.isoformat(),
        "holdout_end": evaluation.holdout_end.isoformat(),
        "bgnbd": _fitted(evaluation.bgnbd, bgnbd.NAMES),
        "gamma_gamma": _fitted(evaluation.gamma_gamma, gamma_gamma.NAMES),
        "holdout": {
            "weeks": holdout.weeks,
            "model": holdout.model,
            "predicted": holdout.predicted,
            "actual": holdout.actual,
            "correlation": holdout.correlation,
            "mae": holdout.mae,
        },
        "value": None if holdout.value is None else asdict(holdout.value),
        "churn": {
            "customers": churn.customers,
            "churned": churn.churned,
            "problem": churn.problem,
            "model": churn.model,
            "auc": churn.auc,
            "ece": churn.ece,
            "auc_recency": churn.auc_recency,
            "auc_bgnbd": churn.auc_bgnbd,
            "lead_over_recency": _led(churn.lead_recency),
            "lead_over_bgnbd": _led(churn.lead_bgnbd),
        },
        "segments": {
            "silhouette": evaluation.divided.silhouette,
            "problem": evaluation.divided.problem,
            "rows": [asdict(each) for each in evaluation.divided.segments],
        },
        "rfm_cuts": asdict(evaluation.cuts),
        "seconds": seconds,
    }


def _fitted(found: Maximum, names: tuple[str, ...]) -> dict[str, Any]:
    values = found.parameters or (None,) * len(names)
    log_likelihood = found.log_likelihood if np.isfinite(found.log_likelihood) else None
    parameters = dict(zip(names, values, strict=True))
    return {**parameters, "log_likelihood": log_likelihood, "problem": found.problem}


def _led(found: Lead | None) -> dict[str, float] | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}
