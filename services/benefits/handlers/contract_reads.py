"""Use cases that read contracts: those of members, those of a program, and the renewal pool."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.contracts import Contract
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import contracts as kept
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Listed:
    """Contracts as they are at a time of their program, and the last one looked at if there are more."""

    currency: str
    at: datetime
    contracts: Sequence[Contract]
    last: Contract | None = None


class ContractReads:
    """Answers which contracts there are, to who may see their members."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def of_members(self, program_id: str, member_ids: Sequence[str], first: int) -> dict[str, Listed]:
        """The contracts of each member who has any, latest sale first."""
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[Contract]:
            async with at_once:
                return await kept.of_member(self._store, program_id, member_id, first)

        seen = sorted(await visible(self._store.database, program_id, member_ids))
        listed = await asyncio.gather(*map(latest, seen))
        found = {member_id: each for member_id, each in zip(seen, listed, strict=True) if each}
        if not found:
            return {}
        program, at = await self._moment(program_id)
        return {member_id: Listed(program.currency, at, each) for member_id, each in found.items()}

    async def of_program(self, program_id: str, plan: str, *, after: str | None, limit: int) -> Listed:
        """A page of a program's contracts, latest sale first."""
        page = await kept.of_program(self._store, program_id, plan, after=after, limit=limit + 1)
        return await self._page(program_id, page, limit)

    async def pool(
        self, program_id: str, satisfaction: str, *, after: tuple[datetime, str] | None, limit: int
    ) -> Listed:
        """A page of the renewal pool, the longest ago first."""
        page = await kept.pool(self._store, program_id, satisfaction, after=after, limit=limit + 1)
        return await self._page(program_id, page, limit)

    async def _page(self, program_id: str, page: Sequence[Contract], limit: int) -> Listed:
        """What of a page the caller sees; whoever they do not see is left out of it."""
        program, at = await self._moment(program_id)
        shown = page[:limit]
        seen = await visible(self._store.database, program_id, {each.member_id for each in shown})
        last = shown[-1] if len(page) > limit else None
        return Listed(program.currency, at, [each for each in shown if each.member_id in seen], last)

    async def _moment(self, program_id: str) -> tuple[Program, datetime]:
        program = (await self._programs.live(program_id)).program
        return program, await self._times.of(program)
