"""Dormancy from end to end: the calendar of members over its RPCs, as the clock of a sandbox is moved."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.calendar import CALENDAR, Calendar, Due
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.rpc.time import moment, timestamp
from services.members.handlers import programs
from services.members.handlers.activity import Dormancy
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM, a_batch, an_event

DAY = timedelta(days=1)
ACTIVE, DORMANT = events_pb2.ACTIVITY_STATE_ACTIVE, events_pb2.ACTIVITY_STATE_DORMANT
LOGIN, PURCHASE = events_pb2.EVENT_KIND_LOGIN, events_pb2.EVENT_KIND_PURCHASE


class Story:
    """Members of the sandbox, its clock, and the calendars of some replicas."""

    def __init__(self, members: MembersWorld) -> None:
        self.members = members

    async def calendar(self, holder: str = "one") -> Calendar:
        """A calendar that holds its lease from now on; a group each, so that several believe they do."""
        begun = now()
        leases = Leases(self.members.database, [CALENDAR], group=holder, holder=holder, now=lambda: begun)
        await leases.renew()
        return Calendar(
            self.members.database, leases, [self.members.dormancy], self.members.times, service="members"
        )

    async def time(self) -> datetime:
        return (await self.members.times())[PROGRAM]

    async def joins(self, at: datetime | None = None) -> str:
        """A member who registers, now by the program's clock."""
        request = pb.RegisterMembersRequest(
            program_id=PROGRAM,
            request_id=new_id("req"),
            registrations=[
                pb.Registration(
                    external_member_id=new_id("ext"), registered_time=timestamp(at or await self.time())
                )
            ],
        )
        return (await self.members.partner.RegisterMembers(request)).results[0].member.member_id

    async def does(self, member: str, at: datetime, kind: events_pb2.EventKind.ValueType = LOGIN) -> None:
        fields = {"amount_minor": 100, "currency": "USD"} if kind == PURCHASE else {}
        answer = await self.members.partner.RecordEvents(
            a_batch(an_event(member, kind, at=at, **fields))  # type: ignore[arg-type]
        )
        assert answer.results[0].outcome == pb.EVENT_OUTCOME_ACCEPTED

    async def passes(self, days: int) -> None:
        """The clock is moved, and the calendar runs."""
        await self.moves(days)
        await (await self.calendar()).run_once()

    async def moves(self, days: int) -> None:
        request = pb.MoveClockRequest(program_id=PROGRAM, request_id=new_id("req"), by_seconds=days * 86_400)
        await self.members.staff.MoveClock(request)

    async def state(self, member: str) -> tuple[int, datetime]:
        request = pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[member])
        found = (await self.members.staff.BatchGetMembers(request)).results[0].member
        return found.activity_state, moment(found.activity_since_time)

    async def kept_since(self, member: str) -> tuple[datetime, datetime]:
        """Since when the calendar finds a member, and since when they are absent."""
        stored = await self.members.database.members.find_one({"_id": member})
        assert stored is not None
        return stored["absent_since"], stored["activity"]["absent_since"]

    async def announced(self, member: str) -> list[tuple[int, int, bool]]:
        """State, spell and wake-up of each announcement; all of a member's are without gaps."""
        rows = (
            await self.members.database.outbox.find({"subject": member}).sort("change_seq", 1).to_list(None)
        )
        assert [row["change_seq"] for row in rows] == list(range(1, len(rows) + 1))
        changes = [
            events_pb2.ActivityChanged.FromString(row["payload"]).change
            for row in rows
            if row["type"] == "ActivityChanged"
        ]
        return [(change.state, change.spell, change.wake_up) for change in changes]


