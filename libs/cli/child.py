"""One process that is started again, with backoff, whenever it ends."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from libs.cli.launch import bound

BACKOFF_SECONDS_MIN = 0.2
BACKOFF_SECONDS_MAX = 5.0
SETTLED_SECONDS = 10.0  # alive for so long, a process has earned a quick restart again
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class ChildSpec:
    """What to run, and where its output goes."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """Keeps one process running from `start` until `stop`; a new one starts only when the old has ended."""

    def __init__(self, spec: ChildSpec, *, changed: Callable[[], None] = lambda: None) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.restarts = 0
        self._changed = changed
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep the process running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.spec.name)

    async def stop(self) -> None:
        """Ask the process to end, and insist after a while."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        if self._task is None:
            return
        ended, _ = await asyncio.wait([self._task], timeout=STOP_SECONDS)
        if not ended:
            self._signal(signal.SIGKILL)
        await self._task

    def last_output(self, lines: int = 8) -> str:
        """What it wrote last."""
        if not self.spec.log.exists():
            return ""
        return "\n".join(self.spec.log.read_text(errors="replace").splitlines()[-lines:])

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = BACKOFF_SECONDS_MIN
        while not self._stopping.is_set():
            started = loop.time()
            try:
                await self._run_once()
            except OSError as error:  # such as no memory or no disk for its log just now
                sys.stderr.write(f"{self.spec.name} cannot be started: {error}\n")
            if loop.time() - started > SETTLED_SECONDS:
                backoff = BACKOFF_SECONDS_MIN
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
                return
            self.restarts += 1
            backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)

    async def _run_once(self) -> None:
        with self.spec.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *bound(self.spec.command),
                env={**os.environ, **self.spec.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end the others in order
            )
        self.pid = process.pid
        self._tell()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        await process.wait()
        self.pid = None
        self._tell()

    def _tell(self) -> None:
        """Say that something changed; a full disk must not keep a process from being started again."""
        try:
            self._changed()
        except OSError as error:
            sys.stderr.write(f"{self.spec.name}: cannot say where it runs: {error}\n")

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
