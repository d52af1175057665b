"""Calibrations: once a period thresholds are looked at again, and what comes of it is a proposal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.common.charter_policy import Calibration
from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.program_changes import Change, State

PROPOSER = "calibration"
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
OPEN = {State.DRAFT, State.SIMULATED, State.APPROVED, State.SCHEDULED}


class CalibrationState(StrEnum):
    """What became of a calibration; the period in which a program is first seen is noted only."""

    NOTED = "noted"
    WAITING = "waiting"
    PROPOSED = "proposed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class CalibrationRun:
    """The calibration of a program in a period, such as `2026-q4`; `version` is what it proposed, or 0."""

    program_id: str
    period: str
    begin_time: datetime
    state: CalibrationState = CalibrationState.WAITING
    version: int = 0
    end_time: datetime | None = None


def period_at(program: Program, calibration: Calibration, time: datetime) -> tuple[str, datetime]:
    """The period of a time by the program's days, and when it began."""
    day = business_date(time, program.time_zone)
    months = MONTHS[calibration.cadence]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    names = {
        "monthly": f"{first:%Y-%m}",
        "quarterly": f"{first.year}-q{(first.month + 2) // 3}",
        "yearly": f"{first.year}",
    }
    begin = datetime.combine(first, datetime.min.time(), ZoneInfo(program.time_zone))
    return names[calibration.cadence], begin.astimezone(UTC)


def still_open(changes: Sequence[Change], program: Program, based_on: int) -> Change | None:
    """What a calibration proposed before that says the same, may come still, and nobody has decided on."""
    for change in changes:
        same = change.program.model_copy(update={"version": program.version}) == program
        current = change.state in OPEN and change.based_on == based_on
        if change.proposed_by == PROPOSER and current and same:
            return change
    return None
