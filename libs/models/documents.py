"""Models as documents: plain numbers in strict, bounded parts, read from JSON and never unpickled.

`kind` says which of `churn`, `lifetime_value` and `value_segment` a document
is. Its canonical form is that of RFC 8785, and its digest that of these bytes,
so that equal models have equal digests.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from libs.common.currencies import CURRENCIES
from libs.common.documents import NUMBER_MAX, WHOLE_BP, Key, Part, Text, problems, unique
from libs.models.features import FEATURES, LIFETIME, VERSION

CHURN, LIFETIME_VALUE, VALUE_SEGMENT = "churn", "lifetime_value", "value_segment"
BYTES_MAX = 1 << 20
FACTS_MAX = 50
"""So many facts are read at once."""
FEATURES_MAX = 100
TREES_MAX, NODES_MAX = 200, 63
BANDS_MAX, SEGMENTS_MAX = 10, 20
WEEKS_MAX, BINS_MAX, METRICS_MAX = 520, 100, 40
MEMBERS_MAX = 10**9
HORIZON_DAYS_MAX = 3650
# From here on JSON of JavaScript writes numbers with an exponent, and below the other.
_LARGE_DIGITS, _SMALL_DIGITS = 21, -6

FIRST, LAST = "purchase.days_since_first", "purchase.days_since_last"
DAYS = f"purchase.distinct_days.{LIFETIME}"
SPENT = f"purchase.amount_minor.{LIFETIME}"
PURCHASE_FACTS = (DAYS, FIRST, LAST)
LABEL_FACT = f"purchase.count.{LIFETIME}"
LATER_FACTS = (DAYS, SPENT, LABEL_FACT)
"""What tells of later days what came."""
"""What tells whether a member has purchased, and what BG/NBD reads."""

Number = Annotated[float, Field(ge=-NUMBER_MAX, le=NUMBER_MAX, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=1e-9, le=NUMBER_MAX, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Members = Annotated[int, Field(ge=0, le=MEMBERS_MAX)]
Three = tuple[Number, Number, Number]


class ModelInvalidError(ValueError):
    """A document that is no model; `fields` tells what is wrong, by path."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {text}" for path, text in fields.items()))
        self.fields = fields


class Fraction(Part):
    """A bin of calibration: how many members, what was said on average, and what came."""

    count: Members
    said: Share
    came: Share


class Week(Part):
    """The end of a week after the cut-off: what was foretold of everybody by then, and what came."""

    foretold: Number
    actual: Number


class Group(Part):
    """Members with a label: how many, and what is typical of them."""

    label: Key
    members: Members
    values: dict[str, Number] = Field(default_factory=dict, max_length=10)


class Drawn(Part):
    """What a report draws of a model, as training found it.

    `histogram`: members by value, in bins of equal width from `low` to `high`, both as the score's value.
    """

    calibration: tuple[Fraction, ...] = Field(default=(), max_length=BINS_MAX)
    weeks: tuple[Week, ...] = Field(default=(), max_length=WEEKS_MAX)
    groups: tuple[Group, ...] = Field(default=(), max_length=SEGMENTS_MAX)
    histogram: tuple[Members, ...] = Field(default=(), max_length=BINS_MAX)
    low: Number = 0.0
    high: Number = 0.0


class _Document(Part):
    """What all models say: whose they are, and what they were trained on, up to which day."""

    program_id: str = Field(min_length=1, max_length=64)
    features: Literal["features/v1"] = "features/v1"
    as_of: date
    horizon_days: int = Field(ge=1, le=HORIZON_DAYS_MAX)
    members_count: Members
    data_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    metrics: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,62}$")], Number] = Field(
        default_factory=dict, max_length=METRICS_MAX
    )
    drawn: Drawn = Drawn()

    def canonical(self) -> bytes:
        """The document as JSON in the form of RFC 8785."""
        return _written(self.model_dump(mode="json")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()


class FrequencyParameters(Part):
    """BG/NBD: `alpha` in weeks, the others without unit."""

    r: Positive
    alpha: Positive
    a: Positive
    b: Positive


class SpendParameters(Part):
    """Gamma-Gamma: `gamma` in major units of the currency, the others without unit."""

    p: Positive
    q: Annotated[float, Field(gt=1, le=NUMBER_MAX, allow_inf_nan=False)]
    gamma: Positive


class Typical(Part):
    """The member that explanations begin at: the medians of training."""

    purchase_days: Annotated[float, Field(ge=1, le=1e5, allow_inf_nan=False)]
    days_since_first: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)]
    days_since_last: Annotated[float, Field(ge=0, le=1e5, allow_inf_nan=False)]
    spent_minor: Number


