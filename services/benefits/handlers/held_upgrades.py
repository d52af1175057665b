"""Upgrades that wait for risk are decided on again when its word of the member changes."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from libs.common.calendar import FRESH
from libs.common.clock import milliseconds
from libs.common.errors import Contention
from services.benefits.clients import MembersClient
from services.benefits.domain.effects import Effect
from services.benefits.domain.memberships import Look, Membership, Step
from services.benefits.domain.programs import Version
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.known_facts import known_facts
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.runs import decided_alone, keep_run, run_of
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.unmoved import Moved
from services.benefits.repository.store import BenefitsStore

TRIES_MAX = 20
MEMBERS_AT_ONCE = 50


class HeldUpgrades:
    """Decides held memberships by what risk says now; where that changes nothing, nothing is kept."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        members: MembersClient,
        deciding: Deciding,
        reviews: TierReviews,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times, self._members = store, programs, times, members
        self._deciding, self._reviews, self._now, self._new_id = deciding, reviews, now, new_id

    async def changed(self, program_id: str, member_ids: Sequence[str]) -> None:
        """Risk has another word of these members."""
        for start in range(0, len(member_ids), MEMBERS_AT_ONCE):
            await self._together(program_id, member_ids[start : start + MEMBERS_AT_ONCE])

    async def _together(self, program_id: str, member_ids: Sequence[str]) -> None:
        for _ in range(TRIES_MAX):
            held = await self._held(program_id, member_ids)
            if not held:
                return
            version = await self._programs.live(program_id)
            try:
                if await self._decide(version, held):
                    return
            except Moved:
                continue
        raise Contention

    async def _held(self, program_id: str, member_ids: Sequence[str]) -> list[Membership]:
        found = await self._store.memberships(member_ids)
        held = [each for each in found.values() if each.held and each.program_id == program_id]
        return sorted(held, key=lambda each: each.membership_id)

    async def _decide(self, version: Version, held: Sequence[Membership]) -> bool:
        """Whether they have been decided on: the terms that are over come first, and then it is done anew."""
        time = milliseconds(await self._times.of(version.program))
        if overdue := [each for each in held if each.review_time and each.review_time <= time]:
            await self._reviews.review(version, overdue, told_since=time - FRESH)
            return False
        facts = await known_facts(self._members, version, held, time)
        run_id = f"risk:{time:%Y-%m-%dT%H:%M:%SZ}"
        steps = [(each, Step(Look.EVENT, time, facts[each.membership_id], run_id=run_id)) for each in held]
        effects = await decided_alone(self._deciding, version, steps, self._new_id)
        if news := [each for each in effects if _says_more(each)]:
            await self._store.transaction(partial(self._keep, version, news, time))
        return True

    async def _keep(
        self, version: Version, effects: Sequence[Effect], time: datetime, benefits: BenefitsStore
    ) -> None:
        run = run_of(
            version.program, effects, announced=effects, time=time, now=self._now(), told_since=time - FRESH
        )
        await keep_run(benefits, run, new_id=self._new_id)


def _says_more(effect: Effect) -> bool:
    """Whether anything is another than it was: the same word may be announced twice."""
    return any(
        (after.held, after.tier, after.qualifying) != (before.held, before.tier, before.qualifying)
        for before, after in zip(effect.before, effect.after, strict=True)
    )
