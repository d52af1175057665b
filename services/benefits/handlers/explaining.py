"""Use cases that explain decisions: decide them again, say what reaches a tier, and what keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from laurel.scoring.v1 import explanations_pb2
from libs.common.calendar import INSTANT
from libs.common.clock import business_date
from libs.common.errors import InvalidRequest
from libs.common.homes import is_visible, visible
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from libs.common.tier_policy import TierSet
from services.benefits.clients import ExplanationClient, FactsKey, MembersClient
from services.benefits.domain.errors import MemberUnknown, TierUnknown
from services.benefits.domain.memberships import REGISTRATION_SEQ, Membership, membership_id, point_facts
from services.benefits.domain.programs import Version, tier_set_of
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reads import ReadHandlers
from services.benefits.handlers.replays import replayed
from services.benefits.handlers.surroundings import Surrounding, Surroundings
from services.benefits.handlers.times import ProgramTimes
from services.benefits.messages import facts_messages, term_message
from services.benefits.repository.store import BenefitsStore

AHEAD = timedelta(days=90)
AHEAD_MAX = timedelta(days=3_653)
# Days of which facts are told one by one until a review.
DAYS_MAX = 400


# A member in a tier set.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Paths:
    """What reaches a tier, and by when."""

    found: explanations_pb2.FindTierPathsResponse
    by: datetime


@dataclass(frozen=True, slots=True)
class Keeping:
    """What keeps a tier at its review, and the facts of its rules by the days on which they change."""

    membership: Membership
    found: explanations_pb2.FindTierPathsResponse | None = None
    changes: Sequence[tuple[date, Mapping[str, int]]] = field(default=())


class ExplainingHandlers:
    """Explains, from what is stored and from the facts of members, with scoring's help."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        members: MembersClient,
        scoring: ExplanationClient,
        reads: ReadHandlers,
        surroundings: Surroundings,
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._members, self._scoring, self._reads = members, scoring, reads
        self._surroundings = surroundings

    async def replays(
        self, program_id: str, decision_ids: Sequence[str]
    ) -> dict[str, explanations_pb2.Replay]:
        """The decisions that the caller may see, each decided again by the version that took it."""
        found = await self._reads.decisions(program_id, decision_ids)
        return await replayed(self._store, self._scoring, program_id, found.values())

    async def paths(
        self, program_id: str, member_id: str, tier_set: str, *, target: str, by: datetime | None
    ) -> Paths:
        """What reaches a tier by a time."""
        version, membership, now = await self._standing(program_id, member_id, tier_set)
        held = tier_set_of(version.program, tier_set)
        target = target or _above(held, membership.tier)
        if target not in [tier.key for tier in held.tiers]:
            raise TierUnknown(tier_set=tier_set, tier=target)
        (found,) = await self._found(version, [(membership, target)], now=now, by=_until(by, now))
        return found

    async def paths_of(
        self, program_id: str, keys: Sequence[Key], *, target: str, by: datetime | None
    ) -> dict[Key, Paths]:
        """What reaches a tier by a time, of each whom the caller may see and whose ladder has such a tier."""
        version = await self._programs.live(program_id)
        now = await self._times.of(version.program)
        by = _until(by, now)
        standing = {
            key: (membership, wanted)
            for key, membership in (await self._memberships(version.program, keys)).items()
            if (wanted := _wanted(tier_set_of(version.program, membership.tier_set), membership.tier, target))
        }
        found = await self._found(version, list(standing.values()), now=now, by=by) if standing else ()
        return dict(zip(standing, found, strict=True))

    async def keeping(self, program_id: str, member_id: str, tier_set: str) -> Keeping:
        """What keeps the tier that a member holds at its review; nothing has to where there is none."""
        version, membership, now = await self._standing(program_id, member_id, tier_set)
        return await self._kept(version, membership, now)

    async def keepings(self, program_id: str, keys: Sequence[Key]) -> dict[Key, Keeping]:
        """What keeps the tiers of those whom the caller may see."""
        version = await self._programs.live(program_id)
        now = await self._times.of(version.program)
        found = await self._memberships(version.program, keys)
        return {key: await self._kept(version, membership, now) for key, membership in found.items()}

    async def _found(
        self, version: Version, wanted: Sequence[tuple[Membership, str]], *, now: datetime, by: datetime
    ) -> list[Paths]:
        facts = await self._facts(version, [(membership, by) for membership, _ in wanted])
        around = await self._surroundings.of(version.program, [each.member_id for each, _ in wanted])
        found = []
        for (membership, target), each in zip(wanted, facts, strict=True):
            request = _request(version, membership, around[membership.member_id], now=now, by=by, facts=each)
            request.target_tier = target
            # One after the other: a search may hold scoring up for some 50 ms.
            found.append(Paths(await self._scoring.find_paths(request, version.document), by))
        return found

    async def _kept(self, version: Version, membership: Membership, now: datetime) -> Keeping:
        if membership.review_time is None or membership.override is not None:
            return Keeping(membership)
        last = max(now, membership.review_time - INSTANT)
        days = _days(now, last, version.program.time_zone)
        *daily, final = await self._facts(
            version, [(membership, at) for at in [*(end for _, end in days), last]]
        )
        around = await self._surroundings.of(version.program, [membership.member_id])
        request = _request(version, membership, around[membership.member_id], now=now, by=last, facts=final)
        request.keep = True
        found = await self._scoring.find_paths(request, version.document)
        told = [(day, facts) for (day, _), facts in zip(days, daily, strict=True)]
        changed = [after for before, after in pairwise(told) if after[1] != before[1]]
        return Keeping(membership, found, [*told[:1], *changed])

    async def _memberships(self, program: Program, keys: Sequence[Key]) -> dict[Key, Membership]:
        """The memberships in ladders of the program, of members whom the caller may see."""
        sets = {each.key for each in program.tier_sets}
        seen = await visible(self._store.database, program.key, {member_id for member_id, _ in keys})
        asked = [membership_id(program.key, *key) for key in keys if key[0] in seen and key[1] in sets]
        found = await self._store.memberships_of(asked)
        return {(each.member_id, each.tier_set): each for each in found}

    async def _standing(
        self, program_id: str, member_id: str, tier_set: str
    ) -> tuple[Version, Membership, datetime]:
        """The live version, a membership of a member whom the caller may see, and the program's time."""
        version = await self._programs.live(program_id)
        if not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        tier_set_of(version.program, tier_set)
        found = await self._store.memberships_of([membership_id(program_id, member_id, tier_set)])
        if not found:
            raise MemberUnknown(member_id=member_id)
        return version, found[0], await self._times.of(version.program)

    async def _facts(
        self, version: Version, moments: Sequence[tuple[Membership, datetime]]
    ) -> list[Mapping[str, int]]:
        """The facts of memberships at times, if no more is done than has been decided on."""
        asked_of = {each.tier_set for each, _ in moments}
        parts = {fact for key in asked_of for fact in tier_set_of(version.program, key).average_parts}
        names = sorted(version.program.member_facts | parts)
        if not names:
            return [{} for _ in moments]
        asked = [(each, at) for each, at in moments if each.applied_seq > REGISTRATION_SEQ]
        keys = [FactsKey(each.member_id, at, each.applied_seq) for each, at in asked]
        found = iter(await self._members.facts(version.program_id, keys, names))
        return [next(found) if each.applied_seq > REGISTRATION_SEQ else {} for each, _ in moments]


