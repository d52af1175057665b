"""Servers of a run as processes of their own: started, paused and killed by their pid alone."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from libs.cli.launch import bound

STOP_SECONDS = 20.0
SERVES_SECONDS = 120.0
POLL_SECONDS = 0.1
STARTS_MAX = 5


class Server:
    """One process that runs, or does not, as it is told; it dies with us."""

    def __init__(self, name: str, command: list[str], log: Path, *, before: list[str] | None = None) -> None:
        """`before` is what becomes the command, such as one that changes the group first."""
        self.name, self._log = name, log
        # The kernel forgets to whose death a process is bound when its group changes, so that comes first.
        self._command = [*(before or []), *bound(command)]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its pid; ProcessLookupError while it does not run."""
        if self._process is None or self._process.returncode is not None:
            raise ProcessLookupError(self.name)
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self.runs:
            return
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def serving(self, serves: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it serves; one that ends meanwhile, as at a port that is not free yet, starts anew."""
        starts = 0
        async with asyncio.timeout(SERVES_SECONDS):
            while not await serves():
                if not self.runs:
                    starts += 1
                    if starts > STARTS_MAX:
                        raise RuntimeError(f"{self.name} ends again and again, see {self._log}")
                    await self.start()
                await asyncio.sleep(POLL_SECONDS)

    async def kill(self) -> int:
        """kill -9, and wait until it is gone; gives the pid that it had."""
        process, pid = self._process, self.pid
        assert process is not None
        os.kill(pid, signal.SIGKILL)
        await process.wait()
        return pid

    def pause(self) -> int:
        """SIGSTOP: it holds all it has, and answers nobody; gives its pid."""
        os.kill(self.pid, signal.SIGSTOP)
        return self.pid

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.go_on()
            os.kill(self.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                await self.kill()
