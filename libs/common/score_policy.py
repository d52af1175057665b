"""Score policies of a program: RFM, and scorecards of facts that are normalised, weighed and banded."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from libs.common.documents import WHOLE_BP, Count, Key, Part, Text, unique
from libs.common.pairwise import CONSISTENCY_END, SIZE_MAX, Weighed, weighed
from libs.common.scale_policy import Dimension, FactName, Weight

RFM = "rfm"
RFM_NAMES = {
    "recency": Text(zh="最近消费", en="Recency"),
    "frequency": Text(zh="消费频次", en="Frequency"),
    "monetary": Text(zh="消费金额", en="Money"),
}
# What every score has beside its dimensions.
PARTS_OF_SCORES = frozenset({"link", "total_bp", "label"})
RFM_TOTAL_MAX_BP = 5 * WHOLE_BP
# The answer to a frame of 20,000 rows with the points of so many cards fits into a message.
SCORECARDS_MAX = 12
# As many as a frame has columns.
SCORE_FACTS_MAX = 50
INDUSTRY_MAX_BP = 3 * WHOLE_BP

RfmCuts = Annotated[tuple[Count, ...], Field(min_length=4, max_length=4)]
PolicyVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class Label(Part):
    """A name for totals from a threshold on, up to the label before."""

    key: Key
    name: Text
    min_total_bp: int = Field(ge=0, le=RFM_TOTAL_MAX_BP)


Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=20)]


def _require_bands(what: str, labels: Sequence[Label]) -> None:
    unique(what, [label.key for label in labels])
    thresholds = [label.min_total_bp for label in labels]
    if thresholds != sorted(set(thresholds), reverse=True) or thresholds[-1] != 0:
        raise ValueError(f"min_total_bp of the {what} descends, down to 0")


class RfmWeights(Part):
    """What each factor weighs; 10,000 in all."""

    recency: Weight
    frequency: Weight
    monetary: Weight

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.recency + self.frequency + self.monetary != WHOLE_BP:
            raise ValueError(f"the weights do not add up to {WHOLE_BP}")
        return self


class Rfm(Part):
    """Recency, frequency and monetary scores of 1 to 5 by fixed cuts, weighed and labelled."""

    cuts_version: PolicyVersion
    recency_fact: FactName = "purchase.days_since_last"
    frequency_fact: FactName = "purchase.count.lifetime"
    monetary_fact: FactName = "purchase.amount_minor.lifetime"
    recency_cuts: RfmCuts
    frequency_cuts: RfmCuts
    monetary_cuts: RfmCuts
    weights_bp: RfmWeights
    labels: Labels

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for cuts in (self.recency_cuts, self.frequency_cuts, self.monetary_cuts):
            if list(cuts) != sorted(set(cuts)):
                raise ValueError("the cuts of each factor ascend, and no two are the same")
        _require_bands("labels", self.labels)
        return self

    @property
    def name(self) -> Text:
        """What it is called."""
        return Text(zh="RFM", en="RFM")

    @property
    def factor_names(self) -> Mapping[str, Text]:
        """What its factors are called, by key."""
        return RFM_NAMES

    @property
    def factors(self) -> tuple[str, ...]:
        """What it is made of."""
        return tuple(RFM_NAMES)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it reads."""
        return (self.recency_fact, self.frequency_fact, self.monetary_fact)


class LogisticLink(Part):
    """Totals as an S: a half at `midpoint_bp`, 73 % one spread above it."""

    kind: Literal["logistic"]
    midpoint_bp: int = Field(ge=0, le=INDUSTRY_MAX_BP)
    spread_bp: int = Field(ge=1, le=INDUSTRY_MAX_BP)


def _as_text(judgement: Any) -> Any:
    return str(judgement) if type(judgement) is int else judgement


Judgement = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[1-9](/[1-9])?$")]
Judgements = Annotated[tuple[Judgement, ...], Field(max_length=SIZE_MAX)]


def _matrix(judgements: Sequence[Sequence[str]]) -> list[list[Fraction]]:
    return [[Fraction(each) for each in row] for row in judgements]


