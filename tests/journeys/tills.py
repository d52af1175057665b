"""The tills of examples/partner as processes, and the replay kit before them."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.cli.certificates import Authority
from libs.cli.data_folder import RunFile

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/partner"
PARTNER = "till"
SERVICES = ("members", "benefits")
BATCH_SIZE = 25
DEADLINE_SECONDS = 1.5
NPM_SECONDS = 150
NO_REGISTRY = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED")


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Till:
    """A till of one partner of a program, in some language."""

    command: tuple[str, ...]
    run: RunFile
    program_id: str

    def arguments(self, sales: Path, journal: Path, addresses: Mapping[str, str] | None = None) -> list[str]:
        """What to run. Without addresses it calls the platform itself."""
        files = Authority(self.run.tls_folder).partner_files(self.program_id, PARTNER)
        where = addresses or {service: self.run.address(service) for service in SERVICES}
        named = {
            **where,
            "ca": files.authority,
            "cert": files.certificate,
            "key": files.key,
            "program": self.program_id,
            "sales": sales,
            "journal": journal,
            "batch-size": BATCH_SIZE,
            "deadline": DEADLINE_SECONDS,
        }
        options = [text for name, value in named.items() for text in (f"--{name}", str(value))]
        return [*self.command, *options]

    async def sell(self, sales: Path, journal: Path, addresses: Mapping[str, str] | None = None) -> Ended:
        """Run it to its end."""
        return await _ended(self.arguments(sales, journal, addresses))

    async def sell_until_killed(
        self, sales: Path, journal: Path, addresses: Mapping[str, str], *, answers: int
    ) -> int:
        """Run it, and kill -9 it once so many answers are in its journal; gives how it ended."""
        process = await _started(self.arguments(sales, journal, addresses))
        while process.returncode is None and _lines(journal) <= answers:
            await asyncio.sleep(0.005)
        if process.returncode is None:
            process.kill()
        await process.communicate()
        assert process.returncode is not None
        return process.returncode


@dataclass
class Kit:
    """A replay kit that runs, and, when it has ended, how."""

    addresses: dict[str, str] = field(default_factory=dict)
    code: int | None = None
    summary: str = ""


@asynccontextmanager
async def replay_kit(run: RunFile, program_id: str, *, seed: int) -> AsyncIterator[Kit]:
    """The kit between the partner of a program and the platform, until the block ends."""
    process = await _started(
        [
            *(sys.executable, "-m", "examples.partner.replay_kit", "--seed", str(seed)),
            *("--tls", str(run.tls_folder), "--partner", f"{program_id}.{PARTNER}"),
            *(f"{service}={run.address(service)}" for service in SERVICES),
        ]
    )
    assert process.stdout is not None
    kit = Kit()
    try:
        while not (line := (await process.stdout.readline()).decode()).startswith("ready"):
            service, _, address = line.strip().partition("=")
            assert address, f"the kit did not start: {line}"
            kit.addresses[service] = address
        yield kit
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        kit.code, kit.summary = process.returncode, out.decode()


def python_till() -> tuple[str, ...]:
    """The command of the Python till."""
    return (sys.executable, str(EXAMPLES / "python/till.py"))


def node_till(folder: Path) -> tuple[str, ...]:
    """The command of the Node till, installed in a copy of it; skips where that cannot be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the Node till needs node and npm on the PATH")
    copy = folder / "examples/partner/node"
    shutil.copytree(EXAMPLES / "node", copy, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "protos").symlink_to(ROOT / "protos")
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=copy, check=False, capture_output=True, text=True, timeout=NPM_SECONDS)
    if done.returncode and NO_REGISTRY.search(done.stderr):
        pytest.skip("npm reaches no registry, and has not kept what the Node till needs")
    assert done.returncode == 0, done.stderr
    return (node, str(copy / "till.js"))


async def _started(command: list[str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)


async def _ended(command: list[str]) -> Ended:
    process = await _started(command)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0
