"""What falls due in the calendar with tiers: their terms end, and they are looked at again."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.calendar import Due
from libs.common.errors import Contention
from libs.common.redis import partition_of
from services.benefits.clients import MembersClient
from services.benefits.domain.memberships import Membership
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.unmoved import Moved
from services.benefits.repository.store import BenefitsStore

TRIES_MAX = 20


class ReviewCalendar:
    """Reviews memberships, each named by its id; one that a consumer has reviewed meanwhile is done.

    Events that are recorded and not decided on yet come first, or a member
    would fall for purchases that nobody has counted.
    """

    name = "tier_reviews"

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        members: MembersClient,
        decisions: DecisionHandlers,
        reviews: TierReviews,
    ) -> None:
        self._store, self._programs, self._members = store, programs, members
        self._decisions, self._reviews = decisions, reviews

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The memberships whose terms are over by a time, the longest first."""
        found = await self._store.memberships_to_review(program_id, until=until, limit=limit)
        return [Due(membership_id, review_time) for membership_id, review_time in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Review those that are due still."""
        times = {item.key: item.due_time for item in items}
        await self._catch_up(program_id, await self._of(times))
        for _ in range(TRIES_MAX):
            due = [each for each in await self._of(times) if each.review_time == times[each.membership_id]]
            if not due:
                return 0
            version = await self._programs.live(program_id)
            try:
                return await self._reviews.review(version, due, told_since=fresh_since)
            except Moved:
                continue
        raise Contention

    async def _of(self, membership_ids: Sequence[str] | dict[str, datetime]) -> list[Membership]:
        return await self._store.memberships_of(membership_ids)

    async def _catch_up(self, program_id: str, memberships: Sequence[Membership]) -> None:
        """Decide on what these members have done since the last event that was decided on."""
        seqs = {each.member_id: each.applied_seq for each in memberships}
        latest = await self._members.latest_seqs(program_id, sorted(seqs))
        for member_id, seq in seqs.items():
            if latest.get(member_id, 0) > seq:
                behind = await self._members.events_after(program_id, member_id, seq)
                await self._decisions.apply(partition_of(member_id), [behind])
