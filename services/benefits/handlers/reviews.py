"""Reviews: a tier whose term is over is looked at again, with the facts of its last moment."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from libs.common.calendar import INSTANT
from services.benefits.clients import FactsKey, MembersClient
from services.benefits.domain.effects import Effect
from services.benefits.domain.memberships import (
    REGISTRATION_SEQ,
    Look,
    Membership,
    Step,
    point_facts,
)
from services.benefits.domain.programs import Version
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.runs import decided_alone, keep_run, run_of
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore

REVIEWED_AT_ONCE = 50


class TierReviews:
    """Decides memberships at the end of their terms, each once: the next term is stored with the decision.

    What is decided is based on the events up to the last one that the
    membership has been decided on, so that it is the same whoever does it and
    when: the calendar, or a consumer that meets a later event first.
    """

    def __init__(
        self,
        store: BenefitsStore,
        deciding: Deciding,
        members: MembersClient,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._deciding, self._members, self._times = store, deciding, members, times
        self._now, self._new_id = now, new_id

    async def review(
        self, version: Version, memberships: Sequence[Membership], *, told_since: datetime
    ) -> int:
        """Review memberships whose terms are over; gives how many. What was due before a time is not told.

        Raises Moved when a membership has been decided on meanwhile.
        """
        ordered = sorted(memberships, key=lambda each: each.membership_id)
        for start in range(0, len(ordered), REVIEWED_AT_ONCE):
            await self._together(version, ordered[start : start + REVIEWED_AT_ONCE], told_since)
        return len(ordered)

    async def _together(
        self, version: Version, memberships: Sequence[Membership], told_since: datetime
    ) -> None:
        effects = await self._decided(version, memberships)
        time = await self._times.of(version.program)
        await self._store.transaction(partial(self._keep, version, effects, time, told_since))

    async def _decided(self, version: Version, memberships: Sequence[Membership]) -> list[Effect]:
        facts = await self._facts(version, memberships)
        steps = [(each, _review(each, facts[each.membership_id])) for each in memberships]
        return await decided_alone(self._deciding, version, steps, self._new_id)

    async def _facts(
        self, version: Version, memberships: Sequence[Membership]
    ) -> Mapping[str, Mapping[str, int]]:
        """The facts of the last moment of each term, of the events that have been decided on."""
        names = sorted(version.program.member_facts)
        active = [each for each in memberships if each.applied_seq > REGISTRATION_SEQ]
        keys = [_last_moment(each) for each in active]
        found = await self._members.facts(version.program_id, keys, names)
        own = {each.membership_id: point_facts(each.tier_points) for each in memberships}
        told = {each.membership_id: at for each, at in zip(active, found, strict=True)}
        return {key: {**told.get(key, {}), **points} for key, points in own.items()}

    async def _keep(
        self,
        version: Version,
        effects: Sequence[Effect],
        time: datetime,
        told_since: datetime,
        benefits: BenefitsStore,
    ) -> None:
        run = run_of(
            version.program, effects, announced=effects, time=time, now=self._now(), told_since=told_since
        )
        await keep_run(benefits, run, new_id=self._new_id)


def _last_moment(membership: Membership) -> FactsKey:
    assert membership.review_time is not None
    return FactsKey(membership.member_id, membership.review_time - INSTANT, membership.applied_seq)


def _review(membership: Membership, facts: Mapping[str, int]) -> Step:
    assert membership.review_time is not None
    time = membership.review_time
    return Step(Look.REVIEW, time, facts, run_id=f"review:{time:%Y-%m-%dT%H:%M:%SZ}")
