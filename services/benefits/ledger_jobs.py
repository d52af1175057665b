"""What benefits does on the clock with its books: sums the ledger, follows its chain, roots, reports."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from prometheus_client import Counter, Gauge
from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.jobs import going_on
from libs.common.leases import Leases
from libs.common.telemetry import log
from services.benefits.domain.points_report import MONTHS_COUNTED, Conservation, PointsReport
from services.benefits.handlers.following import STRETCH, FollowHandlers
from services.benefits.handlers.verification import VerificationHandlers

LEDGER_SUM, LEDGER_CHECKS, LEDGER_ROOTS = "ledger_sum", "ledger_checks", "ledger_roots"
BADGE_ROOTS = "badge_roots"
LIABILITY, FAIRNESS, USAGE = "liability", "fairness", "usage"
EVERY_SECONDS = 60.0
LEASE_SECONDS = 1.0
FOLLOW_SECONDS = 5.0
CLOSE_SECONDS = 15.0
LIABILITY_SECONDS = 300.0
# It walks through all members.
FAIRNESS_SECONDS = 6 * 3_600.0
USAGE_SECONDS = 5.0
# Of one program before the next one's, so that none waits for long.
TURNS_AT_ONCE = 20
# How long work rests for each second that it took: it is never more than a fifth of what a replica does.
REST = 4.0
FAULTS_LOGGED = 20

LEDGER_SUM_POINTS = Gauge(
    "laurel_ledger_sum_points", "Sum of all balances of a program, the issuer's included: 0.", ["program"]
)
LEDGER_POINTS = Gauge("laurel_ledger_points", "Points of a program by state.", ["program", "state"])
LEDGER_SUMMED_TIME = Gauge(
    "laurel_ledger_summed_timestamp_seconds", "When the balances were summed, by the machine's clock."
)
LEDGER_FAULTS = Counter("laurel_ledger_faults_total", "What was found broken where entries were verified.")
LEDGER_UNVERIFIED_SECONDS = Gauge(
    "laurel_ledger_unverified_seconds",
    "Age of a program's oldest entry that has its place in the chain and was not verified there.",
    ["program"],
)
LEDGER_UNROOTED_SECONDS = Gauge(
    "laurel_ledger_unrooted_seconds",
    "How long ago a program's oldest day ended that has entries and no root; 0 when all have one.",
    ["program"],
)
BADGES_UNROOTED_SECONDS = Gauge(
    "laurel_badges_unrooted_seconds",
    "How long ago a program's oldest day ended that has records of badges and no root; 0 when all have one.",
    ["program"],
)

LIABILITY_MINOR = Gauge(
    "laurel_points_liability_minor",
    "What the outstanding points of a program may cost, in minor units of its currency.",
    ["program"],
)
COHORT_LIABILITY_MINOR = Gauge(
    "laurel_points_cohort_liability_minor",
    "What the outstanding points of a program's month may cost, in minor units of its currency.",
    ["program", "month"],
)
COHORT_BREAKAGE_BP = Gauge(
    "laurel_points_cohort_breakage_bp",
    "Of the points of a program's month that were spent or expired the share that expired.",
    ["program", "month"],
)
FAIRNESS_PROBLEMS = Gauge(
    "laurel_fairness_problems",
    "What somebody should look at: rates of groups beyond the bounds of a program, and equal members decided "
    "differently.",
    ["program"],
)

USAGE_UNPUBLISHED_SECONDS = Gauge(
    "laurel_usage_unpublished_seconds",
    "By a program's clock, how long its oldest month has been settled whose usage is not published.",
    ["program"],
)


class LedgerIdentity:
    """Publishes where points are, from the replica that holds the lease; from others it would only grow old.

    What was issued is pending, active, held, spent, expired or reversed: then
    all balances of a program sum to nothing.
    """

    def __init__(
        self, verification: VerificationHandlers, leases: Leases, *, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._verification, self._leases, self._every_seconds = verification, leases, every_seconds
        self._told: Mapping[str, Conservation] = {}
        self._due = float("-inf")

    async def run(self) -> None:
        """Sum again and again until cancelled; what is down is waited for, and not told meanwhile."""
        while True:
            if LEDGER_SUM not in self._leases.held():
                self._tell({})
                self._due = float("-inf")
            elif time.monotonic() >= self._due:
                self._due = time.monotonic() + self._every_seconds
                await self.run_once()
            await asyncio.sleep(LEASE_SECONDS)

    async def run_once(self) -> None:
        """Sum once, and say what came out."""
        try:
            found = await self._verification.conservation()
        except (PyMongoError, Refusal) as error:
            log("jobs").warning("interrupted", job=LEDGER_SUM, error=type(error).__name__)
            self._tell({})
            return
        self._tell(found)
        LEDGER_SUMMED_TIME.set_to_current_time()
        if broken := [program_id for program_id, each in found.items() if each.difference]:
            log("jobs").error("the ledger does not sum to nothing", programs=broken[:20])

    def _tell(self, found: Mapping[str, Conservation]) -> None:
        for program_id in self._told.keys() - found.keys():
            LEDGER_SUM_POINTS.remove(program_id)
            for state in _points(self._told[program_id]):
                LEDGER_POINTS.remove(program_id, state)
        for program_id, each in found.items():
            LEDGER_SUM_POINTS.labels(program_id).set(-each.difference)
            for state, points in _points(each).items():
                LEDGER_POINTS.labels(program_id, state).set(points)
        self._told = found


def _points(found: Conservation) -> dict[str, int]:
    return {"issued": found.issued, **found.states}


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Told(Protocol[T_contra]):
    """What metrics tell of each program."""

    def tell(self, program_id: str, found: T_contra) -> None:
        """Tell what was found of a program."""

    def forget(self, program_id: str) -> None:
        """Tell nothing of it any more."""


class Number:
    """One number of each program."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def tell(self, program_id: str, found: float) -> None:
        self._gauge.labels(program_id).set(found)

    def forget(self, program_id: str) -> None:
        self._gauge.remove(program_id)


