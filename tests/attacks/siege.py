"""Attackers at once, at a pace: what was tried one by one, several at a time and beside floods.

`python -m tests.attacks.siege FOLDER SEED` is a process of its own (`parties.py`), which gives way to the
platform where they share a machine.
"""

import asyncio
import itertools
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from libs.cli.data_folder import DataFolder
from tests.attacks.floods import http2
from tests.attacks.generated import documents, messages
from tests.attacks.hand import graph, http, peers, tokens, transport
from tests.attacks.hand import messages as bad_messages
from tests.attacks.parties import acting
from tests.attacks.verdicts import Case, Finding, faults
from tests.attacks.world import World, in_world

ATTACKERS = 8
PER_SECOND = 50
FLOOD_SCALE = 0.1
GENERATED = 300
NICE = 19


class Siege:
    """The attackers of a world; each time they go on with what they have not tried yet, and begin again."""

    def __init__(self, world: World, seed: int) -> None:
        cases = list(_cases(world, seed))
        random.Random(seed).shuffle(cases)
        self._cases = itertools.cycle(cases)
        self._floods = itertools.cycle(http2.cases(world, scale=FLOOD_SCALE))

    async def act(self, seconds: float) -> dict[str, Any]:
        """How many cases were tried in which time, and what no answer may be or hold."""
        found: list[Finding] = []
        started = time.monotonic()
        end = started + seconds
        attackers = (self._attack(found, started + number / PER_SECOND, end) for number in range(ATTACKERS))
        *tried, floods = await asyncio.gather(*attackers, self._flood(end))
        took = time.monotonic() - started
        return {
            "cases": sum(tried),
            "floods": floods,
            "seconds": took,
            "found": [asdict(each) for each in found],
        }

    async def _attack(self, found: list[Finding], begin: float, end: float) -> int:
        """One attacker: a case after the other, not faster than their share of the pace."""
        pause, tried = ATTACKERS / PER_SECOND, 0
        await asyncio.sleep(begin - time.monotonic())
        while (started := time.monotonic()) < end:
            case = next(self._cases)
            found += faults(case.group, case.name, await case.ask(0), sent=case.sent)
            tried += 1
            await asyncio.sleep(max(0.0, started + pause - time.monotonic()))
        return tried

    async def _flood(self, end: float) -> int:
        """Floods, one after the other."""
        tried = 0
        while time.monotonic() < end:
            await next(self._floods).ask(0)
            tried += 1
        return tried


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


def _give_way() -> None:
    """Leave the cores to those who are attacked: these attackers would have machines of their own."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Where a kernel shares the cores by session first.
    with suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE))


async def _main(folder: Path, seed: int) -> None:
    async with in_world(DataFolder(folder)) as world:
        await acting(Siege(world, seed).act)


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    _give_way()
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
