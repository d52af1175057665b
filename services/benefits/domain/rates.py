"""Rates of groups with their intervals, beside those of all members and of the highest group.

A rate is a finding when it is beyond a bound of the program, and when
Wilson's interval says that this is hardly by chance. The interval is of 95 %
for all comparisons of an attribute together (Bonferroni), as among a hundred
groups some are always far from the others.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import sqrt
from statistics import NormalDist

from libs.common.documents import WHOLE_BP
from libs.common.fairness_policy import Fairness

CONFIDENCE = 0.95


class Finding(StrEnum):
    """What a rate says: within the bound, beyond it by chance, or beyond it."""

    WITHIN = "WITHIN"
    CHANCE = "CHANCE"
    BEYOND = "BEYOND"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of a group hold a tier or a higher one, and what that says; None where nothing is compared."""

    count: int
    rate_bp: int
    low_bp: int
    high_bp: int
    gap_bp: int = 0
    gap: Finding | None = None
    ratio_bp: int = WHOLE_BP
    ratio: Finding | None = None

    @property
    def found(self) -> bool:
        """Whether somebody should look."""
        return Finding.BEYOND in {self.gap, self.ratio}


def compared(own: Rate, of_all: Rate, highest: Rate, policy: Fairness) -> Rate:
    """A rate beside that of all members, and beside the highest of a group."""
    gap_bp = own.rate_bp - of_all.rate_bp
    ratio_bp = own.rate_bp * WHOLE_BP // highest.rate_bp if highest.rate_bp else WHOLE_BP
    return Rate(
        own.count,
        own.rate_bp,
        own.low_bp,
        own.high_bp,
        gap_bp,
        _finding(abs(gap_bp) > policy.gap_bp, not own.low_bp <= of_all.rate_bp <= own.high_bp),
        ratio_bp,
        _finding(ratio_bp < policy.ratio_bp, own.high_bp < highest.low_bp),
    )


def _finding(beyond: bool, certain: bool) -> Finding:
    if not beyond:
        return Finding.WITHIN
    return Finding.BEYOND if certain else Finding.CHANCE


def rate(count: int, members: int, comparisons: int = 1) -> Rate:
    """A share in basis points, with Wilson's interval (1927); of nobody, anything is possible.

    >>> rate(30, 100)
    Rate(count=30, rate_bp=3000, low_bp=2190, high_bp=3958, gap_bp=0, gap=None, ratio_bp=10000, ratio=None)
    """
    if not members:
        return Rate(0, 0, 0, WHOLE_BP)
    score, share = _score(comparisons), count / members
    squared = score * score / members
    centre = share + squared / 2
    half = score * sqrt(share * (1 - share) / members + squared / (4 * members))
    low, high = ((centre + each) / (1 + squared) for each in (-half, half))
    return Rate(
        count,
        (2 * count * WHOLE_BP + members) // (2 * members),
        max(0, int(low * WHOLE_BP)),
        min(WHOLE_BP, -int(-high * WHOLE_BP // 1)),
    )


@cache
def _score(comparisons: int) -> float:
    """How many standard deviations an interval is wide so that all of so many hold together."""
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * comparisons))
