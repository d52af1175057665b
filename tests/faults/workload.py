"""Clients that ask at their own pace, whatever becomes of the answers, and repeat what they do not know."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.faults.history import Attempt, Completion, Recorder
from tests.faults.operations.asking import DEADLINE_SECONDS, Ask, Operation
from tests.faults.operations.hearing import heard, may_pass
from tests.faults.world import World

CLIENTS = 8
IN_FLIGHT_MAX = 2
BACKOFF_SECONDS, BACKOFF_SECONDS_MAX = 0.1, 1.0
PATIENCE_SECONDS = 180.0
REPLAYED, OTHERWISE, TWINS = 0.05, 0.02, 0.03
"""Shares of operations that are sent again after their answer, with another payload, and twice at once."""


@dataclass
class Counts:
    """How many effects were asked for, how many requests were answered, and not begun as too many waited."""

    asked: int = 0
    answered: int = 0
    held_back: int = 0


class Workload:
    """An open loop: each client begins its operations by the clock, not when the last one ended."""

    def __init__(
        self,
        world: World,
        recorder: Recorder,
        operations: Sequence[Operation],
        *,
        per_second: float,
        seed: int,
    ) -> None:
        self._world, self._recorder, self._operations = world, recorder, list(operations)
        self._every, self._seed = CLIENTS / per_second, seed
        self._stopping = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self.counts = Counts()
        self.stopped_ns = 0

    async def run(self) -> None:
        """Ask until stopped, then until every operation has come to an end."""
        try:
            async with asyncio.TaskGroup() as clients:
                for client in range(CLIENTS):
                    clients.create_task(self._client(client))
            self.stopped_ns = self._recorder.now()
            await asyncio.gather(*self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def asked(self, service: str) -> None:
        """Wait until the next request to a service leaves."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(service, []).append(waiting)
        await waiting

    async def _client(self, client: int) -> None:
        loop = asyncio.get_running_loop()
        chance = random.Random(f"{self._seed}.{client}")
        begins, index, under_way = loop.time() + chance.random() * self._every, 0, 0

        def ended(task: asyncio.Task[None]) -> None:
            nonlocal under_way
            under_way -= 1
            self._under_way.discard(task)

        while not await self._stopped(begins - loop.time()):
            begins += self._every
            if under_way >= IN_FLIGHT_MAX:
                self.counts.held_back += 1
                continue
            weights = [operation.weight for operation in self._operations]
            operation = chance.choices(self._operations, weights)[0]
            task = asyncio.create_task(
                self._operation(client, index, operation, random.Random(chance.random()))
            )
            self._under_way.add(task)
            task.add_done_callback(ended)
            index, under_way = index + 1, under_way + 1

    async def _stopped(self, seconds: float) -> bool:
        """Sleep so long, or until there is no more to begin; says which."""
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.001, seconds))
        except TimeoutError:
            return False
        return True

    async def _operation(self, client: int, index: int, operation: Operation, chance: random.Random) -> None:
        """One wish, until it is answered or refused; some are then sent once more, or otherwise."""
        key = f"{self._world.program_id[-8:]}-{client}-{index}"
        ask = operation.ask(self._world, key, chance)
        if ask is None:
            operation = self._operations[0]
            ask = operation.ask(self._world, key, chance)
            assert ask is not None, "the first operation always finds something to do"
        first = _Sender(self, operation, client, index, key)
        self.counts.asked += len(ask.effects)
        senders = 2 if chance.random() < TWINS else 1
        ends = await asyncio.gather(*(first.until_known(ask) for _ in range(senders)))
        answered = any(end.outcome == "ok" for end in ends)
        self.counts.answered += answered
        if answered and chance.random() < REPLAYED:
            await first.until_known(ask)
        if answered and chance.random() < OTHERWISE:
            await first.until_known(ask.other())

    async def send(self, attempt: Attempt, operation: Operation, ask: Ask) -> Completion:
        """Send once, and record both what was asked and what was heard."""
        place = self._recorder.invoke(replace(attempt, node=self._world.node(operation.service)))
        for waiting in self._waiting.pop(operation.service, []):
            waiting.set_result(None)
        try:
            answer = await ask.send()
            completion = Completion("ok", "OK", answer.result, answer.done)
        except Exception as error:
            completion = heard(error)
        self._recorder.complete(place, completion)
        return completion

    def attempt(
        self, operation: Operation, client: int, index: int, key: str, ask: Ask, number: int
    ) -> Attempt:
        """What is recorded of a request."""
        return Attempt(
            client=client,
            index=index,
            number=number,
            operation=operation.name,
            program_id=self._world.program_id,
            key=key,
            digest=ask.digest,
            effects=ask.effects,
            deadline_seconds=DEADLINE_SECONDS,
            steady=operation.steady,
            audited=operation.audited,
        )


class _Sender:
    """Sends one operation under its key again and again."""

    def __init__(self, workload: Workload, operation: Operation, client: int, index: int, key: str) -> None:
        self._workload, self._operation = workload, operation
        self._client, self._index, self._key, self._number = client, index, key, 0

    async def until_known(self, ask: Ask) -> Completion:
        """Send until somebody knows what came of it, or patience ends."""
        loop = asyncio.get_running_loop()
        backoff, until = BACKOFF_SECONDS, loop.time() + PATIENCE_SECONDS
        while True:
            self._number += 1
            attempt = self._workload.attempt(
                self._operation, self._client, self._index, self._key, ask, self._number
            )
            completion = await self._workload.send(attempt, self._operation, ask)
            if not may_pass(completion) or loop.time() > until:
                return completion
            await asyncio.sleep(backoff * random.uniform(0.5, 1))
            backoff = min(2 * backoff, BACKOFF_SECONDS_MAX)
