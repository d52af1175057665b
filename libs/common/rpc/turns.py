"""Turns of calls that end soon: one principal's are worked on so many at a time, and others in between."""

import asyncio
from collections import Counter, deque

from libs.common.caller import Principal
from libs.common.rpc.watching import Holder, give_back, holder_of, take

AT_WORK_MAX = 8
"""Calls of one principal that are worked on at once: as many as keep a process busy."""


class Turns:
    """The calls under way at one server, by principal, who has no more than so many.

    What one principal sends at once waits for its own turn, so it costs others
    the time of a few calls, however many there are.
    """

    def __init__(self, places_max: int) -> None:
        self._places_max = places_max
        self._taken: Counter[Holder] = Counter()
        self._waiting: dict[Holder, deque[asyncio.Future[None]]] = {}

    async def take(self, principal: Principal) -> Holder:
        """Take a place, and wait for the turn; Overloaded when the principal has too many places.

        Our own services do not wait: a call of theirs may be what another one waits for.
        """
        holder = holder_of(principal)
        take(self._taken, holder, self._places_max)
        if self._taken[holder] > AT_WORK_MAX and principal.kind != "service":
            try:
                await self._turn(holder)
            except BaseException:
                give_back(self._taken, holder)
                raise
        return holder

    def end(self, holder: Holder) -> None:
        """Give the place back, and the turn to whoever of this principal has waited longest."""
        give_back(self._taken, holder)
        if holder in self._waiting:
            self._pass_on(holder)

    async def _turn(self, holder: Holder) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come in the same moment
                self._pass_on(holder)
            raise

    def _pass_on(self, holder: Holder) -> None:
        waiting = self._waiting.get(holder, deque())
        while waiting:
            turn = waiting.popleft()
            if not turn.done():  # as it is when its caller gave up
                turn.set_result(None)
                break
        if not waiting:
            self._waiting.pop(holder, None)
