"""Whatever process is killed during a load, and whenever: the same figures come out."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from libs.cli import sample
from libs.cli.cdnow import Purchase, parse
from libs.cli.clients import connected, connected_partner, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.graph import Graph
from libs.cli.loader import Loader, LoadResult
from libs.cli.platform import running
from libs.common.ids import new_id
from libs.common.program import Program
from tests.journeys.expected import Expected, Purchases
from tests.journeys.music_stores import a_music_store, as_expected, proven_figures

# The relay, the consumers and the jobs run inside their services.
STATEFUL = ("mongod", "valkey", "members", "benefits")
PROCESSES = (*STATEFUL, "scoring", "risk", "gateway")
RESTARTED_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """A platform, and its run file as it is now."""

    folder: DataFolder

    @property
    def run(self) -> RunFile:
        return self.folder.running()

    def kill(self, name: str) -> int:
        """kill -9 a process; gives its pid."""
        pid = self.run.processes[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    async def restarted(self, name: str, killed: int) -> None:
        """Wait until the supervisor has started another in its place, and the graph can be asked."""
        async with asyncio.timeout(RESTARTED_SECONDS):
            while self.run.processes[name].pid in {None, killed} or not await self._gateway_serves():
                await asyncio.sleep(0.1)

    async def _gateway_serves(self) -> bool:
        async with httpx.AsyncClient(base_url=self.run.gateway_url, timeout=1) as http:
            try:
                return (await http.get("/healthz")).is_success
            except httpx.HTTPError:
                return False


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The whole platform as processes of their own."""
    folder = DataFolder(tmp_path_factory.mktemp("platform"))
    async with running(folder):
        yield Running(folder)


async def load_and_kill(
    platform: Running, program: Program, purchases: list[Purchase], name: str, chance: random.Random
) -> tuple[LoadResult, int]:
    """Load all purchases, and kill a process once a random part of them is in and a little longer."""
    due = chance.randrange(-1, len(purchases))
    sent = asyncio.Event()
    if due < 0:  # while the members are being registered
        sent.set()
    answered = 0

    def count(more: int) -> None:
        nonlocal answered
        answered += more
        if answered > due:
            sent.set()

    async def kill() -> int:
        await sent.wait()
        await asyncio.sleep(chance.uniform(0, 0.3))
        return platform.kill(name)

    async with connected_partner(platform.run, program.key, sample.PARTNER) as partner:
        killing = asyncio.create_task(kill())
        result = await Loader(partner, program, run_id=new_id("run")).load(purchases, count)
        return result, await killing


async def found(platform: Running, program: Program, purchases: int) -> Expected:
    """What the platform says once it is drained; the ledger must be whole."""
    run = platform.run
    async with connected(run, staff_token(run, program.key)) as staff:
        counted = await proven_figures(staff, program, purchases=purchases)
        graph = Graph(run, staff_token(run, program.key))
        top = await graph.members(counted.top_spenders())
    assert len(top) == len(counted.top_spenders())
    return as_expected(counted, purchases=purchases)


async def same_figures_after_a_kill(platform: Running, sold: Purchases, name: str, seed: int) -> None:
    program = await a_music_store(platform.run)
    purchases = parse(sold.file.read_text().splitlines())

    result, killed = await load_and_kill(platform, program, purchases, name, random.Random(seed))
    await platform.restarted(name, killed)

    sent = (result.accepted, result.duplicate, result.rejected)
    assert sent == (sold.expected.purchases, 0, []), f"seed {seed}"
    assert await found(platform, program, len(purchases)) == sold.expected, f"seed {seed}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", STATEFUL)  # the others every night, and in the rounds of faults
async def test_part_of_the_file_gives_the_same_figures_after_a_kill(
    platform: Running, some_purchases: Purchases, name: str
) -> None:
    await same_figures_after_a_kill(platform, some_purchases, name, random.SystemRandom().randrange(10**6))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("name", PROCESSES)
async def test_the_whole_file_gives_the_same_figures_after_a_kill_every_time(
    platform: Running, all_purchases: Purchases, name: str, attempt: int
) -> None:
    await same_figures_after_a_kill(
        platform, all_purchases, name, random.SystemRandom().randrange(10**6) * 10 + attempt
    )