class KeptFeature(Part):
    """A feature that is read, and what stands for it where a member has none."""

    name: str
    missing: Number

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FEATURES:
            raise ValueError(f"{VERSION} has no such feature")
        return name


class Logistic(Part):
    """Logistic regression on standardised inputs: the kept features, and BG/NBD's log-odds last."""

    method: Literal["logistic"] = "logistic"
    means: tuple[Number, ...] = Field(max_length=FEATURES_MAX + 1)
    scales: tuple[Positive, ...] = Field(max_length=FEATURES_MAX + 1)
    weights: tuple[Weight, ...] = Field(max_length=FEATURES_MAX + 1)
    bias: Weight

    def problems_with(self, inputs: int) -> Iterator[str]:
        """What does not fit so many inputs."""
        for name, column in (("means", self.means), ("scales", self.scales), ("weights", self.weights)):
            if len(column) != inputs:
                yield f"{name} has {len(column)} numbers, and there are {inputs} inputs"


class Nodes(Part):
    """A tree: of each node which input (-1: a leaf) is compared with what, where to go on, and its value."""

    feature: tuple[Annotated[int, Field(ge=-1, le=FEATURES_MAX)], ...] = Field(
        min_length=1, max_length=NODES_MAX
    )
    threshold: tuple[Number, ...] = Field(max_length=NODES_MAX)
    below: tuple[Annotated[int, Field(ge=0, lt=NODES_MAX)], ...] = Field(max_length=NODES_MAX)
    above: tuple[Annotated[int, Field(ge=0, lt=NODES_MAX)], ...] = Field(max_length=NODES_MAX)
    value: tuple[Weight, ...] = Field(max_length=NODES_MAX)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        count = len(self.feature)
        if {len(self.threshold), len(self.below), len(self.above), len(self.value)} != {count}:
            raise ValueError(f"a tree of {count} nodes needs as many of each number")
        for place, feature in enumerate(self.feature):
            further = (self.below[place], self.above[place])
            if feature >= 0 and not all(place < each < count for each in further):
                raise ValueError(f"node {place}: the nodes that follow a node stand after it")
        return self


class Trees(Part):
    """Gradient boosted trees over the kept features, and BG/NBD's log-odds as the last input."""

    method: Literal["trees"] = "trees"
    bias: Weight
    trees: tuple[Nodes, ...] = Field(min_length=1, max_length=TREES_MAX)

    def problems_with(self, inputs: int) -> Iterator[str]:
        """What does not fit so many inputs."""
        for place, tree in enumerate(self.trees):
            if max(tree.feature) >= inputs:
                yield f"trees[{place}] compares input {max(tree.feature)}, and there are {inputs} inputs"


class FrequencyAlone(Part):
    """BG/NBD's own probability."""

    method: Literal["bgnbd"] = "bgnbd"

    def problems_with(self, inputs: int) -> Iterator[str]:
        """What does not fit so many inputs."""
        if inputs != 1:
            yield "bgnbd reads no features"


class Band(Part):
    """A band of probability: what it is called, and from which one on, in basis points."""

    key: Key
    name: Text
    from_bp: int = Field(ge=0, le=WHOLE_BP)


