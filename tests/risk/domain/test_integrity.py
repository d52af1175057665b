"""Integrity: 0 to 100 from identity and reports, in parts that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.domain.integrity import Integrity, Level, Part, Verification, integrity

verifications: st.SearchStrategy[Verification] = st.sampled_from(["verified", "unverified", "suspect"])
reporters = st.integers(0, 50)
CAREFUL = {"low": 0, "medium": 1, "high": 2}


@pytest.mark.parametrize(
    ("verification", "score", "level"),
    [("verified", 80, "low"), ("unverified", 60, "low"), ("suspect", 20, "high")],
)
def test_a_member_starts_by_what_is_known_of_their_identity(
    verification: Verification, score: int, level: Level
) -> None:
    assessed = integrity(verification, 0)

    assert (assessed.score, assessed.level) == (score, level)
    assert assessed.parts == (Part(verification.upper(), score),)


@given(verifications, reporters)
def test_the_score_is_whole_and_between_0_and_100(verification: Verification, reporters: int) -> None:
    score = integrity(verification, reporters).score

    assert type(score) is int
    assert 0 <= score <= 100


@given(verifications, reporters)
def test_the_parts_add_up_to_the_score_and_none_is_empty(verification: Verification, reporters: int) -> None:
    assessed = integrity(verification, reporters)

    assert sum(part.points for part in assessed.parts) == assessed.score
    assert all(part.points for part in assessed.parts)


@given(verifications, reporters, reporters)
def test_more_reporters_never_make_a_member_more_trusted(
    verification: Verification, reporters: int, more: int
) -> None:
    before, after = integrity(verification, reporters), integrity(verification, reporters + more)

    assert after.score <= before.score
    assert CAREFUL[after.level] >= CAREFUL[before.level]


@given(reporters)
def test_who_is_verified_is_never_below_who_is_not_nor_that_one_below_a_suspect(reporters: int) -> None:
    scores = [integrity(each, reporters).score for each in ("verified", "unverified", "suspect")]

    assert scores == sorted(scores, reverse=True)


@given(verifications, st.integers(3, 50))
def test_three_reporters_or_more_are_high_risk_whoever_the_member_is(
    verification: Verification, reporters: int
) -> None:
    assert integrity(verification, reporters).level == "high"


def test_two_reporters_are_not_yet_high_risk() -> None:
    levels = [integrity(each, 2).level for each in ("verified", "unverified")]

    assert levels == ["low", "medium"]


@pytest.mark.parametrize(
    ("verification", "reporters", "expected"),
    [
        ("verified", 1, Integrity(65, "low", (Part("VERIFIED", 80), Part("REPORTS", -15)))),
        ("unverified", 1, Integrity(45, "medium", (Part("UNVERIFIED", 60), Part("REPORTS", -15)))),
        (
            "suspect",
            2,
            Integrity(0, "high", (Part("SUSPECT", 20), Part("REPORTS", -30), Part("BOUND", 10))),
        ),
    ],
    ids=["reported once", "unverified and reported", "cut at 0"],
)
def test_the_parts_say_how_the_score_came_about(
    verification: Verification, reporters: int, expected: Integrity
) -> None:
    assert integrity(verification, reporters) == expected
