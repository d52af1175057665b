"""Clocks that others keep: read once a second at most, and never older than that."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clocks import Clocks, Reading
from libs.common.errors import ProgramUnknown, Unavailable

NOON = datetime(1998, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Keeper:
    """Who keeps the clocks, and how often they were asked."""

    def __init__(self, **readings: Reading) -> None:
        self.readings, self.asked, self.down = readings, list[list[str]](), False

    async def read(self, program_ids: Sequence[str]) -> dict[str, Reading]:
        self.asked.append(list(program_ids))
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable
        return {each: self.readings[each] for each in program_ids if each in self.readings}


class Stopwatch:
    """Seconds that pass when they are told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


async def test_a_ticking_clock_goes_on_from_its_reading_and_a_standing_one_does_not(
    stopwatch: Stopwatch,
) -> None:
    keeper = Keeper(ticking=Reading(NOON, True), standing=Reading(NOON, False))
    at = Clocks(keeper.read, stopwatch=stopwatch)

    first = await at.times(["ticking", "standing"])
    stopwatch.seconds = 0.5
    second = await at.times(["ticking", "standing"])

    assert first == {"ticking": NOON, "standing": NOON}
    assert second == {"ticking": NOON + SECOND / 2, "standing": NOON}
    assert keeper.asked == [["standing", "ticking"]]


async def test_a_moved_clock_is_noticed_within_a_second(stopwatch: Stopwatch) -> None:
    keeper = Keeper(sandbox=Reading(NOON, True))
    at = Clocks(keeper.read, stopwatch=stopwatch)
    await at.time("sandbox")

    keeper.readings["sandbox"] = Reading(NOON + 30 * 86_400 * SECOND, True)
    stopwatch.seconds = 1.0

    assert await at.time("sandbox") == NOON + 30 * 86_400 * SECOND


async def test_those_who_ask_at_once_read_once(stopwatch: Stopwatch) -> None:
    keeper = Keeper(sandbox=Reading(NOON, True))
    at = Clocks(keeper.read, stopwatch=stopwatch)

    await asyncio.gather(*(at.time("sandbox") for _ in range(20)))

    assert keeper.asked == [["sandbox"]]


async def test_no_old_reading_stands_in_for_one_that_cannot_be_had(stopwatch: Stopwatch) -> None:
    keeper = Keeper(sandbox=Reading(NOON, True))
    at = Clocks(keeper.read, stopwatch=stopwatch)
    await at.time("sandbox")

    keeper.down = True
    stopwatch.seconds = 1.0

    with pytest.raises(Unavailable):
        await at.time("sandbox")


async def test_a_program_that_there_is_not_has_no_time(stopwatch: Stopwatch) -> None:
    at = Clocks(Keeper().read, stopwatch=stopwatch)

    assert await at.times(["nowhere"]) == {}
    with pytest.raises(ProgramUnknown):
        await at.time("nowhere")


async def test_more_than_five_hundred_are_read_in_parts(stopwatch: Stopwatch) -> None:
    keeper = Keeper(**{f"p{number:04}": Reading(NOON, False) for number in range(1_100)})

    times = await Clocks(keeper.read, stopwatch=stopwatch).times(keeper.readings)

    assert len(times) == 1_100
    assert [len(each) for each in keeper.asked] == [500, 500, 100]