class Churn(_Document):
    """The probability of no purchase in the horizon.

    `kept` features are what `scorer` reads, and then BG/NBD's log-odds, by `frequency`, or by historic rates
    where that is null. `slope` and `shift` calibrate its log-odds. `bands` from the likeliest down.
    """

    kind: Literal["churn"] = "churn"
    kept: tuple[KeptFeature, ...] = Field(max_length=FEATURES_MAX)
    frequency: FrequencyParameters | None
    typical: Typical
    scorer: Annotated[Logistic | Trees | FrequencyAlone, Field(discriminator="method")]
    slope: Weight
    shift: Weight
    bands: tuple[Band, ...] = Field(min_length=1, max_length=BANDS_MAX)

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads of members, each once."""
        read = (fact for each in self.kept for fact in FEATURES[each.name].formula.facts)
        return tuple(dict.fromkeys([*PURCHASE_FACTS, *read]))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unique("kept features", [each.name for each in self.kept])
        unique("bands", [each.key for each in self.bands])
        for problem in self.scorer.problems_with(len(self.kept) + 1):
            raise ValueError(f"scorer: {problem}")
        if len(self.facts) > FACTS_MAX:
            raise ValueError(f"kept: {len(self.facts)} facts are read, {FACTS_MAX} at most can be")
        bottoms = [each.from_bp for each in self.bands]
        if bottoms != sorted(set(bottoms), reverse=True) or bottoms[-1] != 0:
            raise ValueError("bands: from the likeliest down to one from 0")
        return self


class LifetimeValue(_Document):
    """What a member is worth in the horizon, in minor units of the currency.

    Purchases by `frequency` and spend by `spend`; where one of them is null,
    `problem` says why, and the member's own rate and mean serve.
    """

    kind: Literal["lifetime_value"] = "lifetime_value"
    currency: str
    frequency: FrequencyParameters | None
    spend: SpendParameters | None
    typical: Typical
    problem: str = Field(default="", max_length=500)

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads of members, each once."""
        return (*PURCHASE_FACTS, SPENT)

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, code: str) -> str:
        if code not in CURRENCIES:
            raise ValueError("no currency code of ISO 4217")
        return code

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if bool(self.problem) != (self.frequency is None or self.spend is None):
            raise ValueError("problem: says why, where `frequency` or `spend` is null, and nowhere else")
        return self


class SegmentCentre(Part):
    """A segment: what it is called, and its centre in `means` and `scales`."""

    key: Key
    name: Text
    centre: Three


class ValueSegment(_Document):
    """Segments from the best down, by logarithms of days since the last purchase, purchase days and spend."""

    kind: Literal["value_segment"] = "value_segment"
    means: Three
    scales: tuple[Positive, Positive, Positive]
    segments: tuple[SegmentCentre, ...] = Field(min_length=2, max_length=SEGMENTS_MAX)

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads of members, each once."""
        return (*PURCHASE_FACTS, SPENT)

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        unique("segments", [each.key for each in self.segments])
        return self


# What unions put into paths: the kind at the beginning, and the method after the scorer.
_TAGS = re.compile(
    r"^(?:churn|lifetime_value|value_segment)(?:\.|$)|(scorer\.)(?:logistic|trees|bgnbd)(?:\.|$)"
)

ModelDocument = Churn | LifetimeValue | ValueSegment
_ADAPTER: TypeAdapter[ModelDocument] = TypeAdapter(Annotated[ModelDocument, Field(discriminator="kind")])


def parse(document: bytes) -> ModelDocument:
    """The model of a document. ModelInvalidError names what is wrong, by path."""
    if len(document) > BYTES_MAX:
        raise ModelInvalidError({"document": f"has {len(document):,} bytes, {BYTES_MAX:,} at most can be"})
    try:
        return _ADAPTER.validate_json(document, strict=True)
    except ValidationError as error:
        raise ModelInvalidError(_named(error)) from None


def _named(error: ValidationError) -> Mapping[str, str]:
    """Problems by path, without the tags of unions."""
    found = {}
    for path, text in problems(error).items():
        name = _TAGS.sub(r"\1", path).removesuffix(".")
        found[name or "document"] = text
    return found


def _written(value: Any) -> str:
    """JSON in the form of RFC 8785, of texts, numbers, lists and objects; keys are ASCII."""
    match value:
        case dict():
            return "{" + ",".join(f"{_written(key)}:{_written(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_written, value)) + "]"
        case float():
            return _number(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A finite number as JavaScript writes it (ECMA-262, Number::toString).

    >>> [_number(each) for each in (1.0, -0.0, 0.1, 1e21, 1e-7, 1.5e-6)]
    ['1', '0', '0.1', '1e+21', '1e-7', '0.0000015']
    """
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), "numbers are finite"
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if _SMALL_DIGITS < point <= _LARGE_DIGITS:
        if exponent >= 0:
            shown = text + "0" * exponent
        else:
            shown = f"{text[:point]}.{text[point:]}" if point > 0 else f"0.{'0' * -point}{text}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        shown = f"{text[0]}{fraction}e{point - 1:+d}"
    return f"-{shown}" if sign else shown
