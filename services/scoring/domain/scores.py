"""The score of one member: what it is made of, adding up exactly, and why. The reference for columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.scoring.domain.cards import Card, Factor
from services.scoring.domain.receipts import Reason
from services.scoring.domain.scales import FULL

LINK = "link"
_BP_OF_PART = 100


class ScoreCode(StrEnum):
    """Every code that a score can give as a reason."""

    NO_PURCHASES = "NO_PURCHASES"
    FACT_MISSING = "FACT_MISSING"
    SCORE_LIFTED_BY = "SCORE_LIFTED_BY"
    SCORE_HELD_BACK_BY = "SCORE_HELD_BACK_BY"
    SCORE_AGED = "SCORE_AGED"
    NEXT_LABEL_GAP = "NEXT_LABEL_GAP"


class Contribution(NamedTuple):
    """One factor: its value, its points, and what they add to the total. A missing fact's value is 0.

    `decay_bp` is what its age has left of the points.
    """

    factor: str
    fact: str
    value: int
    missing: bool
    score: int
    decay_bp: int
    weight_bp: int
    contribution_bp: int
    most_bp: int
    cuts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The total with its label, or why there is none."""

    name: str
    version: str
    total_bp: int | None = None
    label: str = ""
    contributions: tuple[Contribution, ...] = ()
    absent_reason: str = ""
    reasons: tuple[Reason, ...] = ()


def score(card: Card, facts: Mapping[str, int]) -> Score:
    """Score facts.

    >>> from libs.common.program import preset
    >>> from services.scoring.domain.cards import cards_of
    >>> days, count = "purchase.days_since_last", "purchase.count.lifetime"
    >>> rfm = cards_of(preset("music_store"))["rfm"]
    >>> score(rfm, {days: 10, count: 9, "purchase.amount_minor.lifetime": 20_000}).total_bp
    50000
    """
    for fact, lowest in card.requires:
        if facts.get(fact, lowest - 1) < lowest:
            reason = Reason(card.absent_reason, {"fact": fact})
            return Score(card.name, card.version, absent_reason=card.absent_reason, reasons=(reason,))
    factors = tuple(_contribution(factor, facts) for factor in card.factors)
    added_bp = sum(each.contribution_bp for each in factors)
    total_bp = added_bp if card.link is None else card.link.level(added_bp)
    place = card.place(total_bp)
    return Score(
        name=card.name,
        version=card.version,
        total_bp=total_bp,
        label=card.labels[place],
        contributions=factors if card.link is None else (*factors, _link(added_bp, total_bp)),
        reasons=(*_factor_reasons(factors), *_label_reasons(card, place, total_bp)),
    )


def _contribution(factor: Factor, facts: Mapping[str, int]) -> Contribution:
    value = facts.get(factor.fact)
    if factor.per is not None:
        value = factor.per.quotient(value, facts)
    points, left = factor.missing if value is None else factor.steps.level(value), FULL
    if factor.age is not None:
        age = facts.get(factor.age.fact)
        left = 0 if age is None else factor.age.steps.level(age)
        points = (points * left + FULL // 2) // FULL
    return Contribution(
        factor=factor.key,
        fact=factor.fact,
        value=0 if value is None else value,
        missing=value is None,
        score=points,
        decay_bp=left * _BP_OF_PART,
        weight_bp=factor.weight_bp,
        contribution_bp=factor.worth_bp[points],
        most_bp=factor.worth_bp[-1],
        cuts=factor.cuts,
    )


def _link(added_bp: int, total_bp: int) -> Contribution:
    """What a link makes of the sum, as a part of the total, so that the parts add up."""
    return Contribution(LINK, "", added_bp, False, 0, 100 * FULL, 0, total_bp - added_bp, 0, ())


def _factor_reasons(factors: tuple[Contribution, ...]) -> list[Reason]:
    """What gives the most, what leaves the most, and what counts less for its age."""
    best = max(factors, key=lambda each: each.contribution_bp)
    worst = max(factors, key=lambda each: each.most_bp - each.contribution_bp)
    reasons = []
    if best.contribution_bp:
        reasons.append(_told(ScoreCode.SCORE_LIFTED_BY, best))
    if worst.contribution_bp < worst.most_bp:
        reasons.append(_told(ScoreCode.SCORE_HELD_BACK_BY, worst))
    aged = [each for each in factors if not each.missing and each.decay_bp < FULL * _BP_OF_PART]
    return reasons + [
        Reason(ScoreCode.SCORE_AGED, {"factor": each.factor, "left_bp": str(each.decay_bp)}) for each in aged
    ]


def _told(code: ScoreCode, factor: Contribution) -> Reason:
    given, most = str(factor.contribution_bp), str(factor.most_bp)
    return Reason(code, {"factor": factor.factor, "contribution_bp": given, "most_bp": most})


def _label_reasons(card: Card, place: int, total_bp: int) -> list[Reason]:
    """How far the label above is."""
    if place == 0:
        return []
    params = {"label": card.labels[place - 1], "missing_bp": str(card.bottoms_bp[place - 1] - total_bp)}
    return [Reason(ScoreCode.NEXT_LABEL_GAP, params)]
