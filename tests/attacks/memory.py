"""How much the memory of each process grows while it is attacked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from libs.cli.data_folder import RunFile

SAMPLED_SECONDS = 0.25
SERVICES = ("members", "scoring", "benefits", "risk", "gateway")


class Memory:
    """The resident memory of the services, at first and at most."""

    def __init__(self, run: RunFile) -> None:
        self._pids = {name: run.processes[name].pid for name in SERVICES}
        self._first = self._now()
        self._most = dict(self._first)

    def _now(self) -> dict[str, int]:
        return {name: resident_kb(pid) for name, pid in self._pids.items() if pid is not None}

    def growth_mb(self) -> dict[str, float]:
        """By process, at most."""
        return {name: round((self._most[name] - first) / 1024, 1) for name, first in self._first.items()}

    async def _sample(self) -> None:
        while True:
            for name, kilobytes in self._now().items():
                self._most[name] = max(self._most[name], kilobytes)
            await asyncio.sleep(SAMPLED_SECONDS)


def resident_kb(pid: int) -> int:
    """What a process has in memory now; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


@asynccontextmanager
async def watched(run: RunFile) -> AsyncIterator[Memory]:
    """Watch the memory of a platform, from now on until the block ends."""
    memory = Memory(run)
    sampling = asyncio.create_task(memory._sample())
    try:
        yield memory
    finally:
        sampling.cancel()
