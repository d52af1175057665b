"""Benefits that open by and by: months in a row of a standard, and what a gap does."""

from collections.abc import Sequence
from datetime import date

import pytest

from libs.common.benefit_policy import Unlock
from services.benefits.domain.unlocks import Standing, progress

SIX_OF_S = Unlock(standard="s", months=6)
TODAY = date(2026, 7, 15)


def standings(*months: str, standard: str = "s") -> list[Standing]:
    return [Standing("site", "mem_1", month, standard) for month in months]


def of_2026(*months: int) -> list[Standing]:
    return standings(*(f"2026-{month:02d}" for month in months))


@pytest.mark.parametrize(
    ("held", "months", "unlocked"),
    [
        ([], 0, False),
        (of_2026(1, 2, 3, 4, 5, 6), 6, True),  # six in a row
        (of_2026(1, 2, 3, 5, 6, 7), 3, False),  # a gap in month 4 restarts the count
        (of_2026(2, 3, 4, 5, 6), 5, False),  # this month is not told yet
        (of_2026(2, 3, 4, 5, 6, 7), 6, True),
        (of_2026(1, 2, 3, 4, 5), 0, False),  # June was not of the standard
        (standings("2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"), 6, True),  # stays open
        ([*of_2026(1, 2, 3, 5, 6), *standings("2026-04", standard="a")], 2, False),
    ],
)
def test_months_in_a_row_open_a_benefit(held: Sequence[Standing], months: int, unlocked: bool) -> None:
    far = progress("channel", SIX_OF_S, held, TODAY)

    assert (far.months, far.unlocked) == (months, unlocked)


def test_the_order_in_which_months_are_told_is_all_one() -> None:
    held = of_2026(1, 2, 3, 4, 5, 6)

    assert progress("channel", SIX_OF_S, reversed(held), TODAY) == progress("channel", SIX_OF_S, held, TODAY)
