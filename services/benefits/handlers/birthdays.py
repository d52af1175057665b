"""Use cases of birthdays: keep what members announced, and tell a member on the day, once a year."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby

from libs.common.birthdays import Birthday
from libs.common.calendar import Due
from libs.common.clock import business_date, start_of_day
from libs.common.program import Program
from services.benefits.domain.occasions import birthday as birthday_occasion
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import birthdays as kept
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class ToldBirthday:
    """A birthday as members announced it; None where it was taken out."""

    program_id: str
    member_id: str
    birthday: Birthday | None
    change_seq: int


class BirthdayHandlers:
    """Keeps the birthdays that benefits, points and greetings go by."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def apply(self, told: Sequence[ToldBirthday]) -> None:
        """Keep announcements, whatever their order and however often they come."""
        for each in told:
            program = (await self._programs.live(each.program_id)).program
            await kept.keep_birthday(
                self._store,
                each.program_id,
                each.member_id,
                each.birthday,
                change_seq=each.change_seq,
                greeting_time=await self._greeting_time(program, each.birthday),
            )

    async def _greeting_time(self, program: Program, birthday: Birthday | None) -> datetime | None:
        """When the day begins; also where that is today."""
        if birthday is None:
            return None
        today = business_date(await self._times.of(program), program.time_zone)
        return start_of_day(birthday.next_from(today), program.time_zone)


class BirthdayGreetings:
    """What falls due in the calendar when a birthday begins: the member is told, and the next one is due."""

    name = "birthday"

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        *,
        now: Callable[[], datetime],
        new_id: NewId,
    ) -> None:
        self._store, self._programs, self._now, self._new_id = store, programs, now, new_id

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """Whose birthday began by then."""
        found = await kept.to_greet(self._store, program_id, until, limit)
        return [Due(member_id, time) for member_id, time in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Tell these members, but for those whose birthday is another one by now; gives how many."""
        program = (await self._programs.live(program_id)).program
        return await self._store.transaction(partial(self._happen, program, items, fresh_since))

    async def _happen(
        self, program: Program, items: Sequence[Due], fresh_since: datetime, benefits: BenefitsStore
    ) -> int:
        birthdays = await kept.birthdays_of(benefits, [item.key for item in items])
        done = [item for item in items if await self._go_on(benefits, program, item, birthdays)]
        fresh = [item for item in done if item.due_time >= fresh_since]
        for time, same in groupby(fresh, key=lambda item: item.due_time):
            occasions = [birthday_occasion(program, item.key, time=time) for item in same]
            await tell(benefits, program, occasions, time=time, now=self._now(), new_id=self._new_id)
        return len(done)

    async def _go_on(
        self, benefits: BenefitsStore, program: Program, item: Due, birthdays: dict[str, Birthday]
    ) -> bool:
        if item.key not in birthdays:
            return False
        day = business_date(item.due_time, program.time_zone)
        following = birthdays[item.key].next_from(day + timedelta(days=1))
        time = item.due_time.astimezone(UTC)
        return await kept.greeted(benefits, item.key, time, start_of_day(following, program.time_zone))
