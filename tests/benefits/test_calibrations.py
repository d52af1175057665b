"""Calibration: each quarter the thresholds are looked at again, and what is better is a draft for people."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest

from laurel.benefits.v1 import programs_pb2
from libs.common.charter_policy import Calibration
from libs.common.clock import now
from libs.common.movement_policy import Season
from libs.common.program import Program
from services.benefits.clients import RiskClient
from services.benefits.domain.calibrations import CalibrationRun
from services.benefits.domain.threshold_results import Question, Suggestions
from services.benefits.handlers.calibrations import CalibrationDates, CalibrationHandlers
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.handlers.thresholds import Progress, ThresholdHandlers
from services.benefits.jobs import CALIBRATION, Calibrations
from services.benefits.repository.store import BenefitsStore
from services.benefits.walks import WalkClient
from tests.benefits.changing import Desk, a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story

JUNE, JULY, OCTOBER = (datetime(1998, month, 2, tzinfo=UTC) for month in (6, 7, 10))
BOUGHT = datetime(1998, 4, 15, 16, tzinfo=UTC)
# Silver, and not far from gold; who bought once costs no discounts, so all that is looser pays.
NEAR_GOLD = 21_000
SALE = Season.model_validate(
    {
        "key": "sale",
        "name": {"zh": "大促", "en": "Sale"},
        "from_time": datetime(1998, 11, 1, tzinfo=UTC),
        "to_time": datetime(1998, 11, 12, tzinfo=UTC),
        "factor_bp": 8_000,
    }
)


async def a_shop(benefits: BenefitsWorld, *spends: int, **fields: Any) -> Desk:
    """A program that calibrates each quarter, whose members each bought for so much in April."""
    desk = await a_desk(benefits)
    desk.program = desk.program.model_copy(update={"calibration": Calibration(), **fields})
    await benefits.publish(desk.program)
    benefits.members.knows([Story(desk.key).buys(each, at=BOUGHT) for each in spends])
    benefits.members.times[desk.key] = JULY
    return desk


def dates(benefits: BenefitsWorld) -> CalibrationDates:
    """The kind of the calendar, in a replica of its own."""
    store = BenefitsStore(benefits.database)
    return CalibrationDates(store, ProgramHandlers(store, now))


def thresholds(benefits: BenefitsWorld) -> ThresholdHandlers:
    """What looks at thresholds, in a replica of its own."""
    store, times = BenefitsStore(benefits.database), benefits.program_times()
    token = benefits.keys.token("service", "benefits", None)
    walks = WalkClient(benefits.settings.members_address, benefits.settings.scoring_address, token=token)
    risk = RiskClient(benefits.settings.risk_address, token=token)
    benefits.closing(walks, risk)
    programs = ProgramHandlers(store, now)
    follow = FollowHandlers(store, programs, service="benefits", now=now)
    reports = ReportHandlers(store, programs, times, follow)
    return ThresholdHandlers(store, times, reports, walks, Surroundings(store, risk))


def calibrating(benefits: BenefitsWorld, looking: Any = None) -> CalibrationHandlers:
    """What goes through calibrations, in a replica of its own."""
    return CalibrationHandlers(BenefitsStore(benefits.database), looking or thresholds(benefits), now=now)


async def begun(benefits: BenefitsWorld, desk: Desk, *times: datetime) -> int:
    """How many periods the calendar found at these times, one after another."""
    kind, done = dates(benefits), 0
    for time in times:
        due = await kind.due(desk.key, time, 10)
        done += await kind.happen(desk.key, due, time) if due else 0
    return done


async def waiting(benefits: BenefitsWorld, desk: Desk) -> list[CalibrationRun]:
    return [each for each in await calibrating(benefits).waiting() if each.program_id == desk.key]


async def calibrated(benefits: BenefitsWorld, desk: Desk, *times: datetime) -> bool:
    """Whether the calibration of the last of these times has ended."""
    await begun(benefits, desk, *times)
    (run,) = await waiting(benefits, desk)
    return await calibrating(benefits).go_through(run)


async def outcomes(benefits: BenefitsWorld, desk: Desk) -> list[tuple[str, str, int]]:
    """Period, state and version of the calibrations of a program."""
    found = benefits.database.calibrations.find({"program_id": desk.key}).sort("begin_time", 1)
    return [(each["period"], each["state"], each["version"]) async for each in found]


async def test_example_24_what_a_quarter_recalibrates_is_a_draft_until_level_five_approves_it(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits)
    story = await benefits.a_member(NEAR_GOLD, program_id=desk.key)

    await calibrated(benefits, desk, JUNE, JULY)

    draft, live = (await desk.versions()).versions[:2]
    before = await benefits.database.memberships.find_one({"member_id": story.member_id})
    refused = await refusal(desk.publish(draft))
    await desk.publish(await desk.approve(draft))
    await recalculated(benefits, desk.key)
    after = await benefits.database.memberships.find_one({"member_id": story.member_id})
    states = programs_pb2.ProgramVersionState
    assert (states.Name(draft.state), draft.proposed_by) == ("PROGRAM_VERSION_STATE_DRAFT", "calibration")
    assert states.Name(live.state) == "PROGRAM_VERSION_STATE_LIVE"
    assert draft.note.startswith("Calibration 1998-q3. ")
    assert refused[1] == "PROGRAM_VERSION_STATE"
    assert (before["tier"], after["tier"]) == ("silver", "gold")  # type: ignore[index]


async def test_the_proposal_is_recorded_as_ours_and_seasons_stay_as_they_are(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits, NEAR_GOLD)
    seasonal = desk.program.tier_sets[0].model_copy(update={"seasons": (SALE,)})
    desk.program = desk.program.model_copy(update={"tier_sets": (seasonal,)})
    await benefits.publish(desk.program)

    await calibrated(benefits, desk, JUNE, JULY)

    stored = await benefits.database.programs.find_one({"_id": f"{desk.key}@4"})
    draft = Program.parse(bytes(stored["document"]))  # type: ignore[index]
    (main,), (live,) = draft.tier_sets, desk.program.tier_sets
    assert (main.seasons, main.movement, main.tiers != live.tiers) == ((SALE,), live.movement, True)
    record = await benefits.database.audit.find_one({"program_id": desk.key, "actor.subject": "calibration"})
    assert record is not None
    assert (record["act"], record["actor"]["kind"], record["request_id"]) == (
        "ProposeProgram",
        "service",
        "calibration:1998-q3",
    )


async def test_the_period_in_which_a_program_is_first_seen_is_noted_only(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, NEAR_GOLD)

    once, again = await begun(benefits, desk, JUNE), await begun(benefits, desk, JUNE)

    assert (once, again, await waiting(benefits, desk)) == (1, 0, [])
    assert await outcomes(benefits, desk) == [("1998-q2", "noted", 0)]


async def test_of_periods_that_passed_at_once_the_last_one_is_looked_at(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits)

    await begun(benefits, desk, JUNE, OCTOBER, JULY)

    assert [each.period for each in await waiting(benefits, desk)] == ["1998-q4"]


async def test_a_program_without_calibration_has_no_periods_and_one_that_dropped_it_no_proposals(
    benefits: BenefitsWorld,
) -> None:
    plain, dropped = await a_desk(benefits), await a_shop(benefits, NEAR_GOLD)
    await begun(benefits, dropped, JUNE, JULY)
    (run,) = await waiting(benefits, dropped)
    await benefits.publish(dropped.program.model_copy(update={"calibration": None}))

    ended = await calibrating(benefits).go_through(run)

    assert await dates(benefits).due(plain.key, JULY, 10) == []
    assert (ended, (await outcomes(benefits, dropped))[1:]) == (True, [("1998-q3", "kept", 0)])


async def test_nothing_is_proposed_where_every_threshold_is_best_as_it_is(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits)

    ended = await calibrated(benefits, desk, JUNE, JULY)

    assert ended
    assert await outcomes(benefits, desk) == [("1998-q2", "noted", 0), ("1998-q3", "kept", 0)]
    assert [each for _, each in await desk.states()] == ["LIVE", "RETIRED"]


async def test_two_replicas_at_once_propose_once(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, NEAR_GOLD)
    found = await asyncio.gather(*(begun(benefits, desk, JUNE) for _ in range(2)))
    found += await asyncio.gather(*(begun(benefits, desk, JULY) for _ in range(2)))
    (run,) = await waiting(benefits, desk)

    await asyncio.gather(*(calibrating(benefits).go_through(run) for _ in range(2)))

    assert sorted(found) == [0, 0, 1, 1]
    assert [each for _, each in await desk.states()] == ["DRAFT", "LIVE", "RETIRED"]
    records = benefits.database.audit.count_documents
    assert await records({"program_id": desk.key, "actor.subject": "calibration"}) == 1


async def test_the_same_is_not_proposed_again_while_it_waits_for_people(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, NEAR_GOLD)
    await calibrated(benefits, desk, JUNE, JULY)

    await calibrated(benefits, desk, OCTOBER)

    assert (await outcomes(benefits, desk))[1:] == [("1998-q3", "proposed", 3), ("1998-q4", "proposed", 3)]
    assert [each for _, each in await desk.states()] == ["DRAFT", "LIVE", "RETIRED"]


class Recorded:
    """Gives suggestions that were made before."""

    def __init__(self, suggestions: Suggestions) -> None:
        self._suggestions = suggestions

    async def suggest(self, question: Question) -> AsyncGenerator[Progress | Suggestions, None]:
        yield self._suggestions


async def test_what_was_found_for_an_overtaken_version_is_looked_for_anew(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, NEAR_GOLD)
    await begun(benefits, desk, JUNE, JULY)
    (run,) = await waiting(benefits, desk)
    *_, found = [each async for each in thresholds(benefits).suggest(Question(desk.key))]
    assert isinstance(found, Suggestions)
    await benefits.publish(desk.program.model_copy(update={"industry": "books"}))

    ended = await calibrating(benefits, Recorded(found)).go_through(run)
    after = await calibrating(benefits).go_through(run)

    assert (ended, after) == (False, True)
    (draft,) = [each for each in (await desk.versions()).versions if each.proposed_by == "calibration"]
    assert draft.based_on == 3


class Held:
    """The leases of the only replica."""

    def held(self) -> frozenset[str]:
        return frozenset({CALIBRATION})


class Failing:
    """Calibrations of two programs, of which one fails."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def waiting(self) -> list[CalibrationRun]:
        return [CalibrationRun(each, "1998-q3", JULY) for each in ("broken", "sound")]

    async def go_through(self, run: CalibrationRun) -> bool:
        self.tried.append(run.program_id)
        if run.program_id == "broken":
            raise ValueError("no such luck")
        return True


@pytest.mark.parametrize(("every_seconds", "tried"), [(0.0, 2), (60.0, 1)], ids=["after its rest", "at rest"])
async def test_one_that_fails_keeps_no_other_waiting_and_is_tried_again_after_a_rest(
    every_seconds: float, tried: int
) -> None:
    handlers = Failing()
    job = Calibrations(handlers, Held(), every_seconds=every_seconds)  # type: ignore[arg-type]

    await job.run_once()
    await job.run_once()

    assert handlers.tried.count("broken") == tried
    assert handlers.tried.count("sound") == 2
