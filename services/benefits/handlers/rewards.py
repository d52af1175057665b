"""Use cases around the catalogue of rewards: make, change, restock and list them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.mongo import Request
from services.benefits.domain.coupons import campaign_id
from services.benefits.domain.errors import RewardExists
from services.benefits.domain.rewards import Reward, RewardKind, Terms, changed, created, restocked
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reward_stock import counters, known
from services.benefits.handlers.turns import Turns
from services.benefits.repository import coupon_campaigns, rewards
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)


class RewardHandlers:
    """Keeps the catalogue. Each change waits for its turn among those who redeem the same reward."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, turns: Turns, now: Callable[[], datetime]
    ) -> None:
        self._store, self._programs, self._turns, self._now = store, programs, turns, now

    async def create(
        self,
        program_id: str,
        reward_id: str,
        terms: Terms,
        stocked: int | None,
        request: Request[M],
        answer: Callable[[Reward], M],
    ) -> M:
        program = (await self._programs.live(program_id)).program

        async def attempt(benefits: BenefitsStore) -> M:
            if await rewards.one(benefits, program_id, reward_id) is not None:
                raise RewardExists(reward_id=reward_id)
            found = await _campaigns(benefits, program_id, terms)
            reward = created(program, reward_id, terms, stocked, self._now(), campaigns=found)
            await rewards.add(benefits, reward)
            await self._record(benefits, request, None, reward)
            return answer(reward)

        return await self._store.once(request, attempt, now=self._now)

    async def update(
        self,
        program_id: str,
        reward_id: str,
        version: int,
        terms: Terms,
        *,
        archived: bool,
        request: Request[M],
        answer: Callable[[Reward], M],
    ) -> M:
        program = (await self._programs.live(program_id)).program

        async def attempt(benefits: BenefitsStore) -> M:
            before = await known(benefits, program_id, reward_id)
            found = await _campaigns(benefits, program_id, terms)
            reward = changed(
                before, version, terms, program, archived=archived, now=self._now(), campaigns=found
            )
            await rewards.replace(benefits, reward)
            await self._record(benefits, request, before, reward)
            return answer(reward)

        async with self._turns.of(counters(program_id, reward_id, counted=True)):
            return await self._store.once(request, attempt, now=self._now)

    async def restock(
        self,
        program_id: str,
        reward_id: str,
        added: int,
        explanation: str,
        request: Request[M],
        answer: Callable[[Reward], M],
    ) -> M:
        async def attempt(benefits: BenefitsStore) -> M:
            before = await known(benefits, program_id, reward_id)
            reward = restocked(before, added, self._now())
            await rewards.replace(benefits, reward)
            await self._record(benefits, request, before, reward, explanation)
            return answer(reward)

        async with self._turns.of(counters(program_id, reward_id, counted=True)):
            return await self._store.once(request, attempt, now=self._now)

    async def page(
        self, program_id: str, *, kind: RewardKind | None, archived: bool, after: str | None, limit: int
    ) -> tuple[list[Reward], str | None]:
        """A page of the catalogue by id, and where the next one goes on."""
        found = await rewards.page(
            self._store, program_id, kind=kind, archived=archived, after=after, limit=limit + 1
        )
        return found[:limit], found[limit - 1].reward_id if len(found) > limit else None

    async def several(self, program_id: str, reward_ids: Sequence[str]) -> dict[str, Reward]:
        return await rewards.several(self._store, program_id, reward_ids)

    async def _record(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        before: Reward | None,
        after: Reward,
        reason: str = "",
    ) -> None:
        act = Act(request, [after.reward_id], reason=reason, before=_audited(before), after=_audited(after))
        await trail.record(benefits.database, benefits.session, act, now=self._now())


async def _campaigns(benefits: BenefitsStore, program_id: str, terms: Terms) -> set[str]:
    """The campaign that the terms name, if there is such a one."""
    if not terms.coupon_campaign:
        return set()
    wanted = [campaign_id(program_id, terms.coupon_campaign)]
    return {each.key for each in (await coupon_campaigns.campaigns(benefits, wanted)).values()}


def _audited(reward: Reward | None) -> Mapping[str, object] | None:
    """What an audit record says of a reward: all that decides who may have it, and not its texts."""
    if reward is None:
        return None
    terms = reward.terms
    window, limits = terms.window, terms.limits
    return {
        "version": reward.version,
        "kind": str(terms.kind),
        "name": list(terms.name),
        "price_points": terms.price_points,
        "point_type": terms.point_type,
        "coupon_campaign": terms.coupon_campaign,
        "value_minor": terms.value_minor,
        "reserve_minutes": terms.reserve_minutes,
        "tier": [terms.tier_set, terms.tier],
        "spend_min_minor": terms.spend_min_minor,
        "window": [each and each.isoformat() for each in (window.from_time, window.until_time)],
        "hours": [[*each.weekdays, each.from_minute, each.to_minute] for each in window.hours],
        "limits": [limits.total_max, limits.member_max, limits.member_day_max],
        "period": [limits.member_period_max, limits.period_days],
        "archived": reward.archived,
        "stocked": reward.stocked,
        "taken": reward.taken,
    }
