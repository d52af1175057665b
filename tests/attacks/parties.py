"""Processes of their own that act when told to: for how many seconds comes in, what came of it goes out."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

READY = "ready"
TOLD_SECONDS = 60.0
"""For a process to start, to make what it sends, and to come to an end."""
LINE_BYTES_MAX = 16 * 1024 * 1024


class Party:
    """A process that acts for us."""

    def __init__(self, module: str, process: Process) -> None:
        self._module, self._process = module, process

    async def acts(self, seconds: float) -> Any:
        """Let it act for so long; gives what it says of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n".encode())
        return await self.says(seconds)

    async def says(self, seconds: float = 0.0) -> Any:
        """What it says next, which takes it so long."""
        assert self._process.stdout is not None
        async with asyncio.timeout(TOLD_SECONDS + seconds):
            line = await self._process.stdout.readline()
        assert line, f"{self._module} ended with {await self._process.wait()}"
        return json.loads(line)


@asynccontextmanager
async def party(module: str, *arguments: str) -> AsyncIterator[Party]:
    """A process of this module, ready to act, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"tests.attacks.{module}", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        limit=LINE_BYTES_MAX,
    )
    try:
        made = Party(module, process)
        assert await made.says() == READY
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def acting(act: Callable[[float], Awaitable[Any]]) -> None:
    """In the process itself: act whenever a line says for how long, until no more come."""
    _say(READY)
    while line := await asyncio.to_thread(sys.stdin.readline):
        _say(await act(float(line)))


def _say(what: Any) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - for the process that asked
