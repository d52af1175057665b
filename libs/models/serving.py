"""Scores by models: whole numbers of many members at once, and why, part by part.

Work is element by element and columns are added in a fixed order, so that any
batch, order of rows and replica gives the same bits. Nothing here learns:
numpy and scipy are enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from libs.common.currencies import minor_per_major
from libs.common.documents import NUMBER_MAX, WHOLE_BP
from libs.models import documents
from libs.models.bgnbd import BgNbd
from libs.models.centres import SIGNS, Segments, rfm_of
from libs.models.documents import DAYS, FIRST, LAST, PURCHASE_FACTS, SPENT, ModelDocument
from libs.models.features import FEATURES
from libs.models.gamma_gamma import GammaGamma
from libs.models.lifetime import INSIDE, historic_purchases
from libs.models.purchases import DAYS_PER_WEEK, Repeats
from libs.models.redundancy import Kept
from libs.models.scorers import Boosted, Said, Tree, Weighed, inputs_of, log_odds_of

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Labels: TypeAlias = NDArray[np.int8]
Present: TypeAlias = NDArray[np.bool_]
Columns: TypeAlias = Mapping[str, Floats]

NO_VALUE = -(2**63)
NO_LABEL = -1
NO_PURCHASES = "NO_PURCHASES"
CENTRE = "centre"
"""The contribution that is where others are counted from, and the rest of rounding."""
RHYTHM = "bgnbd"
"""What BG/NBD says of a member as one input of others."""
_RHYTHM_NAMES = ("购买规律（BG/NBD）", "the rhythm of purchases (BG/NBD)")
# Nobody has bought on more days, or for longer: 274 years.
DAYS_MAX = 100_000
LAPSE_INTERVALS_MIN = 2.0
"""So many intervals of a member's own without a purchase are told as a decay of behaviour."""
REASONS_UP_MAX, REASONS_DOWN_MAX = 3, 2
TOLD_BP_MIN = 100
"""What changes a value by less is no reason: texts tell whole percents. Of money it is one minor unit."""
_VALUE_MAX = 9e18
_SAME_ODDS = 1e-9


