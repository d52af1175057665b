"""What whole programs are read by: the ids of members in order, and their days."""

from collections.abc import AsyncIterator, Sequence
from datetime import date

from libs.common.mongo import Database, Document
from services.members.domain.fact_columns import Kinds
from services.members.repository.documents import midnight

# Members may have thousands of days, so it is days that are counted; to decode so many holds up nobody.
DAYS_PER_READ = 2_000

Row = tuple[str, date, Kinds]


class ColumnsStore:
    """Reads of all members of a program."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def member_ids(self, program_id: str, *, after: str, through: str, limit: int) -> list[str]:
        """Ids above one and up to another, which is none when empty; ascending."""
        within: Document = {"$gt": after, **({"$lte": through} if through else {})}
        found = self._database.members.find(
            {"program_id": program_id, "_id": within}, {"_id": 1}, batch_size=limit
        )
        ordered = found.sort([("program_id", 1), ("_id", 1)]).limit(limit)
        return [each["_id"] for each in await ordered.to_list(limit)]

    async def days(self, member_ids: Sequence[str], *, through: date) -> AsyncIterator[list[Row]]:
        """The days of members up to a day, by member and day, some thousand at a time."""
        cursor = self._database.member_days.find(
            {"member_id": {"$in": list(member_ids)}, "date": {"$lte": midnight(through)}},
            {"_id": 0, "member_id": 1, "date": 1, "kinds": 1},
            batch_size=DAYS_PER_READ,
        )
        ordered = cursor.sort([("member_id", 1), ("date", 1)])
        while found := await ordered.to_list(DAYS_PER_READ):
            yield [(each["member_id"], each["date"].date(), each["kinds"]) for each in found]

    async def count(self, program_id: str) -> int:
        """How many members the program has."""
        return await self._database.members.count_documents({"program_id": program_id})

    async def next_id(self, program_id: str, *, after: str, skip: int) -> str | None:
        """The id that comes so many places after another; None beyond the last."""
        found = self._database.members.find({"program_id": program_id, "_id": {"$gt": after}}, {"_id": 1})
        ordered = found.sort([("program_id", 1), ("_id", 1)]).skip(skip).limit(1)
        for each in await ordered.to_list(1):
            return str(each["_id"])
        return None
