"""Weights of judgements in pairs: the principal eigenvector, and how far the judgements contradict."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from libs.common.pairwise import CONSISTENCY_END, SIZE_MAX, weighed

WHOLE = 10_000

Matrix = list[list[Fraction]]


def matrix(*upper: str) -> Matrix:
    """The reciprocal matrix of the judgements above its diagonal, row by row."""
    size = next(size for size in range(1, SIZE_MAX + 1) if size * (size - 1) // 2 == len(upper))
    rows = [[Fraction(1)] * size for _ in range(size)]
    judgements = iter(upper)
    for row in range(size):
        for column in range(row + 1, size):
            rows[row][column] = Fraction(next(judgements))
            rows[column][row] = 1 / rows[row][column]
    return rows


def by_weights(weights: list[int]) -> Matrix:
    return [[Fraction(one, other) for other in weights] for one in weights]


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    size = draw(st.integers(1, SIZE_MAX))
    scale = st.sampled_from(["1/9", "1/5", "1/3", "1/2", "1", "2", "3", "5", "9"])
    return matrix(*draw(st.lists(scale, min_size=size * (size - 1) // 2, max_size=size * (size - 1) // 2)))


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1))
def test_equal_judgements_give_equal_weights(size: int) -> None:
    found = weighed(by_weights([1] * size), WHOLE)

    assert sum(found.weights) == WHOLE
    assert max(found.weights) - min(found.weights) <= 1
    assert found.consistency == pytest.approx(0, abs=1e-12)


def test_judgements_that_follow_from_weights_give_those_weights_back() -> None:
    found = weighed(by_weights([5, 3, 2]), WHOLE)

    assert found.weights == (5_000, 3_000, 2_000)
    assert found.consistency == pytest.approx(0, abs=1e-12)


def test_the_example_of_saaty_comes_out_as_in_the_literature() -> None:
    # Which high school: learning, friends, school life, vocational training, college, music (Saaty 1980).
    judgements = matrix("4", "3", "1", "3", "4", "7", "3", "1/5", "1", "1/5", "1/5", "1/6", "1", "1/3", "3")

    found = weighed(judgements, 100)

    assert found.weights == (32, 14, 3, 13, 24, 14)
    assert found.consistency == pytest.approx((7.42 - 6) / 5 / 1.24, abs=0.005)


def test_what_contradicts_is_told_with_the_judgement_that_does_it_most() -> None:
    circle = weighed(matrix("5", "1/9", "5"), WHOLE)
    one_wrong = weighed(matrix("2", "4", "1/9", "2", "4", "2"), WHOLE)

    assert circle.consistency > CONSISTENCY_END
    assert (one_wrong.worst.row, one_wrong.worst.column) in {(0, 3), (3, 0)}
    assert one_wrong.consistency > CONSISTENCY_END


def test_two_things_never_contradict() -> None:
    assert weighed(matrix("9"), WHOLE).consistency == 0
    assert weighed(matrix("9"), WHOLE).weights == (9_000, 1_000)


@settings(max_examples=20)
@given(judgements=matrices())
def test_the_weights_are_those_of_the_principal_eigenvector(judgements: Matrix) -> None:
    found = weighed(judgements, WHOLE)

    values, vectors = np.linalg.eig(np.array([[float(each) for each in row] for row in judgements]))
    principal = values.real.argmax()
    exact = np.abs(vectors[:, principal].real)
    exact *= WHOLE / exact.sum()
    assert sum(found.weights) == WHOLE
    assert np.abs(exact - found.weights).max() <= 1 + 1e-6
    if len(judgements) > 2:
        index = (values[principal].real - len(judgements)) / (len(judgements) - 1)
        assert found.consistency <= max(0.0, index) / 0.58 + 1e-6


@settings(max_examples=20)
@given(judgements=matrices(), data=st.data())
def test_the_order_of_what_is_judged_changes_no_weight_by_more_than_its_rounding(
    judgements: Matrix, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(judgements))))
    assume(order != list(range(len(judgements))))

    before = weighed(judgements, WHOLE).weights
    after = weighed([[judgements[row][column] for column in order] for row in order], WHOLE).weights

    assert max(abs(after[place] - before[row]) for place, row in enumerate(order)) <= 1
