"""The audit log of one service, read a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.audit.record import Record
from libs.common.audit.records import record_from
from libs.common.chains.chain import Head
from libs.common.chains.reading import Place, Reading, heads_after
from libs.common.mongo import Database, Document, snapshot


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records of a program are wanted; empty is all."""

    program_id: str
    actor: str = ""
    act: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records; `following` is where the next page begins, None at the end."""

    records: Sequence[Record]
    following: Place | None
    position: int
    position_last: int


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Reads what the audit log holds, as it holds it."""

    database: Database

    async def records(self, filters: Filters, *, after: Place, limit: int) -> Page:
        """Records in the order of the chain, then those that wait for their place, all of one moment."""
        async with snapshot(self.database.client) as session:
            reading = Reading.of(self.database, "audit", _wanted(filters), session)
            page = await reading.page(after, limit)
        records = [record_from(each) for each in page.records]
        return Page(records, page.following, page.position, page.position_last)

    async def heads(self, program_id: str, *, after_position: int, limit: int) -> tuple[list[Head], bool]:
        """Heads in the order of their positions, and whether there are more."""
        return await heads_after(
            self.database, "audit_heads", program_id, after_position=after_position, limit=limit
        )


def _wanted(filters: Filters) -> Document:
    wanted: Document = {"program_id": filters.program_id}
    if filters.actor:
        wanted["actor.subject"] = filters.actor
    if filters.act:
        wanted["act"] = filters.act
    if filters.object:
        wanted["objects"] = filters.object
    times = {"$gte": filters.since, "$lt": filters.until}
    if times := {name: time for name, time in times.items() if time is not None}:
        wanted["recorded_time"] = times
    return wanted
