"""Somebody who asks for little, at a steady pace: how long they wait while it is quiet, and beside attackers.

`python -m tests.attacks.neighbour FOLDER SECONDS` is a process of its own, and prints what it measured.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from libs.cli.data_folder import DataFolder
from tests.attacks.contract import valid
from tests.attacks.hand.peers import READ
from tests.attacks.verdicts import Answer
from tests.attacks.world import World, in_world
from tests.gateway.queries import PARTS

QUERIES_PER_SECOND, CALLS_PER_SECOND = 10, 30
Ask = Callable[[], Awaitable[Answer]]


class Waits(NamedTuple):
    """How long answers took, and how many were not good."""

    milliseconds: list[float]
    failed: int

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
    waits = await asyncio.gather(*(_one(ask, due) for due in at))
    return Waits([wait for wait, _ in waits], sum(not good for _, good in waits))


async def _one(ask: Ask, due: float) -> tuple[float, bool]:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    answer = await ask()
    return (time.perf_counter() - due) * 1000, answer.outcome in {"OK", "200 OK"}


async def measured(world: World, seconds: float) -> Waits:
    """A member at the graph, and the other partner at a service."""
    own = world.own
    body = {"query": PARTS, "variables": {"id": own.members[0], "program": own.program_id}}
    token, rival = world.token_of("compliance_officer"), world.partner(own.rival_id)
    request = valid(READ, own)
    queries, calls = await asyncio.gather(
        steadily(lambda: world.graph.post(body, token=token), per_second=QUERIES_PER_SECOND, seconds=seconds),
        steadily(
            lambda: world.rpc.ask("members", READ, request, rival),
            per_second=CALLS_PER_SECOND,
            seconds=seconds,
        ),
    )
    return Waits(queries.milliseconds + calls.milliseconds, queries.failed + calls.failed)


async def _main(folder: Path, seconds: float) -> None:
    async with in_world(DataFolder(folder)) as world:
        await measured(world, 0.5)  # connects
        print(json.dumps(await measured(world, seconds)))  # noqa: T201 - for the process that asked


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2])))
