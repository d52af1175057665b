"""Migration of a database apart from the services on it: once before a release, by `--migrate`.

An index of many documents takes longer than a service may take to start, and
the validator of a collection is set under a lock: neither belongs into the
start of every replica.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from libs.common.clock import now
from libs.common.mongo import OUTAGES, Database
from libs.common.settings import ConfigurationError
from libs.common.telemetry import log

MIGRATED_SECONDS = 600.0
LOOKED_AFTER_SECONDS = 1.0
# A collection that is there while a backup is being restored.
RESTORING = "restoring"
_ROOT = Path(__file__).parents[2]

EnsureIndexes = Callable[[Database], Awaitable[None]]


def code_of(service: str) -> str:
    """The digest of the code that runs as this service.

    What it was made of has what this code needs: no number to be forgotten
    when an index is added, wherever it stands.
    """
    digest = hashlib.sha256()
    for folder in (_ROOT / "libs" / "common", _ROOT / "services" / service):
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{file.relative_to(_ROOT)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


async def require_restored(database: Database) -> None:
    """ConfigurationError for a database that a restore has not finished."""
    if await database[RESTORING].find_one() is not None:
        raise ConfigurationError(
            f"the database {database.name} holds half of a backup: run `laurel restore` again"
        )


async def migrate(database: Database, service: str, ensure_indexes: EnsureIndexes) -> None:
    """Make what is missing, then note for which code that was; what other code needs stays."""
    await ensure_indexes(database)
    noted = {"$setOnInsert": {"migrated_time": now()}}
    await database.migrations.update_one({"_id": code_of(service)}, noted, upsert=True)


async def migrated(database: Database, service: str, *, seconds: float = MIGRATED_SECONDS) -> None:
    """Wait until the database was migrated for this code, or ConfigurationError."""
    code, told = code_of(service), False
    try:
        async with asyncio.timeout(seconds):
            while not await _is_migrated(database, code):
                if not told:
                    log("mongo").info("waiting for the migration", code=code)
                told = True
                await asyncio.sleep(LOOKED_AFTER_SECONDS)
    except TimeoutError:
        raise ConfigurationError(
            f"the database was not migrated for this code: run `python -m services.{service} --migrate`, "
            "or set LAUREL_MIGRATE_AT_START=true"
        ) from None


async def _is_migrated(database: Database, code: str) -> bool:
    try:
        return await database.migrations.find_one({"_id": code}) is not None
    except OUTAGES as outage:
        log("mongo").info("waiting for the database", error=type(outage).__name__)
        return False