@dataclass(frozen=True, slots=True)
class ModelScores:
    """Rows alike: values, their bounds where the kind has some, and places in `label_keys`.

    NO_VALUE and NO_LABEL where there is no score.
    """

    values_bp: Integers
    labels: Labels
    lows_bp: Integers | None = None
    highs_bp: Integers | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one input adds to the value. `factor` is a feature, `fact` the first fact that it reads.

    `value` is that of the fact, 0 where it is missing; the centre and BG/NBD's own have no fact.
    """

    factor: str
    fact: str
    value: int
    missing: bool
    contribution_bp: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of texts.py with the parameters of its text."""

    code: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a member has this value; the contributions add up to it. Or why there is none."""

    contributions: tuple[Contribution, ...] = ()
    reasons: tuple[Reason, ...] = ()
    absent_reason: str = ""


class CompiledModel(Protocol):
    """A model that is ready to score. Columns are facts, (members,), NaN where there is none.

    Facts that are not among the columns are missing for everybody; any float is borne.
    """

    @property
    def kind(self) -> str:
        """Example: `churn`."""

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""

    @property
    def label_keys(self) -> tuple[str, ...]:
        """What labels are called, by their places."""

    def scores(self, columns: Columns) -> ModelScores:
        """The scores of all rows."""

    def explained(self, columns: Columns) -> list[Explained]:
        """Why, row by row."""


def compiled(document: ModelDocument) -> CompiledModel:
    """A model made ready."""
    match document:
        case documents.Churn():
            return _Churn(document)
        case documents.LifetimeValue():
            return _LifetimeValue(document)
        case documents.ValueSegment():
            return _ValueSegment(document)


def cleaned(columns: Columns, facts: Sequence[str]) -> dict[str, Floats]:
    """Facts as models read them: whole numbers within bounds, or NaN. Training reads the same."""
    rows_count = len(next(iter(columns.values())))
    found = {}
    for fact in facts:
        if fact not in columns:
            found[fact] = np.full(rows_count, np.nan)
            continue
        whole = np.trunc(np.ascontiguousarray(columns[fact], np.float64))
        are_days = "days_since" in fact or "distinct_days" in fact
        found[fact] = whole.clip(0, DAYS_MAX) if are_days else whole.clip(-NUMBER_MAX, NUMBER_MAX)
    return found


def have_purchased(facts: Columns) -> Present:
    """Who has a day with a purchase, (members,); the others have no score."""
    known = ~np.isnan(facts[FIRST]) & ~np.isnan(facts[LAST])
    return np.asarray(known & (facts[DAYS] >= 1))


def repeats_of(facts: Columns) -> Repeats:
    """What BG/NBD reads, of who has purchased; it reads no spend, and `value` is 0."""
    days, first, last = facts[DAYS], facts[FIRST], facts[LAST]
    return Repeats(
        frequency=days - 1,
        recency=np.maximum(first - last, 0) / DAYS_PER_WEEK,
        age=first / DAYS_PER_WEEK,
        value=np.zeros(len(days)),
    )


def paid_repeats(facts: Columns, currency: str) -> Repeats:
    """What Gamma-Gamma reads: each day with a purchase counts for the mean, the first one too.

    Net spend is known as a sum over all days, and not without the first.
    """
    repeats, value = repeats_of(facts), _mean_spent(facts) / minor_per_major(currency)
    return Repeats(repeats.frequency + 1, repeats.recency, repeats.age, value)


def _mean_spent(facts: Columns) -> Floats:
    """Minor units, (members,), of each day with a purchase so far."""
    spent: Floats = np.maximum(np.nan_to_num(facts[SPENT]), 0)
    return spent / np.maximum(facts[DAYS], 1)


def purchases_of(frequency: BgNbd | None, repeats: Repeats, weeks: float) -> Floats:
    """Purchase days that are expected, (members,); at the members' own rates without a model."""
    if frequency is None:
        return np.asarray(historic_purchases(repeats, weeks), np.float64)
    return np.nan_to_num(frequency.expected(repeats, weeks))


def _rows(facts: Columns, rows: Present) -> dict[str, Floats]:
    return {fact: column[rows] for fact, column in facts.items()}


def _whole(values: Floats) -> Integers:
    rounded: Floats = np.rint(np.nan_to_num(values).clip(-_VALUE_MAX, _VALUE_MAX))
    return rounded.astype(np.int64)


def _filled(present: Present, values: Integers) -> Integers:
    filled = np.full(len(present), NO_VALUE, np.int64)
    filled[present] = values
    return filled


def _labelled(present: Present, places: NDArray[np.intp]) -> Labels:
    filled = np.full(len(present), NO_LABEL, np.int8)
    filled[present] = places
    return filled


def _frequency(parameters: documents.FrequencyParameters | None) -> BgNbd | None:
    return None if parameters is None else BgNbd(parameters.r, parameters.alpha, parameters.a, parameters.b)


def _typical(typical: documents.Typical) -> dict[str, float]:
    return {
        DAYS: typical.purchase_days,
        FIRST: typical.days_since_first,
        LAST: typical.days_since_last,
        SPENT: typical.spent_minor,
    }


def _one_by_one(
    typical: Mapping[str, float], facts: Columns, order: Sequence[str]
) -> list[dict[str, Floats]]:
    """The typical member for every row, then the row's own facts, one more at a time."""
    at = {fact: np.full(len(facts[DAYS]), value) for fact, value in typical.items()}
    steps = [dict(at)]
    for fact in order:
        at[fact] = facts[fact]
        steps.append(dict(at))
    return steps


def _factor_params(factor: str) -> dict[str, str]:
    feature = FEATURES.get(factor)
    zh, en = _RHYTHM_NAMES if feature is None else (feature.zh, feature.en)
    return {"factor": factor, "factor_zh": zh, "factor_en": en}


