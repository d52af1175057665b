"""RFM: how lately, how often and for how much a member bought, by cuts that come with the policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.program import Rfm

NO_PURCHASES = "NO_PURCHASES"
SCORE_MAX = 5


@dataclass(frozen=True, slots=True)
class Contribution:
    """One factor: its value, its score of 1 to 5, and what that adds to the total."""

    factor: str
    fact: str
    value: int
    score: int
    weight_bp: int
    cuts: tuple[int, ...]

    @property
    def contribution_bp(self) -> int:
        """Score times weight."""
        return self.score * self.weight_bp


@dataclass(frozen=True, slots=True)
class RfmScore:
    """The total with its label, or why there is none."""

    cuts_version: str
    total_bp: int | None = None
    label: str = ""
    contributions: tuple[Contribution, ...] = ()
    absent_reason: str = ""


def rfm_score(rfm: Rfm, facts: Mapping[str, int]) -> RfmScore:
    """Score facts: the sum over the factors of score times weight.

    A score is the number of the value's bucket among five: the value at a cut
    belongs below it. Recency counts down, since fewer days are better. The
    cuts are part of the policy and not of the batch, so that a member's score
    does not depend on who else is asked for (requirement S-02).

    With cuts 10, 20, 30, 40 a value of 20 scores 2, and as days of recency 4.
    """
    days = facts.get(rfm.recency_fact)
    purchases = facts.get(rfm.frequency_fact, 0)
    if days is None or purchases <= 0:
        return RfmScore(rfm.cuts_version, absent_reason=NO_PURCHASES)
    amount = facts.get(rfm.monetary_fact, 0)
    weights = rfm.weights_bp
    contributions = (
        Contribution(
            "recency",
            rfm.recency_fact,
            days,
            SCORE_MAX - _cuts_below(rfm.recency_cuts, days),
            weights.recency,
            rfm.recency_cuts,
        ),
        Contribution(
            "frequency",
            rfm.frequency_fact,
            purchases,
            1 + _cuts_below(rfm.frequency_cuts, purchases),
            weights.frequency,
            rfm.frequency_cuts,
        ),
        Contribution(
            "monetary",
            rfm.monetary_fact,
            amount,
            1 + _cuts_below(rfm.monetary_cuts, amount),
            weights.monetary,
            rfm.monetary_cuts,
        ),
    )
    total_bp = sum(contribution.contribution_bp for contribution in contributions)
    return RfmScore(rfm.cuts_version, total_bp, _label(rfm, total_bp), contributions)


def _cuts_below(cuts: tuple[int, ...], value: int) -> int:
    return sum(cut < value for cut in cuts)


def _label(rfm: Rfm, total_bp: int) -> str:
    """The first label whose threshold the total reaches; the last one's is 0."""
    return next(label.key for label in rfm.labels if total_bp >= label.min_total_bp)
