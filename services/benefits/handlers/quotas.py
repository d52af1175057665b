"""Use cases around benefits in use: what is left of them, taking from them, giving back, what is locked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.homes import is_visible, visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.entitlements import Locked, granting_tier, locked
from services.benefits.domain.errors import (
    BenefitLocked,
    BenefitNotHeld,
    BenefitNotOnChannel,
    BenefitNotOpen,
    BenefitPoolEmpty,
    BenefitUnknown,
    BenefitUseUnknown,
    BusinessKeyConflict,
    MemberUnknown,
    QuotaUsedUp,
)
from services.benefits.domain.openings import Opening
from services.benefits.domain.quotas import Allowance, BenefitUse, HeldBenefit, UseKey, allowance
from services.benefits.domain.standing import HeldTier
from services.benefits.handlers.held_benefits import held_benefits
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import standing_now
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.turns import Turns
from services.benefits.handlers.unlocks import progress_of
from services.benefits.outbox import birthday_used
from services.benefits.repository import quotas as kept
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A use that somebody asks for."""

    key: UseKey
    member_id: str
    amount: int
    channel: str


class QuotaHandlers:
    """Keeps count of what members use of their benefits."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        turns: Turns,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times, self._turns = store, programs, times, turns
        self._now, self._new_id = now, new_id

    async def use(
        self, wanted: Wanted, request: Request[M], answer: Callable[[BenefitUse, Allowance | None], M]
    ) -> M:
        """Take from a benefit, once for its business key."""
        program = (await self._programs.live(wanted.key.program_id)).program
        at = await self._times.of(program)

        async def attempt(benefits: BenefitsStore) -> M:
            if not await is_visible(benefits.database, program.key, wanted.member_id):
                raise MemberUnknown(member_id=wanted.member_id)
            every = await held_benefits(benefits, program, [wanted.member_id], at)
            held = every.get(wanted.member_id, [])
            used = await kept.by_key(benefits, wanted.key)
            if used is None:
                used = await self._take(benefits, program, wanted, held, at)
                act = Act(request, [used.use_id, used.member_id], after={"benefit": used.key.benefit})
                await trail.record(benefits.database, benefits.session, act, now=self._now())
            elif (used.member_id, used.amount) != (wanted.member_id, wanted.amount):
                raise BusinessKeyConflict(use_id=used.use_id)
            left = await self._left(
                benefits, program, [each for each in held if each.key == used.key.benefit], at
            )
            return answer(used, next(iter(left.get(used.member_id, [])), None))

        shared = wanted.key.benefit in program.pools
        counter = f"pool/{program.key}/{wanted.key.benefit}"
        async with self._turns.of([counter] if shared else []):
            return await self._store.once(request, attempt, now=self._now)

    async def cancel(
        self, program_id: str, use_id: str, request: Request[M], answer: Callable[[BenefitUse], M]
    ) -> M:
        """Give a use back, once."""

        async def attempt(benefits: BenefitsStore) -> M:
            use = await kept.by_id(benefits, program_id, use_id)
            if use is None or not await is_visible(benefits.database, program_id, use.member_id):
                raise BenefitUseUnknown(use_id=use_id)
            if not use.cancelled:
                await kept.cancel(benefits, use)
                await kept.give_back(benefits, use)
            act = Act(request, [use_id, use.member_id], before={"cancelled": int(use.cancelled)})
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(replace(use, cancelled=True))

        return await self._store.once(request, attempt, now=self._now)

    async def allowances(self, program_id: str, member_ids: Sequence[str]) -> dict[str, list[Allowance]]:
        """What each member whom the caller may see has left of the benefits that are counted."""
        program = (await self._programs.live(program_id)).program
        at = await self._times.of(program)
        held = await held_benefits(self._store, program, await self._seen(program_id, member_ids), at)
        every = [one for each in held.values() for one in each]
        left = await self._left(self._store, program, every, at)
        return {member_id: left.get(member_id, []) for member_id in held}

    async def locked(self, program_id: str, member_ids: Sequence[str]) -> dict[str, list[Locked]]:
        """What each member whom the caller may see does not have, the nearest first."""
        program = (await self._programs.live(program_id)).program
        seen = await self._seen(program_id, member_ids)
        found = await standing_now(self._store, program, seen, self._times)
        return {member_id: _locked(program, each.tiers) for member_id, each in found.items()}

    async def _seen(self, program_id: str, member_ids: Sequence[str]) -> set[str]:
        return await visible(self._store.database, program_id, member_ids)

    async def _take(
        self,
        benefits: BenefitsStore,
        program: Program,
        wanted: Wanted,
        held: Sequence[HeldBenefit],
        at: datetime,
    ) -> BenefitUse:
        """A new use, taken from the present period where the benefit is counted.

        The pool first, at which all members meet.
        """
        benefit, period, pool_period = _granted(program, wanted, held), "", ""
        _require_open(benefit.opening(at, program.time_zone))
        for each in (await progress_of(benefits, program, [benefit], at)).get(wanted.member_id, []):
            if not each.unlocked:
                raise BenefitLocked(months=each.months, months_needed=each.unlock.months)
        for left in (await self._left(benefits, program, [benefit], at)).get(wanted.member_id, []):
            if left.pool is not None:
                if not await kept.take(benefits, program.key, left.pool, wanted.amount):
                    raise _pool_empty(left.pool, benefit)
                pool_period = left.pool.place[2]
            if not await kept.take(benefits, program.key, left, wanted.amount):
                raise _used_up(left)
            period = left.place[2]
        used = BenefitUse(
            self._new_id("use"),
            wanted.key,
            wanted.member_id,
            wanted.amount,
            at,
            period,
            pool_period=pool_period,
        )
        await kept.add(benefits, used)
        if benefit.entitlement.grant.birthday is not None:
            await benefits.announce([birthday_used(program.key, wanted.member_id, at)], self._now())
        return used

    async def _left(
        self, store: BenefitsStore, program: Program, held: Sequence[HeldBenefit], at: datetime
    ) -> dict[str, list[Allowance]]:
        """What is left of benefits that are counted, by member; one read however many there are."""
        places = [place for each in held for place in each.places(at, program.time_zone)]
        counted = await kept.counted(store, program.key, places)
        found: dict[str, list[Allowance]] = {}
        for each in held:
            if (left := allowance(each, counted, at, program.time_zone)) is not None:
                found.setdefault(each.member_id, []).append(left)
        return found


def _locked(program: Program, held: Mapping[str, HeldTier]) -> list[Locked]:
    """What the tiers above those that are held would add, tier set by tier set."""
    return [
        one for each in program.tier_sets if each.key in held for one in locked(each, held[each.key].tier)
    ]


def _granted(program: Program, wanted: Wanted, held: Sequence[HeldBenefit]) -> HeldBenefit:
    """The benefit as the member has it, if it is good on the channel where it is used."""
    benefit = wanted.key.benefit
    for each in held:
        channels = each.entitlement.grant.channels
        if each.key == benefit and channels and wanted.channel not in channels:
            raise BenefitNotOnChannel(channels=", ".join(channels))
        if each.key == benefit:
            return each
    tiers = [tier for each in program.tier_sets if (tier := granting_tier(each, benefit)) is not None]
    if tiers:
        raise BenefitNotHeld(benefit=benefit, tier=tiers[0])
    plan = program.contracts.granting_plan(benefit)
    raise BenefitUnknown(benefit=benefit) if plan is None else BenefitNotHeld(benefit=benefit, plan=plan.key)


def _require_open(opening: Opening) -> None:
    if not opening.is_open:
        raise BenefitNotOpen(**_at("opening_time", opening.next_time))


def _used_up(left: Allowance) -> QuotaUsedUp:
    return QuotaUsedUp(left=left.counted.left, **_at("reset_time", left.reset_time))


def _pool_empty(pool: Allowance, benefit: HeldBenefit) -> BenefitPoolEmpty:
    """Told with when the pool is full again, unless the benefit is over by then."""
    until, reset = benefit.entitlement.grant.schedule.until_time, pool.reset_time
    over = reset is not None and until is not None and reset >= until
    return BenefitPoolEmpty(left=pool.counted.left, **_at("reset_time", None if over else reset))


def _at(name: str, moment: datetime | None) -> dict[str, str]:
    """A fact of a refusal, where there is such a time."""
    return {} if moment is None else {name: moment.astimezone(UTC).isoformat(timespec="seconds")}