def _told(contributions: Sequence[Contribution], prefix: str, unit: Mapping[str, str]) -> list[Reason]:
    """What raises the value most, and then what lowers it most; nothing that a text would tell as nothing."""
    least = WHOLE_BP if "currency" in unit else TOLD_BP_MIN
    known = [each for each in contributions if each.factor != CENTRE and abs(each.contribution_bp) >= least]
    up = sorted((each for each in known if each.contribution_bp > 0), key=lambda each: -each.contribution_bp)
    down = sorted((each for each in known if each.contribution_bp < 0), key=lambda each: each.contribution_bp)
    said = [(f"{prefix}_RAISED_BY", each) for each in up[:REASONS_UP_MAX]]
    said += [(f"{prefix}_LOWERED_BY", each) for each in down[:REASONS_DOWN_MAX]]
    return [
        Reason(code, _factor_params(each.factor) | _amount(abs(each.contribution_bp), unit))
        for code, each in said
    ]


def _amount(value_bp: int, unit: Mapping[str, str]) -> dict[str, str]:
    """A contribution as its text shows it: money in minor units with its currency, else basis points."""
    if "currency" in unit:
        return {"value": str(round(value_bp / WHOLE_BP)), **unit}
    return {f"{unit['bp']}_bp": str(value_bp)}


class _Compiled:
    """What kinds share: who has a score, and rows of contributions."""

    kind: str
    facts: tuple[str, ...]
    label_keys: tuple[str, ...] = ()
    prefix: str
    unit: Mapping[str, str]

    def explained(self, columns: Columns) -> list[Explained]:
        """Why, row by row."""
        facts = cleaned(columns, self.facts)
        present = have_purchased(facts)
        rows = np.flatnonzero(present)
        reason = Reason(NO_PURCHASES, {"fact": DAYS})
        found = [Explained(reasons=(reason,), absent_reason=NO_PURCHASES)] * len(present)
        if not len(rows):
            return found
        own = _rows(facts, present)
        with np.errstate(all="ignore"):
            values, factors, parts = self._parts(own)
        for place, row in enumerate(rows):
            found[row] = self._explained(int(values[place]), factors, parts[place], _row(own, place))
        return found

    def _parts(self, facts: Columns) -> tuple[Integers, Sequence[str], Integers]:
        """The value, (members,), the names of inputs, and what each adds to it, (members, inputs)."""
        raise NotImplementedError

    def _explained(
        self, value: int, factors: Sequence[str], parts: Integers, facts: Mapping[str, float]
    ) -> Explained:
        added = [int(part) for part in parts]
        centre = Contribution(CENTRE, "", 0, missing=False, contribution_bp=value - sum(added))
        inputs = [_contribution(name, part, facts) for name, part in zip(factors, added, strict=True)]
        reasons = _told(inputs, self.prefix, self.unit)
        return Explained((centre, *inputs), (*reasons, *self._more(facts)))

    def _more(self, facts: Mapping[str, float]) -> list[Reason]:
        return []


def _row(facts: Columns, place: int) -> dict[str, float]:
    return {fact: float(column[place]) for fact, column in facts.items()}


def _contribution(factor: str, part: int, facts: Mapping[str, float]) -> Contribution:
    fact = FEATURES[factor].formula.facts[0] if factor in FEATURES else ""
    value = facts.get(fact, 0.0)
    missing = bool(np.isnan(value))
    return Contribution(factor, fact, 0 if missing else int(value), missing, part)


