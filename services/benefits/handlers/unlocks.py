"""Use cases around benefits that open by and by: the standards of members, and how far they are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.clock import business_date
from libs.common.homes import is_visible, visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.errors import MemberUnknown, MonthNotBegun
from services.benefits.domain.quotas import HeldBenefit
from services.benefits.domain.unlocks import Progress, Standing, month_of, progress
from services.benefits.handlers.held_benefits import held_benefits
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import standings
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)


class UnlockHandlers:
    """Keeps the standards of members, month by month."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._programs, self._times, self._now = store, programs, times, now

    async def record_standing(
        self, standing: Standing, request: Request[M], answer: Callable[[Sequence[Progress]], M]
    ) -> M:
        """Keep which standard a member had in a month, and say how far they are then."""
        program = (await self._programs.live(standing.program_id)).program
        at = await self._times.of(program)
        if standing.month > month_of(business_date(at, program.time_zone)):
            raise MonthNotBegun(month=standing.month)

        async def attempt(benefits: BenefitsStore) -> M:
            member_id = standing.member_id
            if not await is_visible(benefits.database, program.key, member_id):
                raise MemberUnknown(member_id=member_id)
            before = await standings.keep(benefits, standing)
            act = Act(
                request,
                [member_id],
                before=None if before is None else {"month": standing.month, "standard": before},
                after={"month": standing.month, "standard": standing.standard},
            )
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            held = (await held_benefits(benefits, program, [member_id], at)).get(member_id, [])
            return answer((await progress_of(benefits, program, held, at)).get(member_id, []))

        return await self._store.once(request, attempt, now=self._now)

    async def unlocks(self, program_id: str, member_ids: Sequence[str]) -> dict[str, list[Progress]]:
        """How far each member whom the caller may see is from the benefits that open by and by."""
        program = (await self._programs.live(program_id)).program
        at = await self._times.of(program)
        seen = await visible(self._store.database, program_id, member_ids)
        held = await held_benefits(self._store, program, seen, at)
        every = [one for each in held.values() for one in each]
        found = await progress_of(self._store, program, every, at)
        return {member_id: found.get(member_id, []) for member_id in held}


async def progress_of(
    store: BenefitsStore, program: Program, held: Sequence[HeldBenefit], at: datetime
) -> dict[str, list[Progress]]:
    """How far benefits are from being open, by member; those that always are, are left out."""
    closed = [(each, unlock) for each in held if (unlock := each.entitlement.grant.unlock) is not None]
    if not closed:
        return {}
    known = await standings.of_members(store, program.key, (each.member_id for each, _ in closed))
    today = business_date(at, program.time_zone)
    found: dict[str, list[Progress]] = {}
    for each, unlock in closed:
        far = progress(each.key, unlock, known.get(each.member_id, []), today)
        found.setdefault(each.member_id, []).append(far)
    return found
