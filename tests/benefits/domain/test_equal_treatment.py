"""Equal treatment: decisions of one situation are compared, however many there are, and samples repeat."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.equal_treatment import Equality, Sample, Treatment


def a_treatment(situation: int, number: int, to_tier: str = "gold", outcome: str = "UPGRADED") -> Treatment:
    return Treatment(situation, "main", f"dec_{number}", outcome, to_tier)


def test_equal_situations_with_equal_decisions_are_as_they_should_be() -> None:
    equality = Equality()
    for number in range(3):
        equality.add(a_treatment(7, number))
    equality.add(a_treatment(8, 3, to_tier="silver"))

    assert (equality.decisions, equality.situations, equality.unequal) == (4, 1, [])
    assert equality.compared_bp == 10_000


def test_a_situation_that_was_decided_differently_is_told_with_two_decisions() -> None:
    equality = Equality()
    for number, tier in enumerate(["gold", "gold", "silver", "normal"]):
        equality.add(a_treatment(7, number, to_tier=tier))

    ((first, other),) = equality.unequal
    assert (first.decision_id, other.decision_id, other.to_tier) == ("dec_0", "dec_2", "silver")


def test_another_outcome_is_unequal_too() -> None:
    equality = Equality()
    equality.add(a_treatment(7, 0))
    equality.add(a_treatment(7, 1, outcome="KEPT"))

    assert len(equality.unequal) == 1


def test_of_too_many_situations_some_are_compared_each_with_all_its_decisions() -> None:
    numbers = list(range(64))
    random.Random(3).shuffle(numbers)
    equality = Equality(situations_max=20)
    for number, situation in enumerate([*numbers, *reversed(numbers)]):
        equality.add(a_treatment(situation, number, to_tier="silver" if number >= 64 else "gold"))

    # Halved twice: of 64 situations 16 fit into 20.
    assert (equality.compared_bp, equality.situations, len(equality.unequal)) == (2_500, 16, 16)
    assert equality.decisions == 128


@given(st.permutations([f"dec_{number}" for number in range(30)]))
def test_a_seed_draws_the_same_sample_in_whichever_order(ids: list[str]) -> None:
    drawn, expected = Sample("2026-11-23", 7), Sample("2026-11-23", 7)
    for each in ids:
        drawn.add(each)
    for each in sorted(ids):
        expected.add(each)

    assert drawn.drawn == expected.drawn
    assert len(drawn.drawn) == 7


def test_another_seed_draws_another_sample() -> None:
    drawn = []
    for seed in ("2026-11-23", "2026-11-24"):
        sample = Sample(seed, 10)
        for number in range(1_000):
            sample.add(f"dec_{number}")
        drawn.append(sample.drawn)

    assert drawn[0] != drawn[1]
