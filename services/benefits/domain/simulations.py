"""Simulations: runs that show what a version of a program would do, before anybody approves it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from libs.common.clock import business_date, end_of_day
from libs.common.errors import InvalidRequest
from services.benefits.domain.errors import SimulationsWaiting
from services.benefits.domain.program_changes import Change, State, require_current
from services.benefits.domain.programs import Version

MONTHS = 12
WAITING_MAX = 5
KEPT_MAX = 20
MEMBERS_PER_PART = 2_000
PARTS_MAX = 1_000


class SimulationState(StrEnum):
    """How far a run is; one that is done or outdated stays so."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a run assumes, in basis points, and how often a benefit without a quota is used. Proposals."""

    loss_low_bp: int = 500
    loss_high_bp: int = 2_000
    gain_low_bp: int = 0
    gain_high_bp: int = 1_000
    gross_margin_bp: int = 3_000
    benefit_use_bp: int = 5_000
    unbounded_uses: int = 12

    def require_coherent(self) -> None:
        """Refuse a range that ends before it begins."""
        if self.loss_low_bp > self.loss_high_bp:
            raise InvalidRequest(assumptions="loss_low_bp is above loss_high_bp")
        if self.gain_low_bp > self.gain_high_bp:
            raise InvalidRequest(assumptions="gain_low_bp is above gain_high_bp")


ASSUMED = tuple(each.name for each in fields(Assumptions))


@dataclass(frozen=True, slots=True)
class Simulation:
    """A run of a version against the live one.

    `dates` are the last moments of business days. Once it runs, it is as of
    `as_of`, and `ends` are the last members of its parts but the last one, of
    which `parts_done` are stored. `result` is a message, as it is told.
    """

    simulation_id: str
    program_id: str
    version: int
    digest: str
    live_version: int
    live_digest: str
    state: SimulationState
    dates: tuple[datetime, ...]
    assumptions: Assumptions
    assumed: tuple[str, ...]
    asked_by: str
    asked_time: datetime
    as_of: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    ends: tuple[str, ...] = ()
    parts_done: int = 0
    done: int = 0
    total: int = 0
    result: bytes = b""
    result_digest: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.state in {SimulationState.DONE, SimulationState.OUTDATED}

    @property
    def part(self) -> tuple[str, str] | None:
        """The next part, as the member before it and its last one, empty for no bound; None at the end."""
        if self.parts_done > len(self.ends):
            return None
        bounds = ("", *self.ends, "")
        return bounds[self.parts_done], bounds[self.parts_done + 1]


def simulation_of(
    change: Change,
    live: Version,
    *,
    simulation_id: str,
    dates: Sequence[datetime],
    assumptions: Assumptions,
    assumed: Sequence[str],
    by: str,
    now: datetime,
    waiting: int,
) -> Simulation:
    """A run of a version that may still take effect, against the live one that it was proposed against."""
    change.require(State.DRAFT, State.SIMULATED, State.APPROVED)
    require_current(change, live)
    assumptions.require_coherent()
    if waiting >= WAITING_MAX:
        raise SimulationsWaiting(waiting=waiting)
    return Simulation(
        simulation_id=simulation_id,
        program_id=change.program_id,
        version=change.number,
        digest=change.digest,
        live_version=live.program.version,
        live_digest=live.digest,
        state=SimulationState.WAITING,
        dates=tuple(dates),
        assumptions=assumptions,
        assumed=tuple(assumed),
        asked_by=by,
        asked_time=now,
    )


def still_of(simulation: Simulation, change: Change | None, live: Version | None) -> bool:
    """Whether a run is about what may still come: nothing took effect meanwhile, and nobody rejected it."""
    return (
        change is not None
        and live is not None
        and change.state in {State.DRAFT, State.SIMULATED, State.APPROVED}
        and live.digest == simulation.live_digest
    )


def outdated(simulation: Simulation, *, now: datetime) -> Simulation:
    """The run, over without a result."""
    return replace(simulation, state=SimulationState.OUTDATED, end_time=now)


def last_moments(
    asked: Sequence[datetime], *, months: int, today: date, time_zone: str
) -> tuple[datetime, ...]:
    """The last moments of business days: those that were asked for, or ends of months before today."""
    days = sorted({business_date(each, time_zone) for each in asked}) or _month_ends(months or MONTHS, today)
    if asked and months:
        raise InvalidRequest(months="are said beside dates: one or the other")
    if days[-1] >= today:
        raise InvalidRequest(dates=f"{days[-1]} is not over: it is {today} in the program")
    return tuple(end_of_day(each, time_zone) for each in days)


def _month_ends(count: int, today: date) -> list[date]:
    found, first = list[date](), today.replace(day=1)
    for _ in range(count):
        found.append(first - timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]