def _until(by: datetime | None, now: datetime) -> datetime:
    """By when paths are looked for."""
    by = by or now + AHEAD
    if not now <= by <= now + AHEAD_MAX:
        raise InvalidRequest(by_time="is past, or more than ten years ahead")
    return by


def _wanted(tier_set: TierSet, held: str, target: str) -> str:
    """The tier that is looked for, nothing where the ladder has none such."""
    if target:
        return target if target in [tier.key for tier in tier_set.tiers] else ""
    return _next_above(tier_set, held)


def _above(tier_set: TierSet, held: str) -> str:
    """The tier above one; who holds the highest is told so."""
    found = _next_above(tier_set, held)
    if not found:
        raise TierUnknown("there is no tier above", tier_set=tier_set.key, tier=held)
    return found


def _next_above(tier_set: TierSet, held: str) -> str:
    """The tier above one, nothing where there is none."""
    for tier, above in pairwise(tier_set.tiers):
        if held in {tier.key, *tier.replaces}:
            return above.key
    return ""


def _request(
    version: Version,
    membership: Membership,
    around: Surrounding,
    *,
    now: datetime,
    by: datetime,
    facts: Mapping[str, int],
) -> explanations_pb2.FindTierPathsRequest:
    return explanations_pb2.FindTierPathsRequest(
        program_digest=version.digest,
        tier_set=membership.tier_set,
        tier=membership.tier,
        term=term_message(membership),
        now=timestamp(now),
        by_time=timestamp(by),
        facts=facts_messages({**facts, **point_facts(membership.tier_points), **around.facts}),
        variant=around.variant(tier_set_of(version.program, membership.tier_set)),
    )


def _days(now: datetime, last: datetime, time_zone: str) -> list[tuple[date, datetime]]:
    """The days from now on to the last one, four hundred at most, each with its last moment."""
    zone, today = ZoneInfo(time_zone), business_date(now, time_zone)
    count = min(DAYS_MAX, (business_date(last, time_zone) - today).days + 1)
    days = [today + timedelta(days=each) for each in range(count)]
    ends = (datetime.combine(day + timedelta(days=1), time(), zone) - INSTANT for day in days)
    return [(day, min(end.astimezone(now.tzinfo), last)) for day, end in zip(days, ends, strict=True)]
