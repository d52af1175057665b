"""Use cases that read holds, and the one that ends those whose time is over."""

from collections.abc import Callable, Sequence
from datetime import datetime

from libs.common.clock import milliseconds
from libs.common.homes import visible
from services.benefits.domain.holds import Hold
from services.benefits.domain.ledger import held_account, member_of
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import holds
from services.benefits.repository.store import BenefitsStore


class HoldReads:
    """Answers what is on hold."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers) -> None:
        self._store, self._programs = store, programs

    async def open_of(self, program_id: str, member_ids: Sequence[str], first: int) -> dict[str, list[Hold]]:
        """The open holds of those of the members who have any and whom the caller may see, latest first."""
        points = (await self._programs.live(program_id)).program.points
        seen = await visible(self._store.database, program_id, member_ids)
        accounts = [held_account(program_id, each, name) for each in seen for name in points.currencies]
        owners = {each.account_id: member_of(each.account_id) for each in accounts}
        by_member: dict[str, list[Hold]] = {}
        for account_id, held in (await holds.open_of(self._store, list(owners), first)).items():
            by_member.setdefault(owners[account_id], []).extend(held)
        latest = {each: sorted(held, key=_by_id, reverse=True) for each, held in by_member.items()}
        return {each: held[:first] for each, held in latest.items()}


def _by_id(held: Hold) -> str:
    return held.hold_id


class HoldEnding:
    """Releases holds that are past their end, by our clock; what is resolved meanwhile is left alone."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        spending: Spending,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._spending, self._now = spending, now

    async def ended(self, limit: int, *, after: Hold | None = None) -> list[Hold]:
        """The open holds whose time is over, the longest over first, behind one of them."""
        return await holds.ended(self._store, self._now(), limit, after=after)

    async def end(self, held: Hold) -> bool:
        """Release one hold; whether it was still open."""
        program = (await self._programs.live(held.program_id)).program
        time = milliseconds(await self._times.of(program))

        async def attempt(benefits: BenefitsStore) -> bool:
            current = await holds.one(benefits, held.program_id, held.hold_id)
            if current is None or not current.open:
                return False
            await self._spending.release(benefits, program, held.hold_id, time=time)
            return True

        return await self._store.transaction(attempt)
