"""Weights from judgements in pairs (AHP): the principal eigenvector, and how consistent they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

SIZE_MAX = 10
# Saaty: above this the judgements are no better than some of them drawn at random.
CONSISTENCY_END = 0.1
# The consistency index of matrices drawn at random, for 1 to 10 of them (Saaty 1980).
_RANDOM_INDICES = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49)
# More than any matrix of this size needs; always as many, for the same bits.
_ITERATIONS = 200

Judgements = Sequence[Sequence[Fraction]]


@dataclass(frozen=True, slots=True)
class Worst:
    """The judgement that contradicts the others most: of which row over which column, and what they say."""

    row: int
    column: int
    others: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """The weights, which add up to `whole`, and the consistency ratio: 0 when nothing contradicts."""

    weights: tuple[int, ...]
    consistency: float
    worst: Worst


def weighed(judgements: Judgements, whole: int) -> Weighed:
    """The weights that judgements in pairs give, by the principal eigenvector of their matrix.

    `judgements[i][j]` is how many times i weighs what j does; the matrix is
    square, and `judgements[j][i]` is 1 by that. Nothing but additions,
    multiplications and divisions of float64 in a fixed order, so that every
    machine comes to the same bits.

    >>> weighed([[Fraction(1), Fraction(3)], [Fraction(1, 3), Fraction(1)]], 10_000).weights
    (7500, 2500)
    """
    matrix = [[float(each) for each in row] for row in judgements]
    shares = [1.0 / len(matrix)] * len(matrix)
    for _ in range(_ITERATIONS):
        shares = _parts(_times(matrix, shares))
    return Weighed(_whole_numbers(shares, whole), _ratio(matrix, shares), _worst(matrix, shares))


def _times(matrix: list[list[float]], vector: list[float]) -> list[float]:
    return [_sum([each * part for each, part in zip(row, vector, strict=True)]) for row in matrix]


def _parts(vector: list[float]) -> list[float]:
    whole = _sum(vector)
    return [each / whole for each in vector]


def _sum(numbers: list[float]) -> float:
    """From the left; the built-in one adds in another way since Python 3.12."""
    total = 0.0
    for each in numbers:
        total += each
    return total


def _ratio(matrix: list[list[float]], shares: list[float]) -> float:
    """(lambda - n) / (n - 1), by what it is for a matrix drawn at random. Two things cannot contradict."""
    size = len(matrix)
    if not _RANDOM_INDICES[size - 1]:
        return 0.0
    grown = _times(matrix, shares)
    eigenvalue = _sum([after / before for after, before in zip(grown, shares, strict=True)]) / size
    return max(0.0, (eigenvalue - size) / (size - 1) / _RANDOM_INDICES[size - 1])


def _worst(matrix: list[list[float]], shares: list[float]) -> Worst:
    """The judgement that is the most times what the weights make of it."""
    places = range(len(matrix))
    pairs = [(row, column, shares[row] / shares[column]) for row in places for column in places]
    row, column, others = max(pairs, key=lambda pair: matrix[pair[0]][pair[1]] / pair[2])
    return Worst(row, column, others)


def _whole_numbers(shares: list[float], whole: int) -> tuple[int, ...]:
    """Whole numbers that add up: what is left over goes to the largest remainders, of equals to the first."""
    numbers = [int(share * whole) for share in shares]
    remainders = [share * whole - number for share, number in zip(shares, numbers, strict=True)]
    left = whole - sum(numbers)
    for place in sorted(range(len(shares)), key=lambda place: -remainders[place])[:left]:
        numbers[place] += 1
    return tuple(numbers)
