"""What `laurel clock` reads of its options and of the calendars, and what a calendar that is behind means."""

from datetime import UTC, datetime, timedelta

import pytest

from laurel.common.v1 import pipeline_pb2
from libs.cli.clocks import Move, happened, point, positions_in, share, span
from libs.cli.commands.clock import clock
from libs.cli.errors import CommandError
from libs.cli.pipeline import BEHIND, waiting
from libs.common.rpc.time import timestamp

JULY = datetime(1998, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MOVED = Move("music_store", JULY, JULY + 10 * DAY)


def a_status(service: str, done: datetime | None, **counts: int) -> pipeline_pb2.PipelineStatus:
    """What a service says that has a calendar of the music store, or none."""
    status = pipeline_pb2.PipelineStatus(service=service)
    if done is not None:
        status.calendars.add(program_id="music_store", done_time=timestamp(done), counts=counts)
    return status


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", 30 * DAY),
        ("12h", DAY / 2),
        ("2w", 14 * DAY),
        ("1w2d3h4m5s", timedelta(days=9, hours=3, minutes=4, seconds=5)),
    ],
)
def test_a_length_of_time_is_numbers_with_units(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "30", "d", "-3d", "0d", "3 d", "3x", "1.5d", "9999999d"])
def test_what_is_no_length_of_time_is_told_with_an_example(text: str) -> None:
    with pytest.raises(CommandError, match="such as 30d"):
        span(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1998-09-01", datetime(1998, 9, 1, 4, tzinfo=UTC)),
        ("1998-09-01T12:30", datetime(1998, 9, 1, 16, 30, tzinfo=UTC)),
        ("1998-09-01T12:30Z", datetime(1998, 9, 1, 12, 30, tzinfo=UTC)),
        ("1998-12-01", datetime(1998, 12, 1, 5, tzinfo=UTC)),
    ],
    ids=["a day", "a time", "a time that says its zone", "a day in winter"],
)
def test_a_time_is_the_programs_own_where_it_says_no_zone(text: str, moment: datetime) -> None:
    assert point(text, "America/New_York") == moment


def test_what_is_no_time_is_told_with_an_example() -> None:
    with pytest.raises(CommandError, match="such as 1998-09-01"):
        point("tomorrow", "UTC")


@pytest.mark.parametrize(
    ("programs", "options", "says"),
    [
        (["music_store"], {"by": "1d", "to": "2001-01-01"}, "--by 30d, or --to 1998-09-01"),
        (["music_store", "other"], {"by": "1d"}, "clock of one program"),
        (None, {"by": "tomorrow"}, "such as 30d"),
    ],
    ids=["both", "several", "no length"],
)
def test_a_move_that_means_nothing_is_told_before_anything_is_asked(
    programs: list[str] | None, options: dict[str, str], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        clock(programs, **options)  # type: ignore[arg-type]


def test_the_way_is_as_far_as_the_slowest_calendar_and_who_has_none_is_not_waited_for() -> None:
    found = [
        a_status("members", JULY + 10 * DAY),
        a_status("benefits", JULY + 4 * DAY),
        a_status("risk", None),
    ]

    assert share(positions_in(found, "music_store"), MOVED) == 0.4
    assert share(positions_in(found[:1], "music_store"), MOVED) == 1.0
    assert share(positions_in(found, "other_store"), MOVED) == 1.0
    assert share(positions_in([a_status("members", JULY - 3 * DAY)], "music_store"), MOVED) == 0.0


def test_what_happened_is_the_difference_by_service_and_kind() -> None:
    before = positions_in([a_status("members", JULY, dormancy=5)], "music_store")
    after = positions_in(
        [a_status("members", JULY, dormancy=12), a_status("benefits", JULY, expiry=3)], "music_store"
    )

    assert happened(before, after) == {("benefits", "expiry"): 3, ("members", "dormancy"): 7}


def test_a_calendar_that_is_behind_the_time_of_its_program_is_waited_for() -> None:
    found = [a_status("members", JULY), a_status("benefits", JULY + DAY)]

    (left,) = waiting(found, {"music_store": JULY + DAY + BEHIND})

    assert left.startswith("members: calendar of music_store is at 1998-07-01 00:00:00")


def test_a_calendar_that_keeps_up_is_not_waited_for_nor_one_of_a_program_without_a_known_time() -> None:
    found = [a_status("members", JULY), a_status("risk", None)]

    assert waiting(found, {"music_store": JULY + BEHIND}) == []
    assert waiting(found, {"other_store": JULY + DAY}) == []
    assert waiting(found) == []
