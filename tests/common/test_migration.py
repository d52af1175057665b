"""Migration apart from the services: a replica waits until its own code was migrated for."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.common import migration
from libs.common.ids import new_id
from libs.common.migration import code_of, migrate, migrated
from libs.common.mongo import Database, connect
from libs.common.settings import ConfigurationError
from services.risk.repository.indexes import ensure_indexes
from tests.support.platform import emptied


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    client = connect(mongodb_uri)
    name = f"t{new_id('x')[-12:]}_risk"
    yield client[name]
    await emptied(client[name])
    client.close()


async def test_what_was_migrated_is_not_waited_for(database: Database) -> None:
    await migrate(database, "risk", ensure_indexes)

    await migrated(database, "risk", seconds=5)

    assert "counted" in await database.reports.index_information()


async def test_a_replica_waits_for_the_migration(database: Database) -> None:
    waiting = asyncio.create_task(migrated(database, "risk", seconds=60))
    await asyncio.sleep(0)

    await migrate(database, "risk", ensure_indexes)

    async with asyncio.timeout(30):
        await waiting


async def test_a_replica_whose_code_is_never_migrated_for_says_what_to_run(database: Database) -> None:
    await migrate(database, "members", ensure_indexes)

    with pytest.raises(ConfigurationError, match=r"python -m services\.risk --migrate"):
        await migrated(database, "risk", seconds=0.3)


async def test_code_before_a_migration_still_starts_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(database, "risk", ensure_indexes)
    monkeypatch.setattr(migration, "code_of", lambda service: "of the next release")
    await migrate(database, "risk", ensure_indexes)
    monkeypatch.undo()

    await migrated(database, "risk", seconds=5)


async def test_migrating_at_once_and_again_is_as_once(database: Database) -> None:
    await asyncio.gather(*(migrate(database, "risk", ensure_indexes) for _ in range(4)))
    await migrate(database, "risk", ensure_indexes)

    assert await database.migrations.count_documents({}) == 1


def test_each_service_has_code_of_its_own() -> None:
    assert len({code_of(service) for service in ("members", "benefits", "risk")}) == 3


def test_a_change_anywhere_in_the_code_is_another_code(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("libs/common/mongo.py", "services/risk/repository/indexes.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(migration, "_ROOT", tmp_path)
    codes = [code_of("risk")]
    for name in ("libs/common/mongo.py", "services/risk/repository/indexes.py"):
        (tmp_path / name).write_text("after!")
        codes.append(code_of("risk"))

    assert len(set(codes)) == 3


def _run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "services.risk", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    return subprocess.run(
        command, env={**clean, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


async def test_the_command_needs_the_database_and_nothing_else(database: Database, mongodb_uri: str) -> None:
    prefix = database.name.removesuffix("risk")

    ended = await asyncio.to_thread(
        _run, "--migrate", LAUREL_MONGODB_URI=mongodb_uri, LAUREL_DATABASE_PREFIX=prefix
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    await migrated(database, "risk", seconds=5)


async def test_an_argument_that_is_not_known_is_refused() -> None:
    ended = await asyncio.to_thread(_run, "--migrat")

    assert ended.returncode == 1
    assert "only --migrate is known" in ended.stderr
