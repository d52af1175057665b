"""What time it is in programs, for services that do not keep their clocks themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.errors import ProgramUnknown

READ_MAX = 500
AGE_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The time of a program at the moment of reading, and whether its clock goes on from there."""

    time: datetime
    ticking: bool

    def after(self, seconds: float) -> datetime:
        """The time so much later, if nobody moved the clock meanwhile."""
        return self.time + timedelta(seconds=seconds) if self.ticking else self.time


ReadClocks = Callable[[Sequence[str]], Awaitable[Mapping[str, Reading]]]


class Clocks:
    """Clocks that were read a second ago at most; so long a moved clock may go unnoticed.

    A reading that fails is not replaced by an old one: what goes by a
    program's time waits until it can be known.
    """

    def __init__(self, read: ReadClocks, *, stopwatch: Callable[[], float] = time.monotonic) -> None:
        """`read` leaves out programs that there are not, and takes up to five hundred at once."""
        self._read, self._stopwatch = read, stopwatch
        # By program: when it was asked for, when it came, and what came.
        self._readings: dict[str, tuple[float, float, Reading]] = {}
        self._turn = asyncio.Lock()

    async def time(self, program_id: str) -> datetime:
        """The time of a program, or ProgramUnknown."""
        times = await self.times([program_id])
        if program_id not in times:
            raise ProgramUnknown(program_id=program_id)
        return times[program_id]

    async def times(self, program_ids: Iterable[str]) -> dict[str, datetime]:
        """The time of each of these programs that there is."""
        wanted = sorted(set(program_ids))
        async with self._turn:  # so that those who ask at once read once
            await self._refresh(wanted)
        moment = self._stopwatch()
        found = {each: self._readings[each] for each in wanted if each in self._readings}
        return {each: reading.after(moment - came) for each, (_, came, reading) in found.items()}

    async def _refresh(self, wanted: Sequence[str]) -> None:
        begun = self._stopwatch()
        old = [each for each in wanted if not self._is_young(each, begun)]
        for place in range(0, len(old), READ_MAX):
            asked = old[place : place + READ_MAX]
            readings = await self._read(asked)
            came = self._stopwatch()
            for each in asked:
                self._readings.pop(each, None)
                if each in readings:
                    self._readings[each] = (begun, came, readings[each])

    def _is_young(self, program_id: str, moment: float) -> bool:
        found = self._readings.get(program_id)
        return found is not None and moment - found[0] < AGE_SECONDS_MAX