@pytest.fixture
async def story(members: MembersWorld, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(programs, "KNOWN_SECONDS", 0.0)  # the clocks of all replicas are right at once
    found = Story(members)
    await (await found.calendar()).run_once()  # which has seen the program before
    return found


async def test_29_days_after_the_last_login_a_member_is_about_after_30_dormant_and_a_login_clears_it(
    story: Story,
) -> None:
    member = await story.joins()
    logged_in = await story.time()
    await story.does(member, logged_in)

    await story.passes(29)
    after_29 = (await story.state(member))[0]
    await story.passes(1)
    after_30 = await story.state(member)
    back = await story.time()
    await story.does(member, back)

    assert after_29 == ACTIVE
    assert after_30 == (DORMANT, logged_in + 30 * DAY)
    assert await story.state(member) == (ACTIVE, back)
    assert await story.announced(member) == [(DORMANT, 1, True), (ACTIVE, 1, False)]


async def test_who_is_back_and_stays_away_again_is_woken_up_again(story: Story) -> None:
    member = await story.joins()
    await story.passes(31)
    await story.does(member, await story.time(), PURCHASE)

    await story.passes(31)

    assert await story.announced(member) == [(DORMANT, 1, True), (ACTIVE, 1, False), (DORMANT, 2, True)]


async def test_an_event_leaves_the_index_alone_and_the_calendar_moves_it_when_it_looks(story: Story) -> None:
    member = await story.joins()
    joined, _ = await story.kept_since(member)
    await story.moves(10)
    seen = await story.time()
    await story.does(member, seen)

    by_the_event = await story.kept_since(member)
    await story.passes(21)
    by_the_calendar = await story.kept_since(member)
    after_31 = (await story.state(member))[0]
    await story.passes(9)

    assert by_the_event == (joined, seen)
    assert by_the_calendar == (seen, seen)
    assert after_31 == ACTIVE
    assert await story.state(member) == (DORMANT, seen + 30 * DAY)
    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_a_member_who_was_stored_before_there_was_such_a_field_falls_asleep_as_any(
    story: Story,
) -> None:
    member = await story.joins()
    of_the_past = {"$unset": {"activity.absent_since": ""}}
    await story.members.database.members.update_one({"_id": member}, of_the_past)

    await story.passes(30)

    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_months_of_absence_wake_up_once_however_often_the_calendar_runs(story: Story) -> None:
    member = await story.joins()

    for _ in range(5):
        await story.passes(40)

    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_one_long_move_signals_what_fell_due_on_the_way(story: Story) -> None:
    member = await story.joins()

    await story.passes(300)

    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_history_that_is_loaded_wakes_nobody(story: Story) -> None:
    time = await story.time()
    years_ago, lately = await story.joins(time - 3000 * DAY), await story.joins(time - 36 * DAY)
    await story.does(years_ago, time - 2000 * DAY)

    await (await story.calendar()).run_once()

    assert await story.announced(years_ago) == [(DORMANT, 1, False)]
    assert await story.announced(lately) == [(DORMANT, 1, True)]


async def test_a_late_event_corrects_the_state_without_a_second_signal_in_the_spell(story: Story) -> None:
    member = await story.joins()
    joined = await story.time()
    await story.passes(31)

    await story.does(member, joined + 20 * DAY)
    corrected = await story.state(member)
    await story.passes(20)

    assert corrected == (ACTIVE, joined + 20 * DAY)
    assert (await story.state(member))[0] == DORMANT
    assert await story.announced(member) == [(DORMANT, 1, True), (ACTIVE, 1, False), (DORMANT, 1, False)]


async def test_a_late_event_from_before_the_member_was_last_seen_wakes_nobody(story: Story) -> None:
    member = await story.joins()
    joined = await story.time()
    await story.passes(31)

    await story.does(member, joined - 3 * DAY)
    await (await story.calendar()).run_once()

    assert (await story.state(member))[0] == DORMANT
    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_three_replicas_at_once_signal_once(story: Story) -> None:
    everybody = [await story.joins() for _ in range(30)]
    await story.moves(40)

    await asyncio.gather(*[(await story.calendar(holder)).run_once() for holder in ("one", "two", "three")])

    for member in everybody:
        assert await story.announced(member) == [(DORMANT, 1, True)]


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_kill_before_or_after_the_commit_signals_once(story: Story, dies: str) -> None:
    member = await story.joins()
    await story.moves(40)
    killed = await story.calendar()
    killed._kinds = (Dying(story.members.dormancy, dies),)

    with pytest.raises(asyncio.CancelledError):
        await killed.run_once()
    at_the_kill = await story.announced(member)
    await (await story.calendar("two")).run_once()

    assert at_the_kill == ([] if dies == "before" else [(DORMANT, 1, True)])
    assert await story.announced(member) == [(DORMANT, 1, True)]


@dataclass
class Dying:
    """Dormancy in a process that is killed before or after its transaction."""

    dormancy: Dormancy
    dies: str
    name: str = "dormancy"

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        return await self.dormancy.due(program_id, until, limit)

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        if self.dies == "after":
            await self.dormancy.happen(program_id, items, fresh_since)
        raise asyncio.CancelledError


async def test_the_days_of_a_new_version_count(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    member = await story.joins()
    await story.passes(12)
    before = (await story.state(member))[0]

    monkeypatch.setattr(programs, "READ_ANEW_SECONDS", 0.0)
    monkeypatch.setattr(story.members.programs, "dormancy_days", 10)
    await (await story.calendar()).run_once()
    shortened = (await story.state(member))[0]
    monkeypatch.setattr(story.members.programs, "dormancy_days", 30)
    await (await story.calendar()).run_once()

    assert (before, shortened) == (ACTIVE, DORMANT)
    assert await story.announced(member) == [(DORMANT, 1, True)]


async def test_who_is_due_is_found_by_an_index(story: Story) -> None:
    wanted = {"program_id": PROGRAM, "absent_since": {"$lte": await story.time()}}
    sort = [("absent_since", 1), ("_id", 1)]

    plan = await story.members.database.members.find(wanted).sort(sort).limit(200).explain()

    used = str(plan["queryPlanner"]["winningPlan"])
    assert "program_id_1_absent_since_1__id_1" in used
    assert "COLLSCAN" not in used
    assert "SORT" not in used