class _Churn(_Compiled):
    """The probability of no purchase, in basis points; labels are bands, from the likeliest down."""

    prefix, unit = "CHURN", MappingProxyType({"bp": "share"})

    def __init__(self, document: documents.Churn) -> None:
        self.kind, self.facts = document.kind, document.facts
        self.label_keys = tuple(band.key for band in document.bands)
        self._bottoms = np.array([band.from_bp for band in document.bands])
        self._kept = Kept(
            tuple(each.name for each in document.kept), np.array([each.missing for each in document.kept])
        )
        self._frequency = _frequency(document.frequency)
        self._weeks = document.horizon_days / DAYS_PER_WEEK
        self._typical = _typical(document.typical)
        self._scorer = scorer_of(document.scorer)
        self._slope, self._shift = document.slope, document.shift

    def scores(self, columns: Columns) -> ModelScores:
        """Probabilities and bands."""
        facts = cleaned(columns, self.facts)
        present = have_purchased(facts)
        with np.errstate(all="ignore"):
            values = _whole(self.probability(_rows(facts, present)) * WHOLE_BP)
        places = (self._bottoms[:, None] > values).sum(axis=0)
        return ModelScores(_filled(present, values), _labelled(present, places))

    def probability(self, facts: Columns) -> Floats:
        """The probability, (members,), of who has purchased, by facts that are cleaned."""
        return self._calibrated(self._scorer.log_odds(self._inputs(facts)))

    def _calibrated(self, odds: Floats) -> Floats:
        return np.asarray(expit(self._slope * odds + self._shift), np.float64)

    def _no_purchase(self, facts: Columns) -> Floats:
        return np.exp(-purchases_of(self._frequency, repeats_of(facts), self._weeks))

    def _inputs(self, facts: Columns) -> Floats:
        return inputs_of(facts, self._kept, self._no_purchase(facts))

    def _parts(self, facts: Columns) -> tuple[Integers, Sequence[str], Integers]:
        """The split of Aumann and Shapley: each input's part of the log-odds, at the slope of the line."""
        inputs = self._inputs(facts)
        if isinstance(self._scorer, Said):
            steps = _one_by_one(self._typical, facts, PURCHASE_FACTS)
            said = [log_odds_of(self._no_purchase(step)) for step in steps]
            factors: Sequence[str] = PURCHASE_FACTS
            centre, parts = said[0], np.diff(np.column_stack(said), axis=1)
        else:
            factors = (*self._kept.names, RHYTHM)
            centre = np.full(len(inputs), self._scorer.centre)
            parts = self._scorer.parts(inputs)
        odds = self._scorer.log_odds(inputs)
        there, here = self._calibrated(odds), self._calibrated(centre)
        away = self._slope * (odds - centre)
        steep = np.where(np.abs(away) > _SAME_ODDS, (there - here) / away, here * (1 - here))
        return _whole(there * WHOLE_BP), factors, _whole(self._slope * parts * steep[:, None] * WHOLE_BP)

    def _more(self, facts: Mapping[str, float]) -> list[Reason]:
        days, first, last = facts[DAYS], facts[FIRST], facts[LAST]
        interval = max(first - last, 0) / (days - 1) if days > 1 else first + 1
        lapse = last / (interval + 1)
        if lapse < LAPSE_INTERVALS_MIN:
            return []
        params = {"value": str(int(last)), "interval": f"{interval:.0f}", "times": f"{lapse:.1f}"}
        return [Reason("DECAY_OF_BEHAVIOUR", params)]


def scorer_of(
    parameters: documents.Logistic | documents.Trees | documents.FrequencyAlone,
) -> Weighed | Boosted | Said:
    """What evaluates these numbers."""
    match parameters:
        case documents.Logistic():
            return Weighed(
                np.array(parameters.means),
                np.array(parameters.scales),
                np.array(parameters.weights),
                parameters.bias,
            )
        case documents.Trees():
            return Boosted(parameters.bias, [_tree(each) for each in parameters.trees])
        case documents.FrequencyAlone():
            return Said()


def _tree(nodes: documents.Nodes) -> Tree:
    return Tree(
        np.array(nodes.feature, np.int64),
        np.array(nodes.threshold, np.float64),
        np.array(nodes.below, np.int64),
        np.array(nodes.above, np.int64),
        np.array(nodes.value, np.float64),
    )


