"""The changes of one member, of all services in one stream: a service that is away costs its part only."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc

from libs.common.errors import Unavailable
from libs.common.rpc.errors import reason_of, retry_after_seconds
from libs.common.telemetry import log
from services.gateway.clients import Watch
from services.gateway.live.cursor import Places, Service
from services.gateway.values import wire

QUEUE_MAX = 100
CHANGES_MAX = 100
"""Of one event, which is one answer to a client."""
FIRST_SECONDS = 2.0
"""How long the first event waits for services that do not answer."""
ANSWER_SECONDS = 5.0
SILENCE_SECONDS = 75.0
"""Services say something every half minute."""
AWAY_SECONDS = 5.0
"""From when on clients are told that a service is away; a restart takes less."""
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.1, 5.0

# What the same question will meet again; all else may pass.
_FINAL = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.INVALID_ARGUMENT,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What there is to tell: where the stream stands, what changed, and who is silent."""

    places: Places
    changes: tuple[Any, ...]
    """WatchMemberResponses of the services, in the order of each."""
    waiting: frozenset[Service]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A service stands at a place, by this change if by any."""

    service: Service
    seq: int
    change: Any = None


@dataclass(frozen=True, slots=True)
class _Away:
    """A service is away for longer than a restart takes."""

    service: Service


@dataclass(frozen=True, slots=True)
class _End:
    """The stream cannot go on."""

    error: Exception


_Item = _Answer | _Away | _End


async def follow(
    watches: Mapping[Service, Watch], member_id: str, places: Places
) -> AsyncGenerator[Step, None]:
    """Each step after these places; from now on of services that have none.

    The first step comes at once, and says where the stream stands. Steps hold
    each change once: a service whose stream breaks is asked again after the
    last change that it told, until it answers.
    """
    queue: asyncio.Queue[_Item] = asyncio.Queue(QUEUE_MAX)
    followers = [
        _Follower(service, watch, member_id, places.get(service), queue) for service, watch in watches.items()
    ]
    running = [asyncio.create_task(follower.run()) for follower in followers]
    merged = _Merged(places, watches)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                while merged.waiting and len(merged.changes) < CHANGES_MAX:
                    merged.take(await queue.get())
        if len(merged.waiting) == len(watches):
            raise Unavailable
        yield merged.step()
        while True:
            merged.take(await queue.get())
            while not queue.empty() and len(merged.changes) < CHANGES_MAX:
                merged.take(queue.get_nowait())
            if merged.has_news:
                yield merged.step()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class _Merged:
    """What the services told since the last step."""

    def __init__(self, places: Places, watches: Mapping[Service, Watch]) -> None:
        self.changes: list[Any] = []
        self.waiting = set(watches)
        self._places = dict(places)
        self._told_waiting: frozenset[Service] = frozenset()

    @property
    def has_news(self) -> bool:
        """Whether there is something that a client wants to know."""
        return bool(self.changes) or self.waiting != self._told_waiting

    def take(self, item: _Item) -> None:
        """Take what a service told, or raise what ends the stream."""
        match item:
            case _End(error):
                raise error
            case _Away(service):
                self.waiting.add(service)
            case _Answer(service, seq, change):
                self.waiting.discard(service)
                self._places[service] = seq
                self.changes += () if change is None else (change,)

    def step(self) -> Step:
        """All that was taken since the step before."""
        changes, self.changes = tuple(self.changes), []
        self._told_waiting = frozenset(self.waiting)
        return Step(dict(self._places), changes, self._told_waiting)


class _Broken(Exception):
    """A service ended its stream without a reason, or left something out."""


def _is_unknown(error: Exception) -> bool:
    """Whether a service says that it knows no such member."""
    return isinstance(error, grpc.aio.AioRpcError) and error.code() == grpc.StatusCode.NOT_FOUND


class _Follower:
    """Follows one service, and asks again after the last place whenever its stream breaks."""

    def __init__(
        self,
        service: Service,
        watch: Watch,
        member_id: str,
        place: int | None,
        queue: asyncio.Queue[_Item],
    ) -> None:
        self._service, self._watch, self._member_id = service, watch, member_id
        self._place, self._queue = place, queue
        self._attempts = 0
        self._begun = self._there = time.monotonic()
        self._told_away = False

    async def run(self) -> None:
        """Follow until the stream cannot go on."""
        while True:
            try:
                await self._follow()
            except (grpc.aio.AioRpcError, TimeoutError, _Broken) as error:
                if self._is_final(error):
                    return await self._queue.put(_End(error))
                if self._place is None and _is_unknown(error):
                    # It hears of a new member a little later, and then tells everything since the beginning.
                    self._place = 0
                    await self._queue.put(_Answer(self._service, 0))
                await self._pause(error)
            except Exception as defect:  # must reach the client's task, which knows the request
                return await self._queue.put(_End(defect))

    async def _follow(self) -> None:
        """Pass on what one stream of the service tells."""
        answers, begins = self._watch(self._member_id, self._place), True
        try:
            while True:
                async with asyncio.timeout(ANSWER_SECONDS if begins else SILENCE_SECONDS):
                    answer = await anext(answers, None)
                if answer is None:
                    raise _Broken("ended")
                await self._pass_on(answer, begins=begins)
                begins = False
        finally:
            await answers.aclose()

    async def _pass_on(self, answer: Any, *, begins: bool) -> None:
        self._there, self._told_away = time.monotonic(), False
        self._begun = self._there if begins else self._begun
        if self._place is None or (begins and answer.seq == self._place):
            self._place = answer.seq
            await self._queue.put(_Answer(self._service, answer.seq))
        elif answer.seq == self._place + 1:
            self._place = answer.seq
            change = answer if answer.WhichOneof("change") else None
            await self._queue.put(_Answer(self._service, answer.seq, change))
        elif answer.seq != self._place:
            raise _Broken(f"tells {answer.seq} after {self._place}")

    def _is_final(self, error: Exception) -> bool:
        if not isinstance(error, grpc.aio.AioRpcError):
            return False
        if _is_unknown(error):
            return self._service is Service.MEMBERS
        return error.code() in _FINAL

    async def _pause(self, error: Exception) -> None:
        """Wait a little longer each time, and not as long as others do; after one that lasted as at first."""
        if self._there - self._begun >= PAUSE_SECONDS_MAX:
            self._attempts, self._begun = 0, self._there
        if not self._attempts:
            reason = reason_of(error) if isinstance(error, grpc.aio.AioRpcError) else repr(error)
            log("live").info("watch interrupted", service=wire(self._service), reason=reason)
        if not self._told_away and time.monotonic() - self._there >= AWAY_SECONDS:
            self._told_away = True
            await self._queue.put(_Away(self._service))
        wanted = retry_after_seconds(error) if isinstance(error, grpc.aio.AioRpcError) else None
        seconds = min(PAUSE_SECONDS_MAX, max(wanted or 0, PAUSE_SECONDS * 2 ** min(self._attempts, 10)))
        self._attempts += 1
        await asyncio.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311
