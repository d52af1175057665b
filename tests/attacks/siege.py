"""Attackers at once, at a pace: what was tried one by one, several at a time and beside floods.

`python -m tests.attacks.siege FOLDER SECONDS SEED` is a process of its own, which gives way to the platform
where they share a machine, and prints what it met.
"""

import asyncio
import json
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from libs.cli.data_folder import DataFolder
from tests.attacks.floods import http2
from tests.attacks.generated import documents, messages
from tests.attacks.hand import graph, http, peers, tokens, transport
from tests.attacks.hand import messages as bad_messages
from tests.attacks.verdicts import Case, Finding, faults
from tests.attacks.world import World, in_world

ATTACKERS = 8
PER_SECOND = 100
FLOOD_SCALE = 0.1
GENERATED = 300
NICE = 10


async def attacked(world: World, *, seconds: float, seed: int) -> dict[str, Any]:
    """How many cases were tried, and what no answer may be or hold."""
    cases = list(_cases(world, seed))
    random.Random(seed).shuffle(cases)
    found: list[Finding] = []
    end = time.monotonic() + seconds
    turns = iter(cases * (int(seconds * PER_SECOND) // len(cases) + 1))
    tried = await asyncio.gather(*(_attack(turns, found, end) for _ in range(ATTACKERS)), _flood(world, end))
    return {"cases": sum(tried), "found": [asdict(each) for each in found]}


def _cases(world: World, seed: int) -> Iterator[Case]:
    """What may be tried at any time and as often as one likes."""
    yield from graph.cases(world)
    yield from http.cases(world)
    yield from bad_messages.cases(world)
    yield from transport.cases(world)
    yield from peers.cases(world)
    yield from tokens.cases(world)
    yield from documents.cases(world, seed=seed, count=GENERATED)
    yield from messages.cases(world, seed=seed, count=GENERATED)


async def _attack(turns: Iterator[Case], found: list[Finding], end: float) -> int:
    """One attacker: a case after the other, not faster than their share of the pace."""
    pause, tried = ATTACKERS / PER_SECOND, 0
    for case in turns:
        if time.monotonic() > end:
            break
        started = time.monotonic()
        found += faults(case.group, case.name, await case.ask(0), sent=case.sent)
        tried += 1
        await asyncio.sleep(max(0.0, started + pause - time.monotonic()))
    return tried


async def _flood(world: World, end: float) -> int:
    """Floods, one after the other."""
    tried = 0
    while time.monotonic() < end:
        for case in http2.cases(world, scale=FLOOD_SCALE):
            if time.monotonic() > end:
                break
            await case.ask(0)
            tried += 1
    return tried


async def _main(folder: Path, seconds: float, seed: int) -> None:
    async with in_world(DataFolder(folder)) as world:
        print(json.dumps(await attacked(world, seconds=seconds, seed=seed)))  # noqa: T201 - for who asked


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    os.nice(NICE)
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
