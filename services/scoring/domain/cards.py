"""Cards: every score policy of a program in one form, ready to score with."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.documents import WHOLE_BP
from libs.common.multipliers import rounded
from libs.common.program import Program
from libs.common.scale_policy import CutScale, Dimension, LinearScale, counts_days
from libs.common.score_policy import RFM, Rfm, Scorecard
from services.scoring.domain.scales import FULL, Steps, decay_steps, logistic_steps, scale_steps

NO_PURCHASES, FACT_MISSING = "NO_PURCHASES", "FACT_MISSING"
RFM_SCORE_MAX = 5
# A total through a logistic link goes by thousandths.
LINK_PARTS = 1_000
# Below every fact.
_ANY = -(2**53)
# Beyond every scale, and held exactly by float64.
QUOTIENT_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Age:
    """How much of the points is left, in hundredths, by the days since something."""

    fact: str
    steps: Steps


@dataclass(frozen=True, slots=True)
class Per:
    """What a fact is divided by, after it is taken so many times; the quotient is rounded down."""

    fact: str
    times: int

    def quotient(self, value: int | None, facts: Mapping[str, int]) -> int | None:
        """The quotient; None where there is nothing to divide by."""
        divisor = facts.get(self.fact, 0)
        if divisor <= 0:
            return None
        return max(-QUOTIENT_MAX, min((value or 0) * self.times // divisor, QUOTIENT_MAX))


@dataclass(frozen=True, slots=True)
class Factor:
    """One fact, or one by another, as points, and what the points are worth in basis points of the total.

    `missing` are the points of who has no such fact.
    """

    key: str
    fact: str
    per: Per | None
    steps: Steps
    missing: int
    weight_bp: int
    worth_bp: tuple[int, ...]
    cuts: tuple[int, ...]
    age: Age | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A score: factors whose worth adds up, a link of the total, and labels from the highest down.

    Who lacks one of the facts of `requires`, or has less than is said there,
    has no score.
    """

    name: str
    version: str
    factors: tuple[Factor, ...]
    requires: tuple[tuple[str, int], ...]
    absent_reason: str
    link: Steps | None
    labels: tuple[str, ...]
    bottoms_bp: tuple[int, ...]

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads, each once."""
        read = [fact for fact, _ in self.requires]
        for factor in self.factors:
            read.append(factor.fact)
            read += [] if factor.per is None else [factor.per.fact]
            read += [] if factor.age is None else [factor.age.fact]
        return tuple(dict.fromkeys(read))

    def place(self, total_bp: int) -> int:
        """Of the first label whose threshold the total reaches; the last one's is 0."""
        return next(place for place, bottom in enumerate(self.bottoms_bp) if total_bp >= bottom)


def cards_of(program: Program) -> Mapping[str, Card]:
    """The cards of a program by name, in its order."""
    return {
        name: rfm_card(policy) if isinstance(policy, Rfm) else scorecard(policy)
        for name, policy in program.score_policies.items()
    }


def rfm_card(rfm: Rfm) -> Card:
    """RFM: how lately, how often and for how much, each 1 to 5 by four cuts, times its weight (S-02).

    A score is the number of the value's bucket among five: the value at a cut
    belongs below it. Recency counts down, since fewer days are better. The
    cuts are part of the policy and not of the batch, so that a member's score
    does not depend on who else is asked for.

    With cuts 10, 20, 30, 40 a value of 20 scores 2, and as days of recency 4.
    """
    weights, rising = rfm.weights_bp, tuple(range(1, RFM_SCORE_MAX + 1))
    return Card(
        name=RFM,
        version=rfm.cuts_version,
        factors=(
            _rfm_factor("recency", rfm.recency_fact, rfm.recency_cuts, rising[::-1], weights.recency),
            _rfm_factor("frequency", rfm.frequency_fact, rfm.frequency_cuts, rising, weights.frequency),
            _rfm_factor("monetary", rfm.monetary_fact, rfm.monetary_cuts, rising, weights.monetary),
        ),
        requires=((rfm.recency_fact, _ANY), (rfm.frequency_fact, 1)),
        absent_reason=NO_PURCHASES,
        link=None,
        labels=tuple(label.key for label in rfm.labels),
        bottoms_bp=tuple(label.min_total_bp for label in rfm.labels),
    )


def _rfm_factor(
    key: str, fact: str, cuts: tuple[int, ...], scores: tuple[int, ...], weight_bp: int
) -> Factor:
    steps = Steps(tuple(cut + 1 for cut in cuts), scores)
    worth_bp = tuple(score * weight_bp for score in range(RFM_SCORE_MAX + 1))
    return Factor(key, fact, None, steps, steps.level(0), weight_bp, worth_bp, cuts)


def scorecard(policy: Scorecard) -> Card:
    """A scorecard: the sum of points, of which age leaves a share, × weight × industry coefficient."""
    pairs = zip(policy.dimensions, policy.weights_bp, strict=True)
    required = policy.requires
    return Card(
        name=policy.key,
        version=policy.version,
        factors=tuple(_factor(each, weight_bp, policy.industry_bp) for each, weight_bp in pairs),
        requires=() if required is None else ((required, 0 if counts_days(required) else 1),),
        absent_reason=FACT_MISSING,
        link=_link(policy),
        labels=tuple(band.key for band in policy.labels),
        bottoms_bp=tuple(band.min_total_bp for band in policy.labels),
    )


def _factor(dimension: Dimension, weight_bp: int, industry_bp: int) -> Factor:
    steps, decay, per = scale_steps(dimension.scale, dimension.direction), dimension.decay, dimension.per
    return Factor(
        key=dimension.key,
        fact=dimension.fact,
        per=None if per is None else Per(per.fact, per.times),
        steps=steps,
        # What was never done is 0 times done; days since then there are none, whichever way they count.
        # Nor is there anything of who has nothing to divide by.
        missing=0 if per is not None or counts_days(dimension.fact) else steps.level(0),
        weight_bp=weight_bp,
        worth_bp=tuple(
            rounded(points * weight_bp * industry_bp, FULL * WHOLE_BP, "half_up")
            for points in range(FULL + 1)
        ),
        cuts=_cuts(dimension),
        age=None if decay is None else Age(decay.age_fact, decay_steps(decay.half_life_days)),
    )


def _cuts(dimension: Dimension) -> tuple[int, ...]:
    """What a member sees of a scale: its cuts, its two ends, or its midpoint."""
    match dimension.scale:
        case CutScale() as scale:
            return scale.cuts
        case LinearScale() as scale:
            return (scale.low, scale.high)
        case scale:
            return (scale.midpoint,)


def _link(policy: Scorecard) -> Steps | None:
    if policy.link is None:
        return None
    steps = logistic_steps(policy.link.midpoint_bp, policy.link.spread_bp, LINK_PARTS)
    return Steps(steps.starts, tuple(level * WHOLE_BP // LINK_PARTS for level in steps.levels))
