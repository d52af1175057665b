"""A real mongod (replica set of one) and a real Valkey for the tests, one of each for a whole session."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.cli import embedded
from libs.cli.launch import bound
from libs.cli.ports import Ports
from libs.common.mongo import Database


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that dies with us, and end it when the block ends."""
    with log.open("ab") as output, subprocess.Popen(bound(command), stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


def _until(serves: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not serves():
        assert time.monotonic() < deadline, "the server does not serve after a minute"
        time.sleep(0.05)


@contextmanager
def running_mongod(folder: Path, port: int) -> Iterator[str]:
    """A mongod that keeps its data in this folder; gives its URI."""
    command = embedded.mongod_command(
        embedded.mongod_program(), data=folder / "mongodb", port=port, log=folder / "mongod.log"
    )
    with running(command, folder / "mongod.out"):
        _until(lambda: embedded.is_primary(port))
        yield embedded.mongodb_uri(port)


@contextmanager
def running_valkey(folder: Path, port: int) -> Iterator[str]:
    """A Valkey that keeps its data in this folder; gives its URL."""
    command = embedded.valkey_command(embedded.valkey_program(), data=folder / "valkey", port=port)
    with running(command, folder / "valkey.log"):
        _until(lambda: embedded.has_loaded(embedded.redis_url(port)))
        yield embedded.redis_url(port)


async def emptied(database: Database) -> None:
    """Remove all of a database, piece by piece: dropping it whole waits for a tenth of a second."""
    names = await database.list_collection_names()
    await asyncio.gather(*(database.drop_collection(name) for name in names))


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod of this session's own."""
    with Ports() as ports, running_mongod(tmp_path_factory.mktemp("mongod"), ports.any()) as uri:
        yield uri


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this session's own."""
    with Ports() as ports, running_valkey(tmp_path_factory.mktemp("valkey"), ports.any()) as url:
        yield url
