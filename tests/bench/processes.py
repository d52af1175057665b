"""Processes that a benchmark starts, and the CPU that they take."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.cli.launch import bound

# Traces are recorded as in production, one in a hundred; nobody collects them.
ENVIRONMENT = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "LAUREL_TRACE_RATIO": "0.01",
    "GRPC_VERBOSITY": "NONE",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server in a process of its own."""

    pid: int
    port: int

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """The CPU that it has taken so far."""
        return cpu_seconds(self.pid)


def cpu_seconds(pid: int) -> float:
    """The CPU that the threads of a process have taken so far; the process's own clock ticks too slowly."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


@asynccontextmanager
async def server(kind: str, folder: Path) -> AsyncIterator[Server]:
    """A server of tests.bench.servers, from when it serves until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *bound([sys.executable, "-m", "tests.bench.servers", kind, str(folder)]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        yield Server(process.pid, port)
    finally:
        process.terminate()
        await process.wait()
