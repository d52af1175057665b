"""Models of a program: fitted to the facts of its members at a day, and measured on those of later days.

Facts are columns of who had purchased by then. The same columns give the same
document, byte by byte.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from libs.common.documents import NUMBER_MAX, WHOLE_BP, Text, problems
from libs.models import bgnbd, documents, gamma_gamma
from libs.models.bgnbd import BgNbd
from libs.models.centres import Segments, labels_of, rfm_of
from libs.models.churn import OF_EACH_MIN, Chosen, Run, data_of, is_learnable, learned, one_by_one, plain
from libs.models.documents import (
    CHURN,
    DAYS,
    FACTS_MAX,
    FEATURES_MAX,
    LABEL_FACT,
    LAST,
    LIFETIME_VALUE,
    PURCHASE_FACTS,
    SPENT,
    VALUE_SEGMENT,
    ModelDocument,
)
from libs.models.features import FACTS, FEATURES, feature_matrix
from libs.models.measures import auc, calibration, calibration_error, lead
from libs.models.populations import Columns, Floats, Population, TrainingError
from libs.models.purchases import DAYS_PER_WEEK
from libs.models.redundancy import Kept, kept_features
from libs.models.segments import SegmentsInvalidError
from libs.models.segments import fit as fit_segments
from libs.models.serving import compiled, paid_repeats, purchases_of, repeats_of

# What is done, and which part of that.
Told = Callable[[str, float], None]

VALUE_FACTS = (*PURCHASE_FACTS, SPENT)
"""What lifetime value and value segments read."""
READ = {CHURN: tuple(FACTS), LIFETIME_VALUE: VALUE_FACTS, VALUE_SEGMENT: VALUE_FACTS}
"""Of each kind: what it reads."""
BANDS = (("high", "高", "high", 7000), ("medium", "中", "medium", 4000), ("low", "低", "low", 0))
SEGMENT_NAMES = {
    "high_value": ("高价值", "high value"),
    "potential": ("潜力", "potential"),
    "general": ("一般", "general"),
    "lost": ("流失", "lost"),
}
HISTOGRAM_BINS = 20
# What is above that part of all is drawn in the last bin.
DRAWN_PART = 0.99


@contextmanager
def _within_bounds() -> Iterator[None]:
    """Refuse what is beyond the bounds of documents, such as weights without end."""
    try:
        yield
    except ValidationError as error:
        found = "; ".join(f"{path}: {text}" for path, text in problems(error).items())
        raise TrainingError(f"what was learned is no model: {found}") from error


def silent(what: str, part: float) -> None:
    """Nobody is told."""


def trained(
    kind: str,
    members: Population,
    *,
    segments: int = 4,
    before: documents.ValueSegment | None = None,
    told: Told = silent,
    run: Run = one_by_one,
) -> ModelDocument:
    """A model of this kind. TrainingError for members that it cannot be learned from."""
    match kind:
        case "churn":
            return trained_churn(members, told, run)
        case "lifetime_value":
            told("Fitting lifetime value", 0.0)
            return trained_lifetime_value(members)
        case _:
            return trained_value_segment(members, segments, before)


def trained_churn(members: Population, told: Told = silent, run: Run = one_by_one) -> documents.Churn:
    """Who does not buy in the horizon, learned from who did not; `run` runs the parts of it.

    TrainingError where the horizon is not over, or there are too few of a kind.
    """
    if not members.later:
        raise TrainingError(f"the {members.horizon_days} days after {members.as_of} are not over")
    with threadpool_limits(1), _within_bounds():
        return _churn(members, told, run)


def _churn(members: Population, told: Told, run: Run) -> documents.Churn:
    facts = members.facts
    churned = members.later[-1].facts[LABEL_FACT] <= facts[LABEL_FACT]
    if not is_learnable(churned):
        gone = int(churned.sum())
        raise TrainingError(
            f"{gone} of {members.count} did not buy in the {members.horizon_days} days after "
            f"{members.as_of}: {OF_EACH_MIN} who did and {OF_EACH_MIN} who did not are needed to learn from"
        )
    frequency = _frequency(facts)[0]
    repeats = repeats_of(facts)
    no_purchase = np.exp(-purchases_of(frequency, repeats, members.weeks))
    kept = limited(kept_features(feature_matrix(facts, list(FEATURES)), list(FEATURES))[0])
    data = data_of(facts, kept, no_purchase, churned)
    said, chosen = learned(data, lambda part: told("Learning churn", part), run)
    told("Comparing", 0.5)
    leads: dict[str, float] = {}
    for name, theirs in (("recency", facts[LAST]), ("bgnbd", no_purchase)):
        found = lead(churned, said, theirs)
        leads |= {
            f"auc_{name}": auc(churned, theirs),
            f"lead_over_{name}": found.value,
            f"lead_over_{name}.low": found.low,
            f"lead_over_{name}.high": found.high,
        }
    metrics = {
        "auc": auc(churned, said),
        "calibration_error": calibration_error(churned, said),
        "churned_share": float(churned.mean()),
        "said_share": float(said.mean()),
        **leads,
    }
    bins = [
        documents.Fraction(count=each.count, said=each.said, came=each.came)
        for each in calibration(churned, said)
    ]
    bands = tuple(
        documents.Band(key=key, name=Text(zh=zh, en=en), from_bp=from_bp) for key, zh, en, from_bp in BANDS
    )
    drawn = documents.Drawn(
        calibration=tuple(bins),
        groups=_banded(said, bands, churned),
        **_histogram(said * WHOLE_BP, 0.0, float(WHOLE_BP)),
    )
    return _churn_document(members, chosen, kept, frequency, bands, members.common(metrics, drawn))


def _churn_document(
    members: Population,
    chosen: Chosen,
    kept: Kept,
    frequency: BgNbd | None,
    bands: tuple[documents.Band, ...],
    common: dict[str, Any],
) -> documents.Churn:
    scorer = plain(chosen.scorer)
    alone = isinstance(scorer, documents.FrequencyAlone)
    read = (
        ()
        if alone
        else tuple(
            documents.KeptFeature(name=name, missing=float(missing))
            for name, missing in zip(kept.names, kept.missing, strict=True)
        )
    )
    return documents.Churn(
        **common,
        kept=read,
        frequency=_frequency_parameters(frequency),
        typical=_typical(members.facts),
        scorer=scorer,
        slope=chosen.slope,
        shift=chosen.shift,
        bands=bands,
    )


def limited(kept: Kept) -> Kept:
    """At most so many features that they read FACTS_MAX facts, and those of purchases are among them.

    The rule knows nothing of the label: kinds of events take turns, each with
    its next feature in the order of the list, which is left out where its
    facts would be too many.
    """
    by_kind: dict[str, list[int]] = {}
    for place, name in enumerate(kept.names):
        by_kind.setdefault(name.partition(".")[0], []).append(place)
    turns = [
        place
        for turn in range(len(kept.names))
        for each in by_kind.values()
        for place in each[turn : turn + 1]
    ]
    facts = set(PURCHASE_FACTS)
    taken: list[int] = []
    for place in turns:
        read = facts | set(FEATURES[kept.names[place]].formula.facts)
        if len(read) <= FACTS_MAX and len(taken) < FEATURES_MAX:
            facts = read
            taken.append(place)
    taken.sort()
    return Kept(tuple(kept.names[place] for place in taken), kept.missing[taken])


def _banded(
    said: Floats, bands: Sequence[documents.Band], churned: NDArray[np.bool_]
) -> tuple[documents.Group, ...]:
    """Members by band, out of fold, and which share of each did not buy."""
    bottoms = np.array([band.from_bp for band in bands])
    places = (bottoms[:, None] > np.rint(said * WHOLE_BP)).sum(axis=0)
    groups = []
    for place, band in enumerate(bands):
        own = places == place
        values = {"churned_share": float(churned[own].mean())} if own.any() else {}
        groups.append(documents.Group(label=band.key, members=int(own.sum()), values=values))
    return tuple(groups)


def _histogram(values: Floats, low: float, high: float) -> dict[str, Any]:
    counts, _ = np.histogram(values.clip(low, high), HISTOGRAM_BINS, (low, high))
    return {"histogram": tuple(counts.tolist()), "low": low, "high": high}


def _frequency(facts: Columns) -> tuple[BgNbd | None, str, float]:
    """BG/NBD, or why the facts do not tell it; and its log-likelihood."""
    found = bgnbd.fit(repeats_of(facts))
    return (None if found.problem else BgNbd.of(found)), found.problem, found.log_likelihood


def _frequency_parameters(model: BgNbd | None) -> documents.FrequencyParameters | None:
    if model is None:
        return None
    return documents.FrequencyParameters(r=model.r, alpha=model.alpha, a=model.a, b=model.b)


def _typical(facts: Columns) -> documents.Typical:
    days, first, last = (float(np.median(facts[fact])) for fact in PURCHASE_FACTS)
    return documents.Typical(
        purchase_days=days,
        days_since_first=first,
        days_since_last=last,
        spent_minor=float(np.median(np.nan_to_num(facts[SPENT]))),
    )


def trained_lifetime_value(members: Population) -> documents.LifetimeValue:
    """What members will spend in the horizon; measured where that is over."""
    with threadpool_limits(1), _within_bounds():
        return _lifetime_value(members)


def _lifetime_value(members: Population) -> documents.LifetimeValue:
    frequency, problem, log_likelihood = _frequency(members.facts)
    money = gamma_gamma.fit(paid_repeats(members.facts, members.currency))
    problems = [f"BG/NBD: {problem}"] * bool(problem) + [f"Gamma-Gamma: {money.problem}"] * bool(
        money.problem
    )
    spend = None
    if not money.problem:
        p, q, gamma = money.parameters
        spend = documents.SpendParameters(p=p, q=q, gamma=gamma)
    parameters: dict[str, Any] = {
        "currency": members.currency,
        "frequency": _frequency_parameters(frequency),
        "spend": spend,
        "typical": _typical(members.facts),
        "problem": "; ".join(problems),
    }
    fitted = documents.LifetimeValue(**members.common({}, documents.Drawn()), **parameters)
    scores = compiled(fitted).scores(members.facts)
    expected = purchases_of(frequency, repeats_of(members.facts), members.weeks)
    values = scores.values_bp / WHOLE_BP
    metrics: dict[str, float | None] = {
        "log_likelihood": log_likelihood,
        "log_likelihood_spend": money.log_likelihood,
        "foretold": float(expected.sum()),
        "value_foretold": float(values.sum()),
    }
    weeks: list[documents.Week] = []
    if members.later:
        came = _since(members, DAYS)
        spent = _since(members, SPENT)
        metrics |= {
            "actual": float(came.sum()),
            "correlation": _correlation(expected, came),
            "mean_absolute_error": float(np.abs(expected - came).mean()),
            "value_actual": float(spent.sum()),
            "value_correlation": _correlation(values, spent),
        }
        if scores.lows_bp is not None and scores.highs_bp is not None:
            inside = (scores.lows_bp <= spent * WHOLE_BP) & (spent * WHOLE_BP <= scores.highs_bp)
            metrics["value_within_bounds"] = float(inside.mean())
        weeks = [
            documents.Week(
                foretold=float(
                    purchases_of(frequency, repeats_of(members.facts), each.days / DAYS_PER_WEEK).sum()
                ),
                actual=float((np.nan_to_num(each.facts[DAYS]) - members.facts[DAYS]).sum()),
            )
            for each in members.later
        ]
    high = float(np.quantile(scores.values_bp, DRAWN_PART)) or 1.0
    drawn = documents.Drawn(
        weeks=tuple(weeks),
        **_histogram(scores.values_bp.astype(np.float64), 0.0, min(high, float(NUMBER_MAX))),
    )
    return documents.LifetimeValue(**members.common(metrics, drawn), **parameters)


def _since(members: Population, fact: str) -> Floats:
    return np.asarray(np.nan_to_num(members.later[-1].facts[fact]) - np.nan_to_num(members.facts[fact]))


def _correlation(expected: Floats, actual: Floats) -> float | None:
    if np.ptp(expected) == 0 or np.ptp(actual) == 0:
        return None
    return float(np.corrcoef(expected, actual)[0, 1])


def trained_value_segment(
    members: Population, count: int, before: documents.ValueSegment | None = None
) -> documents.ValueSegment:
    """The members divided, from the best down; beginning at the centres `before`, labels keep their meaning.

    TrainingError for more segments than there are different members.
    """
    rfm = rfm_of(members.facts[LAST], members.facts[DAYS], np.nan_to_num(members.facts[SPENT]))
    begun = None if before is None else _segments(before)
    try:
        with threadpool_limits(1):
            found = fit_segments(rfm, count, begun)
    except SegmentsInvalidError as error:
        raise TrainingError(str(error)) from error
    keys = labels_of(count)
    metrics: dict[str, float | None] = {"silhouette": found.silhouette}
    if before is not None and begun is not None:
        earlier = np.array([segment.key for segment in before.segments])[begun.of(rfm)]
        metrics["same_label_share"] = float((np.array(keys)[found.of(rfm)] == earlier).mean())
    groups = tuple(
        documents.Group(
            label=key,
            members=size,
            values={"days_since_last": days, "purchase_days": bought, "spent_minor": spent},
        )
        for key, size, (days, bought, spent) in zip(keys, found.sizes, found.typical().tolist(), strict=True)
    )
    segments = tuple(
        documents.SegmentCentre(key=key, name=_segment_name(key), centre=tuple(centre))
        for key, centre in zip(keys, found.centres.tolist(), strict=True)
    )
    return documents.ValueSegment(
        **members.common(metrics, documents.Drawn(groups=groups)),
        means=tuple(found.means.tolist()),
        scales=tuple(found.scales.tolist()),
        segments=segments,
    )


def _segments(document: documents.ValueSegment) -> Segments:
    centres = np.array([segment.centre for segment in document.segments])
    return Segments(np.array(document.means), np.array(document.scales), centres, (), 0.0)


def _segment_name(key: str) -> Text:
    if key in SEGMENT_NAMES:
        zh, en = SEGMENT_NAMES[key]
        return Text(zh=zh, en=en)
    number = key.rpartition("_")[2]
    return Text(zh=f"第{number}群", en=f"segment {number}")
