"""The calendar: what falls due happens once, in order, by the time of the program, whatever goes wrong."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from libs.common import aside, calendar
from libs.common.calendar import Due, Page, next_page
from libs.common.caller import Principal
from libs.common.errors import Unavailable
from libs.common.mongo import Database
from libs.common.pipeline import PipelineReader
from libs.common.redis import connect_redis
from libs.common.rpc.time import moment as moment_of
from tests.common.calendar_world import BEGIN, DAY, PROGRAM, Things, Town, nothing
from tests.common.streams_world import running, until


@pytest.fixture
def town(database: Database) -> Town:
    return Town(database)


@pytest.fixture
def things(database: Database) -> Things:
    return Things(database)


# What comes next


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=4))
def test_pages_in_their_order_are_everything_by_time_and_within_a_moment_by_kind(
    days: list[list[int]],
) -> None:
    kinds = [Things(None, str(place)) for place in range(len(days))]  # type: ignore[arg-type]
    left = {
        kind.name: [Due(f"{number}", BEGIN + day * DAY) for number, day in enumerate(sorted(each))]
        for kind, each in zip(kinds, days, strict=True)
    }
    happened = []

    while page := next_page([Page(kind, left[kind.name]) for kind in kinds]):
        happened += [(item.due_time, page.kind.name) for item in page.items]
        left[page.kind.name] = left[page.kind.name][len(page.items) :]

    assert happened == sorted(happened)
    assert len(happened) == sum(map(len, days))


# By the time of the program


async def test_what_falls_due_happens_when_the_program_gets_there_and_not_before(
    town: Town, things: Things
) -> None:
    await things.add(BEGIN + 2 * DAY, "b")
    await things.add(BEGIN + 1 * DAY, "a")
    at = await town.calendar(things)

    await at.run_once()
    before = await town.effects()
    town.times[PROGRAM] += 2 * DAY
    await at.run_once()

    assert before == []
    assert await town.effects() == ["a", "b"]
    assert await town.done_time() == BEGIN + 2 * DAY


async def test_kinds_take_turns_by_due_time_and_at_one_moment_in_the_order_of_registration(
    town: Town, database: Database
) -> None:
    first, second = Things(database, "first"), Things(database, "second")
    await second.add(BEGIN + 1 * DAY, "s1")
    await first.add(BEGIN + 2 * DAY, "f2", "f2_too")
    await second.add(BEGIN + 2 * DAY, "s2")
    await first.add(BEGIN + 3 * DAY, "f3")
    at = await town.calendar(first, second)
    await at.run_once()
    town.times[PROGRAM] += 5 * DAY

    await at.run_once()

    assert await town.effects() == ["s1", "f2", "f2_too", "s2", "f3"]
    assert first.pages == [["f2", "f2_too"], ["f3"]]


async def test_what_happens_may_bring_about_more_that_is_due_on_the_way(
    town: Town, database: Database
) -> None:
    parent, child = Things(database, "parent"), Things(database, "child")

    async def bears(items: Sequence[Due]) -> None:
        for item in items:
            await child.add(item.due_time + DAY, f"child of {item.key}")

    parent.after = bears
    await parent.add(BEGIN + 1 * DAY, "a")
    await child.add(BEGIN + 4 * DAY, "another")
    at = await town.calendar(parent, child)
    await at.run_once()
    town.times[PROGRAM] += 5 * DAY

    await at.run_once()

    assert await town.effects() == ["a", "child of a", "another"]


async def test_a_clock_that_stands_still_brings_nothing_about_and_a_move_does(
    town: Town, things: Things
) -> None:
    await things.add(BEGIN + timedelta(milliseconds=1), "next")
    at = await town.calendar(things)
    for _ in range(3):
        await at.run_once()
    standing = await town.effects()

    town.times[PROGRAM] += timedelta(milliseconds=1)
    await at.run_once()

    assert (standing, await town.effects()) == ([], ["next"])


# Fresh or in silence


async def test_the_first_sight_of_a_program_makes_up_for_the_past_in_silence(
    town: Town, things: Things
) -> None:
    await things.add(BEGIN - 3000 * DAY, "years ago")
    await things.add(BEGIN - 7 * DAY - timedelta(milliseconds=1), "a moment too long ago")
    await things.add(BEGIN - 7 * DAY, "seven days ago")

    await (await town.calendar(things)).run_once()

    assert await town.effects() == ["(years ago)", "(a moment too long ago)", "seven days ago"]


async def test_a_clock_moved_by_months_signals_everything_on_the_way(town: Town, things: Things) -> None:
    at = await town.calendar(things)
    await at.run_once()
    for month in range(12):
        await things.add(BEGIN + (1 + 30 * month) * DAY, f"{month:02}")
    town.times[PROGRAM] += 400 * DAY

    await at.run_once()

    assert await town.effects() == [f"{month:02}" for month in range(12)]


async def test_what_turns_up_late_is_told_for_seven_days_only(town: Town, things: Things) -> None:
    at = await town.calendar(things)
    await at.run_once()
    town.times[PROGRAM] += 100 * DAY
    await at.run_once()

    await things.add(BEGIN + 10 * DAY, "long ago")
    await things.add(BEGIN + 95 * DAY, "lately")
    await at.run_once()

    assert await town.effects() == ["(long ago)", "lately"]


async def test_a_run_that_was_cut_signals_the_rest_of_a_long_way_too(
    town: Town, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "PAGE_ITEMS", 1)
    monkeypatch.setattr(calendar, "PAGES_MAX", 2)
    at = await town.calendar(things)
    await at.run_once()
    for day in range(10, 60, 10):
        await things.add(BEGIN + day * DAY, str(day))
    town.times[PROGRAM] += 90 * DAY

    await at.run_once()
    cut = await town.effects()
    for _ in range(2):  # by another process, which knows what is kept
        await (await town.calendar(things, holder="two")).run_once()

    assert cut == ["10", "20"]
    assert await town.effects() == ["10", "20", "30", "40", "50"]
    assert await town.done_time() == BEGIN + 90 * DAY


# Bounds


async def test_pages_are_bounded_and_a_program_with_much_to_do_lets_others_have_their_turn(
    town: Town, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "PAGE_ITEMS", 10)
    monkeypatch.setattr(calendar, "PAGES_MAX", 3)
    town.times = {"busy": BEGIN, "quiet": BEGIN}
    at = await town.calendar(things)
    await at.run_once()
    await things.add(BEGIN + DAY, *(f"{number:03}" for number in range(100)), program_id="busy")
    await things.add(BEGIN + DAY, "quiet", program_id="quiet")
    town.times = dict.fromkeys(town.times, BEGIN + 2 * DAY)

    await at.run_once()

    assert [len(page) for page in things.pages] == [10, 10, 10, 1]
    assert (await town.effects())[-1] == "quiet"


# Whatever goes wrong


async def test_a_kill_between_the_effect_and_what_is_kept_of_it_repeats_nothing(
    town: Town, things: Things
) -> None:
    async def dies(items: Sequence[Due]) -> None:
        raise asyncio.CancelledError

    at = await town.calendar(things)
    await at.run_once()
    await things.add(BEGIN + 40 * DAY, "a", "b")
    town.times[PROGRAM] += 90 * DAY
    things.after = dies
    with pytest.raises(asyncio.CancelledError):
        await at.run_once()
    kept = await town.done_time()

    await (await town.calendar(Things(town.database), holder="two")).run_once()

    assert kept < BEGIN + 40 * DAY
    assert await town.effects() == ["a", "b"]
    assert await town.done_time() == BEGIN + 90 * DAY


async def test_two_at_once_make_everything_happen_once(town: Town, database: Database) -> None:
    keys = [f"{number:03}" for number in range(300)]
    kinds = Things(database), Things(database)
    await kinds[0].add(BEGIN - DAY, *keys)
    both = [await town.calendar(kind, holder=f"holder {place}") for place, kind in enumerate(kinds)]

    async with running(*(each.run() for each in both)):
        await until(lambda: _has_happened(town, len(keys)), seconds=30)

    assert Counter(await town.effects()) == Counter(keys)


async def _has_happened(town: Town, count: int) -> bool:
    return await town.database.things.count_documents({"happened": True}) == count


async def test_who_does_not_hold_the_lease_does_nothing(town: Town, things: Things) -> None:
    await things.add(BEGIN - DAY, "a")
    at = await town.calendar(things)
    at._leases._held = frozenset()

    await at.run_once()

    assert await town.effects() == []


async def test_one_thing_that_fails_by_itself_holds_up_no_other(town: Town, things: Things) -> None:
    await things.add(BEGIN - 3 * DAY, "a", "broken", "c")
    await things.add(BEGIN - 2 * DAY, "d")
    at = await town.calendar(_failing(things, "broken"))

    await at.run_once()
    await at.run_once()

    assert await town.effects() == ["a", "c", "d"]
    assert await town.done_time() == BEGIN
    letter = await town.database.dead_letters.find_one({"stream": "calendar/things"})
    assert letter is not None
    assert (letter["subject"], letter["error"]) == ("broken", "ValueError: broken")


async def test_what_was_put_aside_is_left_alone_for_a_while_and_who_begins_anew_tries_it(
    town: Town, things: Things
) -> None:
    await things.add(BEGIN - 2 * DAY, "broken", "broken too")
    at = await town.calendar(_failing(things, "broken"))
    await at.run_once()
    things.before = nothing
    await at.run_once()
    left_alone = await town.effects()

    await (await town.calendar(things, holder="two")).run_once()

    assert left_alone == []
    assert await town.effects() == ["broken", "broken too"]
    assert await town.database.dead_letters.count_documents({}) == 0


async def test_what_was_put_aside_is_tried_again_after_that_while(
    town: Town, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    await things.add(BEGIN - 2 * DAY, "broken")
    at = await town.calendar(_failing(things, "broken"))
    monkeypatch.setattr(aside, "AGAIN_SECONDS", 0.0)
    await at.run_once()

    things.before = nothing
    await at.run_once()

    assert await town.effects() == ["broken"]
    assert await town.database.dead_letters.count_documents({}) == 0


async def test_when_too_much_fails_by_itself_the_calendar_waits(
    town: Town, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "ASIDE_MAX", 3)
    await things.add(BEGIN - 2 * DAY, *(f"broken {number}" for number in range(5)))
    await things.add(BEGIN - 1 * DAY, "after them")
    at = await town.calendar(_failing(things, "broken"))

    for _ in range(3):
        await at.run_once()

    assert await town.effects() == []
    assert await town.database.dead_letters.count_documents({}) == 3


async def test_what_stays_due_after_it_happened_is_put_aside(town: Town, database: Database) -> None:
    class Deaf(Things):
        async def happen(self, program_id: str, items: Sequence[Due], fresh_since: object) -> int:
            return len(items)

    deaf, after = Deaf(database, "deaf"), Things(database, "after")
    await deaf.add(BEGIN - 2 * DAY, "a")
    await after.add(BEGIN - 1 * DAY, "b")

    await (await town.calendar(deaf, after)).run_once()

    assert await town.effects() == ["b"]
    assert await town.database.dead_letters.count_documents({"subject": "a"}) == 1


@pytest.mark.parametrize("outage", [Unavailable(), AutoReconnect(), TimeoutError()], ids=repr)
async def test_what_is_down_is_waited_for_and_other_programs_go_on(
    town: Town, things: Things, outage: Exception
) -> None:
    down = True

    async def fails(items: Sequence[Due]) -> None:
        if down and items[0].key == "a":
            raise outage

    things.before = fails
    town.times["other"] = BEGIN
    await things.add(BEGIN - DAY, "a", "b")
    await things.add(BEGIN - DAY, "elsewhere", program_id="other")
    at = await town.calendar(things)

    async with running(at.run()):
        await until(lambda: _has_happened(town, 1))
        down = False
        await until(lambda: _has_happened(town, 3))

    assert await town.effects() == ["elsewhere", "a", "b"]
    assert await town.database.dead_letters.count_documents({}) == 0


async def test_a_page_that_runs_out_of_time_is_made_smaller_until_it_does_not(
    town: Town, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def takes_long(items: Sequence[Due]) -> None:
        if len(items) > 3:
            raise TimeoutError

    monkeypatch.setattr(calendar, "PAGE_ITEMS", 16)
    monkeypatch.setattr(calendar, "REST_SECONDS_MAX", 0.01)
    things.before = takes_long
    await things.add(BEGIN - DAY, *(f"{number:02}" for number in range(16)))

    async with running((await town.calendar(things)).run()):
        await until(lambda: _has_happened(town, 16), seconds=30)

    assert max(map(len, things.pages)) <= 3


async def test_a_calendar_that_cannot_ask_the_time_waits(town: Town, things: Things) -> None:
    asked = 0

    async def fails() -> dict[str, object]:
        nonlocal asked
        asked += 1
        raise Unavailable

    await things.add(BEGIN - DAY, "a")
    at = await town.calendar(things)
    tells, at._times = at._times, fails  # type: ignore[assignment]

    async with running(at.run()):
        await until(lambda: _is_more_than(lambda: asked, 2))
        at._times = tells
        await until(lambda: _has_happened(town, 1))


async def _is_more_than(number: object, least: int) -> bool:
    return number() > least  # type: ignore[operator,no-any-return]


# What it tells


async def test_the_pipeline_tells_how_far_each_calendar_is_and_what_happened(
    town: Town, things: Things, redis_url: str
) -> None:
    async def no_positions(program_id: str | None) -> dict[str, tuple[int, int]]:
        return {}

    town.times["other"] = BEGIN + DAY
    await things.add(BEGIN - DAY, "a", "b", "c")
    await (await town.calendar(things)).run_once()
    redis = connect_redis(redis_url)
    reader = PipelineReader("made_up", town.database, redis, [], no_positions)

    to_service = await reader.status(Principal("benefits", "service", ""))
    to_staff = await reader.status(Principal("ann", "staff", PROGRAM))
    with suppress(Exception):
        await redis.aclose()

    assert [(each.program_id, moment_of(each.done_time)) for each in to_service.calendars] == [
        (PROGRAM, BEGIN),
        ("other", BEGIN + DAY),
    ]
    assert [(each.program_id, dict(each.counts)) for each in to_staff.calendars] == [(PROGRAM, {"things": 3})]


def _failing(things: Things, key: str) -> Things:
    """The kind, which fails with what has this in its key, and so with every page that holds it."""

    async def fails(items: Sequence[Due]) -> None:
        if any(item.key.startswith(key) for item in items):
            raise ValueError(key)

    things.before = fails
    return things