class _LifetimeValue(_Compiled):
    """What a member will spend in the horizon, in minor units, and between which bounds."""

    prefix = "VALUE"
    _ORDER = (*PURCHASE_FACTS, SPENT)

    def __init__(self, document: documents.LifetimeValue) -> None:
        self.kind, self.facts = document.kind, document.facts
        self.unit = {"currency": document.currency}
        self._currency = document.currency
        self._frequency = _frequency(document.frequency)
        spend = document.spend
        self._spend = None if spend is None else GammaGamma(spend.p, spend.q, spend.gamma)
        self._weeks = document.horizon_days / DAYS_PER_WEEK
        self._typical = _typical(document.typical)

    def scores(self, columns: Columns) -> ModelScores:
        """Values with their bounds, where purchases are foretold by a model."""
        facts = cleaned(columns, self.facts)
        present = have_purchased(facts)
        with np.errstate(all="ignore"):
            own = _rows(facts, present)
            values = _whole(self._values(own))
            lows, highs = self._bounds(own)
        labels = np.full(len(present), NO_LABEL, np.int8)
        if lows is None or highs is None:
            return ModelScores(_filled(present, values), labels)
        low, high = np.minimum(_whole(lows), values), np.maximum(_whole(highs), values)
        return ModelScores(_filled(present, values), labels, _filled(present, low), _filled(present, high))

    def _values(self, facts: Columns) -> Floats:
        repeats = repeats_of(facts)
        return purchases_of(self._frequency, repeats, self._weeks) * self._spent(facts) * WHOLE_BP

    def _spent(self, facts: Columns) -> Floats:
        """Minor units, (members,), per purchase day."""
        if self._spend is None:
            return _mean_spent(facts)
        expected = self._spend.expected(paid_repeats(facts, self._currency))
        return np.asarray(expected * minor_per_major(self._currency), np.float64)

    def _bounds(self, facts: Columns) -> tuple[Floats | None, Floats | None]:
        if self._frequency is None:
            return None, None
        repeats = repeats_of(facts)
        tail, spent = (1 - INSIDE) / 2, self._spent(facts) * WHOLE_BP
        low = self._frequency.quantile(tail, repeats, self._weeks)
        return low * spent, self._frequency.quantile(1 - tail, repeats, self._weeks) * spent

    def _parts(self, facts: Columns) -> tuple[Integers, Sequence[str], Integers]:
        """One input after the other, from the typical member on."""
        steps = [_whole(self._values(step)) for step in _one_by_one(self._typical, facts, self._ORDER)]
        parts = [after - before for before, after in pairwise(steps)]
        return steps[-1], self._ORDER, np.column_stack(parts)


class _ValueSegment(_Compiled):
    """The worth that segments are ordered by, and the segment of the nearest centre."""

    prefix, unit = "SEGMENT", MappingProxyType({"bp": "contribution"})
    _ORDER = (LAST, DAYS, SPENT)

    def __init__(self, document: documents.ValueSegment) -> None:
        self.kind, self.facts = document.kind, document.facts
        self.label_keys = tuple(segment.key for segment in document.segments)
        self._segments = Segments(
            np.array(document.means),
            np.array(document.scales),
            np.array([segment.centre for segment in document.segments]),
            (),
            0.0,
        )

    def scores(self, columns: Columns) -> ModelScores:
        """Worths and segments."""
        facts = cleaned(columns, self.facts)
        present = have_purchased(facts)
        own = _rows(facts, present)
        values, _, _ = self._parts(own)
        return ModelScores(_filled(present, values), _labelled(present, self._segments.of(self._rfm(own))))

    def _rfm(self, facts: Columns) -> Floats:
        return rfm_of(facts[LAST], facts[DAYS], np.nan_to_num(facts[SPENT]))

    def _parts(self, facts: Columns) -> tuple[Integers, Sequence[str], Integers]:
        worths = self._segments.scaled(self._rfm(facts)) * np.array(SIGNS)
        values = _whole((worths[:, 0] + worths[:, 1] + worths[:, 2]) * WHOLE_BP)
        return values, self._ORDER, _whole(worths * WHOLE_BP)
