"""Periods of calibrations, and proposals that wait already."""

from datetime import UTC, datetime

import pytest

from libs.common.charter_policy import Calibration
from libs.common.program import Program, preset
from services.benefits.domain.calibrations import PROPOSER, period_at, still_open
from services.benefits.domain.program_changes import Change, State

NEW_YORK = preset("music_store")


@pytest.mark.parametrize(
    ("cadence", "period", "begin"),
    [
        ("monthly", "1998-03", datetime(1998, 3, 1, 5, tzinfo=UTC)),
        ("quarterly", "1998-q1", datetime(1998, 1, 1, 5, tzinfo=UTC)),
        ("yearly", "1998", datetime(1998, 1, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_period_begins_with_the_first_of_the_programs_own_days(
    cadence: str, period: str, begin: datetime
) -> None:
    calibration = Calibration.model_validate({"cadence": cadence})

    # In New York it is still the last day of March.
    found = period_at(NEW_YORK, calibration, datetime(1998, 4, 1, 3, tzinfo=UTC))

    assert found == (period, begin)


def test_in_summer_a_quarter_begins_by_the_clock_of_summer() -> None:
    found = period_at(NEW_YORK, Calibration(), datetime(1998, 9, 30, 12, tzinfo=UTC))

    assert found == ("1998-q3", datetime(1998, 7, 1, 4, tzinfo=UTC))


def _change(program: Program, **fields: object) -> Change:
    known = program.model_copy(update={"version": 5})
    return Change(
        program_id=program.key,
        number=5,
        document=known.canonical(),
        digest=known.digest(),
        **{"state": State.DRAFT, "proposed_by": PROPOSER, "based_on": 4, **fields},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "fields",
    [{"state": State.REJECTED}, {"state": State.RETIRED}, {"proposed_by": "mia"}, {"based_on": 3}],
    ids=["rejected", "over", "somebody else", "overtaken"],
)
def test_a_proposal_waits_only_while_it_may_take_effect(fields: dict[str, object]) -> None:
    waiting, over = _change(NEW_YORK), _change(NEW_YORK, **fields)

    assert still_open([over, waiting], NEW_YORK, 4) == waiting
    assert still_open([over], NEW_YORK, 4) is None


def test_a_proposal_of_something_else_does_not_stand_for_this_one() -> None:
    other = NEW_YORK.model_copy(update={"industry": "books"})

    assert still_open([_change(other)], NEW_YORK, 4) is None