@lru_cache(maxsize=256)
def _weighed(judgements: tuple[tuple[str, ...], ...]) -> Weighed:
    """Some milliseconds for ten dimensions, for a document that is checked and then compiled."""
    return weighed(_matrix(judgements), WHOLE_BP)


class Scorecard(Part):
    """Points of several facts, weighed, added up and banded.

    The weights are those of the dimensions, or follow from `judgements`: how
    many times each dimension weighs what each other one does, rows and columns
    in their order. Who lacks the fact that `requires` names has no score.
    """

    key: Key
    version: PolicyVersion
    name: Text
    requires: FactName | None = None
    dimensions: tuple[Dimension, ...] = Field(min_length=1, max_length=SIZE_MAX)
    judgements: Annotated[tuple[Judgements, ...], Field(max_length=SIZE_MAX)] | None = None
    industry_bp: int = Field(default=WHOLE_BP, ge=1, le=INDUSTRY_MAX_BP)
    link: LogisticLink | None = None
    bands: Labels

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.key == RFM:
            raise ValueError(f"{RFM} is the key of RFM itself")
        unique("dimensions", self.factors)
        if taken := sorted(PARTS_OF_SCORES & set(self.factors)):
            raise ValueError(f"dimensions have keys that every score has: {', '.join(taken)}")
        _require_bands("bands", self.bands)
        if self.bands[0].min_total_bp > (self.industry_bp if self.link is None else WHOLE_BP):
            raise ValueError("the highest band begins above all totals")
        self._require_weights()
        return self

    def _require_weights(self) -> None:
        given = [each.weight_bp for each in self.dimensions if each.weight_bp is not None]
        if self.judgements is None:
            if len(given) != len(self.dimensions) or sum(given) != WHOLE_BP:
                raise ValueError(f"the weights do not add up to {WHOLE_BP}")
            return
        if given:
            raise ValueError("weights are either given by weight_bp or follow from judgements")
        self._require_matrix(_matrix(self.judgements))
        self._require_consistent()

    def _require_matrix(self, matrix: list[list[Fraction]]) -> None:
        keys = self.factors
        if [len(row) for row in matrix] != [len(keys)] * len(keys):
            raise ValueError(f"judgements are {len(keys)} rows of {len(keys)}, one for each dimension")
        for row, one in enumerate(keys):
            for column, other in enumerate(keys[: row + 1]):
                if matrix[row][column] * matrix[column][row] != 1:
                    raise ValueError(
                        f"judgements: {one} over {other} is {matrix[row][column]}, which is not {other} over "
                        f"{one} turned over, {1 / matrix[column][row]}"
                    )

    def _require_consistent(self) -> None:
        found, keys = _weighed(self.judgements or ()), self.factors
        if found.consistency >= CONSISTENCY_END:
            worst = found.worst
            said = _matrix(self.judgements or ())[worst.row][worst.column]
            raise ValueError(
                f"judgements contradict: consistency ratio {found.consistency:.2f}, not below "
                f"{CONSISTENCY_END}; worst: {keys[worst.row]} over {keys[worst.column]} is {said}, "
                f"by the others {worst.others:.2f}"
            )

    @property
    def labels(self) -> Labels:
        """Its bands."""
        return self.bands

    @property
    def factor_names(self) -> Mapping[str, Text]:
        """What its dimensions are called, by key."""
        return {each.key: each.name for each in self.dimensions}

    @property
    def factors(self) -> tuple[str, ...]:
        """What it is made of: its dimensions, in order."""
        return tuple(each.key for each in self.dimensions)

    @property
    def weights_bp(self) -> tuple[int, ...]:
        """What each dimension weighs, in order; 10,000 in all."""
        if self.judgements is not None:
            return _weighed(self.judgements).weights
        return tuple(each.weight_bp or 0 for each in self.dimensions)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it reads."""
        read = [] if self.requires is None else [self.requires]
        for each in self.dimensions:
            read.append(each.fact)
            read += [] if each.per is None else [each.per.fact]
            read += [] if each.decay is None else [each.decay.age_fact]
        return tuple(dict.fromkeys(read))
