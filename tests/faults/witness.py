"""Reads all accounts of a program at one moment again and again, whatever happens meanwhile."""

import asyncio
import hashlib
from typing import Any

import bson
from pymongo.errors import PyMongoError

from libs.common import mongo
from libs.common.errors import Unavailable
from libs.common.mongo import Database, Session
from tests.faults.history import Held, Recorder, Snapshot

EVERY_SECONDS = 0.5
READ_SECONDS = 10.0
READER = "witness"


class Witness:
    """One reader. What cannot be read just now is not read: it tells of moments, and misses some."""

    def __init__(self, benefits: Database, program_id: str, recorder: Recorder) -> None:
        self._benefits, self._program_id, self._recorder = benefits, program_id, recorder
        self._last_entry = ""

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                async with asyncio.timeout(READ_SECONDS), mongo.snapshot(self._benefits.client) as session:
                    await self._read(session)
            except (Unavailable, PyMongoError, TimeoutError):
                await asyncio.sleep(EVERY_SECONDS)
            await asyncio.sleep(EVERY_SECONDS)

    async def _read(self, session: Session) -> None:
        of_program = {"program_id": self._program_id}
        accounts = {
            each["_id"]: Held(each["currency"], each["balance"], each["seq"])
            async for each in self._benefits.accounts.find(of_program, session=session)
        }
        newer = of_program | {"_id": {"$gt": self._last_entry}}
        entries = {
            each["_id"]: digest(each)
            async for each in self._benefits.entries.find(newer, session=session).sort("_id", 1)
        }
        self._last_entry = max([self._last_entry, *entries])
        self._recorder.snapshot(Snapshot(READER, self._recorder.now(), accounts, entries))


# What is added to an entry once, when it gets its place in a chain, is no change of it.
PLACE = ("position", "chain_hash", "unsequenced")


def digest(document: dict[str, Any]) -> str:
    """SHA-256 over a whole document as it is stored, its place in a chain apart."""
    kept = {name: value for name, value in sorted(document.items()) if name not in PLACE}
    return hashlib.sha256(bson.encode(kept)).hexdigest()
