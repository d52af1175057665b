"""Somebody who asks for little, at a steady pace: how long they wait while it is quiet, and beside attackers.

`python -m tests.attacks.neighbour FOLDER` is a process of its own (`parties.py`).
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from libs.cli.data_folder import DataFolder
from tests.attacks.contract import valid
from tests.attacks.hand.peers import READ
from tests.attacks.parties import acting
from tests.attacks.verdicts import Answer
from tests.attacks.world import World, in_world
from tests.gateway.queries import PARTS

QUERIES_PER_SECOND, CALLS_PER_SECOND = 10, 30
GOOD = {"OK", "200 OK"}
Ask = Callable[[], Awaitable[Answer]]


class Waits(NamedTuple):
    """How long answers took, and which were not good, how often."""

    milliseconds: list[float]
    heard: dict[str, int]

    @property
    def p99_ms(self) -> float:
        """What all but one in a hundred waited at most."""
        return percentile(self.milliseconds, 99)


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


async def steadily(ask: Ask, *, per_second: int, seconds: float) -> Waits:
    """Ask at fixed times, whether the answer before has come or not, and time from then on."""
    begin = time.perf_counter() + 0.05
    at = (begin + number / per_second for number in range(round(per_second * seconds)))
    asked = await asyncio.gather(*(_one(ask, due) for due in at))
    heard = Counter(answer.outcome for _, answer in asked if answer.outcome not in GOOD)
    return Waits([wait for wait, _ in asked], dict(heard))


async def _one(ask: Ask, due: float) -> tuple[float, Answer]:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    answer = await ask()
    return round((time.perf_counter() - due) * 1000, 2), answer


async def measured(world: World, seconds: float) -> Waits:
    """A member who looks at their own page, and the other partner at a service."""
    own = world.own
    body = {"query": PARTS, "variables": {"id": own.members[0], "program": own.program_id}}
    token, rival = world.token_of("member"), world.partner(own.rival_id)
    request = valid(READ, own)
    queries, calls = await asyncio.gather(
        steadily(lambda: world.graph.post(body, token=token), per_second=QUERIES_PER_SECOND, seconds=seconds),
        steadily(
            lambda: world.rpc.ask("members", READ, request, rival),
            per_second=CALLS_PER_SECOND,
            seconds=seconds,
        ),
    )
    return Waits(queries.milliseconds + calls.milliseconds, Counter(queries.heard) + Counter(calls.heard))


async def _main(folder: Path) -> None:
    async with in_world(DataFolder(folder)) as world:

        async def act(seconds: float) -> Any:
            return await measured(world, seconds)

        await act(0.5)  # connects
        await acting(act)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
