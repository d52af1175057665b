"""Use cases of earning: what events that did not happen would earn, and what is read of members for it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from libs.common.clock import business_date
from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.ahead import TierAhead
from services.benefits.domain.earning_previews import Earner, PossibleEvent, Preview, earner, preview
from services.benefits.domain.memberships import Membership
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import contracts_of
from services.benefits.handlers.tier_previews import Happening, TierPreviews
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.birthdays import birthdays_of
from services.benefits.repository.earned_days import earned_on
from services.benefits.repository.notices import known_members
from services.benefits.repository.store import BenefitsStore

Moment = tuple[str, datetime]


class EarningHandlers:
    """Answers what would be earned, without changing anything."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes, tiers: TierPreviews
    ) -> None:
        self._store, self._programs, self._times, self._tiers = store, programs, times, tiers

    async def previews(
        self, program_id: str, events: Sequence[PossibleEvent]
    ) -> list[tuple[Preview, Sequence[TierAhead]] | None]:
        """What each event would earn and do to tiers, None where the caller sees no such member."""
        version = await self._programs.live(program_id)
        program = version.program
        reached = await visible(self._store.database, program_id, {event.member_id for event in events})
        seen = await known_members(self._store, program_id, reached)
        now = await self._times.of(program)
        moments = [(event.member_id, event.occurred_time or now) for event in events]
        found = await earners(self._store, program, [moment for moment in moments if moment[0] in seen])
        asked = {
            place: Happening(*moment, found[moment], [event])
            for place, (event, moment) in enumerate(zip(events, moments, strict=True))
            if moment in found
        }
        happened = dict(zip(asked, await self._tiers.of(version, list(asked.values())), strict=True))
        return [
            (preview(program, event, asked[place].at, asked[place].before), happened[place].tiers)
            if place in asked
            else None
            for place, event in enumerate(events)
        ]


async def earners(store: BenefitsStore, program: Program, moments: Iterable[Moment]) -> dict[Moment, Earner]:
    """What rules read of members at moments, in the transaction of the store: a few reads for all."""
    asked = set(moments)
    if not asked:
        return {}
    members, times = {member_id for member_id, _ in asked}, {at for _, at in asked}
    memberships: dict[str, dict[str, Membership]] = defaultdict(dict)
    for each in (await store.memberships(members)).values():
        memberships[each.member_id][each.tier_set] = each
    contracts = await contracts_of(store, program, members, since=min(times), until=max(times))
    days = {(member_id, at): (member_id, business_date(at, program.time_zone)) for member_id, at in asked}
    earned = await earned_on(store, program.key, days.values())
    birthdays = await birthdays_of(store, members) if program.birthday_counts else {}
    return {
        (member_id, at): earner(
            program,
            memberships[member_id],
            contracts.get(member_id, ()),
            earned.get(days[member_id, at], {}),
            at,
            birthdays.get(member_id),
        )
        for member_id, at in asked
    }
