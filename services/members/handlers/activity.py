"""Dormancy: who was not seen for the program's days falls asleep, when the calendar says so."""

from collections.abc import Callable, Sequence
from datetime import datetime

from libs.common import mongo
from libs.common.calendar import Due
from libs.common.together import WriterQueue
from services.members.domain.activity import asleep
from services.members.handlers.programs import ProgramHandlers
from services.members.outbox import activity_changed
from services.members.repository.store import MembersStore


class Dormancy:
    """A kind of the calendar: members fall asleep, and are to be woken up once in each spell."""

    name = "dormancy"

    def __init__(
        self,
        store: MembersStore,
        programs: ProgramHandlers,
        queue: WriterQueue,
        now: Callable[[], datetime],
    ) -> None:
        """`queue` is that of intake, which changes the same members."""
        self._store, self._programs, self._queue, self._now = store, programs, queue, now

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """Who may be absent for so long, by an index on since when."""
        dormancy = (await self._programs.program(program_id)).dormancy
        absent = await self._store.absent(program_id, until - dormancy, limit)
        return [Due(member_id, since + dormancy) for member_id, since in absent]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Let them fall asleep in one transaction, but for those who were seen or had more days meanwhile.

        Who was seen is looked after from then on.
        """
        dormancy = (await self._programs.program(program_id)).dormancy
        times = {item.key: item.due_time for item in items}

        async def attempt(session: mongo.Session) -> int:
            members = MembersStore(self._store.database, session)
            found = (await members.members(program_id, times)).values()
            fallen, seen, rows = [], [], []
            for member in found:
                since = member.activity.absent_since
                if since is not None and since + dormancy > times[member.member_id]:
                    seen.append(member)
                elif since is not None and since + dormancy == times[member.member_id]:
                    activity, wake_up = asleep(member.activity, dormancy=dormancy, fresh_since=fresh_since)
                    after = member._replace(activity=activity, change_seq=member.change_seq + 1)
                    fallen.append(after)
                    rows.append(activity_changed(after, wake_up=wake_up, now=self._now()))
            await members.keep_absent(fallen, seen)
            await members.announce(rows)
            return len(fallen)

        async with self._queue:
            return await mongo.transaction(self._store.database.client, attempt)
