"""Our gateway, the raw one and the rivals, each a process on the same core, in front of the same services."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from libs.cli.launch import bound
from libs.cli.ports import HOST, Ports
from tests.bench.graph import ONE, Side, answer, ids, sides
from tests.bench.rivals.install import SUPERGRAPH, installed
from tests.bench.rows import CannotRun
from tests.bench.servers import SERVER_CORE
from tests.bench.stubs import PROGRAM

COMMANDS: Mapping[str, Sequence[str]] = {
    "apollo": ("node", "apollo.js"),
    "mesh": (
        "node",
        "node_modules/.bin/hive-gateway",
        "supergraph",
        SUPERGRAPH,
        "--config-path=gateway.config.js",
        f"--host={HOST}",
        "--fork=1",
    ),
}


@asynccontextmanager
async def gateways(folder: Path) -> AsyncIterator[Mapping[str, Side]]:
    """Ours, the raw one and both rivals by their names; all have answered the same."""
    home = await installed()
    async with sides(folder) as found, AsyncExitStack() as stack:
        ports = stack.enter_context(Ports())
        every = {"ours": found.ours, "raw": found.raw}
        expected = await answer(found.ours, ONE, ids()[0])
        for name in COMMANDS:
            port = ports.any()
            pid = await stack.enter_async_context(_rival(name, home, port, found.stubs))
            every[name] = Side(pid, port, found.ours.token)
            try:
                answered = await answer(every[name], ONE, ids()[0])
            except TimeoutError:
                raise CannotRun(f"{name} does not serve: {home / name}.log") from None
            assert answered == expected, (name, answered, expected)
        yield every


@asynccontextmanager
async def _rival(name: str, home: Path, port: int, services: str) -> AsyncIterator[int]:
    settings = {
        "NODE_ENV": "production",
        "HOST": HOST,
        "PORT": str(port),
        "SERVICES_ADDRESS": services,
        "PROGRAM_ID": PROGRAM.program.program_id,
        "PROGRAM_DIGEST": PROGRAM.program.digest,
    }
    with (home / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *bound(["taskset", "--cpu-list", str(SERVER_CORE), *COMMANDS[name]]),
            cwd=home,
            stdout=log,
            stderr=log,
            env={**os.environ, **settings},
        )
    try:
        yield process.pid
    finally:
        process.kill()  # nothing in it is to be kept
        await process.wait()