class PointsCost:
    """What the points of a program may cost, and liability and breakage of its latest months."""

    def __init__(self) -> None:
        self._months: dict[str, set[str]] = {}

    def tell(self, program_id: str, found: PointsReport) -> None:
        cohorts = found.cohorts[-MONTHS_COUNTED:]
        LIABILITY_MINOR.labels(program_id).set(found.liability_minor)
        for each in cohorts:
            COHORT_LIABILITY_MINOR.labels(program_id, each.month).set(found.cohort_liability_minor(each))
            COHORT_BREAKAGE_BP.labels(program_id, each.month).set(each.breakage_bp)
        self._keep(program_id, {each.month for each in cohorts})

    def forget(self, program_id: str) -> None:
        LIABILITY_MINOR.remove(program_id)
        self._keep(program_id, set())

    def _keep(self, program_id: str, months: set[str]) -> None:
        for month in self._months.pop(program_id, set()) - months:
            COHORT_LIABILITY_MINOR.remove(program_id, month)
            COHORT_BREAKAGE_BP.remove(program_id, month)
        if months:
            self._months[program_id] = months


class Rounds(Generic[T]):
    """Goes round the programs in the replica that holds a lease: turns for each, then what is told of it.

    A turn is bounded and says whether there is more to do at once. One
    program's trouble does not hold up the others.
    """

    def __init__(
        self,
        lease: str,
        leases: Leases,
        programs: Callable[[], Awaitable[Sequence[str]]],
        *,
        turn: Callable[[str], Awaitable[bool]],
        find: Callable[[str], Awaitable[T]],
        told: Told[T],
        every_seconds: float,
    ) -> None:
        self._lease, self._leases, self._programs = lease, leases, programs
        self._turn, self._find, self._told, self._every_seconds = turn, find, told, every_seconds
        self._known: set[str] = set()

    async def run(self) -> None:
        """Go round until cancelled; what is down is waited for, and nothing is told meanwhile."""
        due = float("-inf")
        while True:
            if self._lease not in self._leases.held():
                self._tell({})
                due = float("-inf")
            elif time.monotonic() >= due:
                started = time.monotonic()
                self._tell(await self.run_once())
                due = time.monotonic() + max(self._every_seconds, REST * (time.monotonic() - started))
            await asyncio.sleep(min(LEASE_SECONDS, self._every_seconds))

    async def run_once(self) -> dict[str, T]:
        """One round; gives what was found of those programs of which it is known."""
        found: dict[str, T] = {}
        try:
            for program_id in await self._programs():
                await self._turns(program_id)
                found[program_id] = await self._find(program_id)
        except (PyMongoError, Refusal, TimeoutError) as error:
            log("jobs").warning("interrupted", job=self._lease, error=type(error).__name__)
        return found

    async def _turns(self, program_id: str) -> None:
        with going_on(self._lease, program_id=program_id):  # such as what somebody made of the records
            for _ in range(TURNS_AT_ONCE):
                if not await self._turn(program_id):
                    break

    def _tell(self, found: Mapping[str, T]) -> None:
        for program_id in self._known - set(found):
            self._told.forget(program_id)
        for program_id, each in found.items():
            self._told.tell(program_id, each)
        self._known = set(found)


class LedgerFollowing:
    """A turn of following: what it finds is told by the metric and, in part, by the log."""

    def __init__(self, handlers: FollowHandlers) -> None:
        self._handlers = handlers

    async def turn(self, program_id: str) -> bool:
        """Verify some entries; whether there may be more."""
        count, faults = await self._handlers.follow(program_id)
        LEDGER_FAULTS.inc(len(faults))
        for fault in faults[:FAULTS_LOGGED]:
            log("jobs").error(
                "the ledger is broken", program_id=program_id, code=fault.code, object_id=fault.object_id
            )
        return count == STRETCH


async def nothing(_: str) -> bool:
    """The turn of rounds that only tell."""
    return False
