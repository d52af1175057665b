"""Keeps what was signed apart from the database: in a file, if there is one, and in the log."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from libs.common.chains.chain import Head, Root, Statement, signed_content
from libs.common.chains.documents import CODEC
from libs.common.chains.heads import append_heads
from libs.common.mongo import Collection, Database
from libs.common.telemetry import log

AT_ONCE = 500


class Anchors:
    """Keeps apart the heads of one collection, or its roots, in the order in which they were signed."""

    def __init__(
        self,
        database: Database,
        collection: str,
        heads_file: Path | None,
        read: Callable[[Mapping[str, Any]], Statement],
    ) -> None:
        self._statements: Collection = database.get_collection(collection, codec_options=CODEC)
        self._heads_file, self._read = heads_file, read

    async def keep(self) -> None:
        """Keep apart those that are not yet; what a crash has kept from being marked is kept again."""
        waiting, order = {"unanchored": True}, [("program_id", 1), ("position", 1), ("last_position", 1)]
        while found := [each async for each in self._statements.find(waiting).sort(order).limit(AT_ONCE)]:
            signed = [self._read(each) for each in found]
            if self._heads_file is not None:
                await asyncio.to_thread(append_heads, self._heads_file, signed)
            for statement in signed:
                _tell(statement)
            kept = {"_id": {"$in": [each["_id"] for each in found]}}
            await self._statements.update_many(kept, {"$unset": {"unanchored": ""}})


def _tell(statement: Head | Root) -> None:
    """Into the log, which is collected elsewhere: all that verifies it."""
    what = "root" if isinstance(statement, Root) else "head"
    log("audit").info(
        f"{statement.chain or 'audit'} {what}", **signed_content(statement), signature=statement.signature
    )
