"""Integrity: 0 to 100 from what is known of a member's identity and who has reported them (R-01, R-02).

The sources give no scale; ours starts at 60 unverified and 80 verified.
"""

from dataclasses import dataclass
from typing import Literal

Verification = Literal["unverified", "verified", "suspect"]
Level = Literal["low", "medium", "high"]

INTEGRITY_MIN, INTEGRITY_MAX = 0, 100
BY_VERIFICATION: dict[Verification, int] = {"verified": 80, "unverified": 60, "suspect": 20}
# Less than the 20 that a proven identity adds: one reporter alone never outweighs it.
PER_REPORTER = -15
# Reported three times or more is high risk. Different reporters, as one who repeats is one voice.
HIGH_RISK_REPORTERS = 3
MEDIUM_BELOW, HIGH_BELOW = 50, 25


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the score, signed."""

    code: str
    points: int


@dataclass(frozen=True, slots=True)
class Integrity:
    """The score with its parts, which add up to it, and how careful to be."""

    score: int
    level: Level
    parts: tuple[Part, ...]


def integrity(verification: Verification, reporters: int) -> Integrity:
    """The integrity of a member, given the distinct reporters whose reports stand.

    A cut at 0 or 100 is a part of its own, so that the parts still add up.
    """
    parts = [Part(verification.upper(), BY_VERIFICATION[verification])]
    if reporters:
        parts.append(Part("REPORTS", reporters * PER_REPORTER))
    uncut = sum(part.points for part in parts)
    score = min(max(uncut, INTEGRITY_MIN), INTEGRITY_MAX)
    if score != uncut:
        parts.append(Part("BOUND", score - uncut))
    return Integrity(score, _level(score, reporters), tuple(parts))


def _level(score: int, reporters: int) -> Level:
    if reporters >= HIGH_RISK_REPORTERS or score < HIGH_BELOW:
        return "high"
    return "medium" if score < MEDIUM_BELOW else "low"
