"""The use case of transfers: a member passes points on to another."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.clock import business_date, milliseconds
from libs.common.homes import is_visible
from libs.common.mongo import Request
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.transfers import require_allowed, transfer
from services.benefits.handlers.drawing import Drawing, load_lots
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import day_counts
from services.benefits.repository.day_counts import Day
from services.benefits.repository.notices import known_members
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
# What a day counts of a member: the points that they passed on.
TRANSFERRED = "transferred"


@dataclass(frozen=True, slots=True)
class Passing:
    """Points that a member passes on."""

    program_id: str
    from_id: str
    to_id: str
    points: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A transfer, with what is left to who gave."""

    transfer_id: str
    points: int
    available_points: int


class TransferHandlers:
    """Passes points on, each transfer in one transaction."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id, self._drawing = now, new_id, Drawing(now, new_id)

    async def transfer(self, passing: Passing, request: Request[M], answer: Callable[[Passed], M]) -> M:
        """Pass points on to anybody of the program whose id the member knows."""
        await self._require_known(passing)
        program = (await self._programs.live(passing.program_id)).program
        time = milliseconds(await self._times.of(program))
        day = Day(
            program.key, TRANSFERRED, passing.from_id, business_date(time, program.time_zone).isoformat()
        )

        async def attempt(benefits: BenefitsStore) -> M:
            before = await day_counts.count(benefits, day, amount=passing.points, now=self._now())
            require_allowed(
                program.points.transfers,
                points=passing.points,
                before_points=before.amount,
                to_oneself=passing.from_id == passing.to_id,
            )
            posting = await self._drawing.open(benefits, program, [passing.from_id, passing.to_id])
            await load_lots(benefits, posting, passing.from_id, passing.points, time=time)
            transfer_id = self._new_id("trf")
            transfer(
                posting,
                from_id=passing.from_id,
                to_id=passing.to_id,
                points=passing.points,
                transfer_id=transfer_id,
                time=time,
            )
            await self._drawing.keep(benefits, posting)
            return answer(Passed(transfer_id, passing.points, posting.account(passing.from_id).available))

        return await self._store.once(request, attempt, now=self._now)

    async def _require_known(self, passing: Passing) -> None:
        if not await is_visible(self._store.database, passing.program_id, passing.from_id):
            raise MemberUnknown(member_id=passing.from_id)
        if not await known_members(self._store, passing.program_id, [passing.to_id]):
            raise MemberUnknown(member_id=passing.to_id)
