"""How far the calendar of each program is, as the service keeps it."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.mongo import Database, Document

KEPT_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Done:
    """All that fell due until a time has happened; how much that was so far, by kind, as far as counted."""

    program_id: str
    done_time: datetime
    counts: dict[str, int]


async def done(database: Database, program_ids: Sequence[str] | None = None) -> dict[str, Done]:
    """How far these programs are, or all; those that were never looked at are left out."""
    wanted: Document = {} if program_ids is None else {"_id": {"$in": list(program_ids)}}
    return {
        each["_id"]: Done(each["_id"], each["done_time"], each.get("counts", {}))
        async for each in database.calendars.find(wanted)
    }


@dataclass
class Progress:
    """Keeps how far one program is: when it must, or now and then on a long way."""

    database: Database
    program_id: str
    _counts: Counter[str] = field(default_factory=Counter)
    _kept: float = float("-inf")

    def count(self, kind: str, number: int) -> None:
        """Count what happened; it is kept with the next time."""
        self._counts[kind] += number

    @property
    def uncounted(self) -> bool:
        """Whether there are counts that are not kept yet."""
        return self._counts.total() > 0

    async def pass_by(self, moment: datetime) -> None:
        """Keep a time on the way, unless one was kept just now."""
        if time.monotonic() - self._kept > KEPT_EVERY_SECONDS:
            await self.keep(moment)

    async def keep(self, moment: datetime) -> datetime:
        """Keep a time; what another replica has kept is not taken back."""
        update: Document = {"$max": {"done_time": moment}}
        if self.uncounted:
            update["$inc"] = {f"counts.{kind}": number for kind, number in self._counts.items()}
        await self.database.calendars.update_one({"_id": self.program_id}, update, upsert=True)
        self._counts.clear()
        self._kept = time.monotonic()
        return moment
