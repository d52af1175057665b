"""The use case that publishes usage figures: each month that is settled is counted once, a page at a turn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate, groupby
from operator import attrgetter

from libs.common import progress
from libs.common.program import Program
from services.benefits.domain.coupons import campaign_id
from services.benefits.domain.usage import (
    OTHERS,
    Item,
    Month,
    Tally,
    UsageKind,
    UsageMonth,
    UsageState,
    highest,
)
from services.benefits.domain.usage_figures import figures
from services.benefits.domain.usage_terms import Terms, anybody, of_benefit, of_campaign, of_reward
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import contracts_of
from services.benefits.handlers.times import ProgramTimes
from services.benefits.report_messages import usage_message
from services.benefits.repository import coupon_campaigns, rewards, tier_reports
from services.benefits.repository import usage as kept
from services.benefits.repository.store import BenefitsStore

MEMBERSHIPS_PER_PAGE = 2_000
# Of an answer, which is far less than a message may have; one month is always told.
PAGE_BYTES_MAX = 2 * 1024 * 1024


class UsageHandlers:
    """Counts months of a program one after another; of two at the same page one finds it counted."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def programs(self) -> Sequence[str]:
        """The programs whose time is known."""
        return sorted(await self._times.all())

    async def go_on(self, program_id: str) -> bool:
        """Count another page, or begin the next month that is settled; whether there is more to do at once.

        The latest month of when a program is first seen is noted only: nobody promised figures for it.
        """
        program = (await self._programs.live(program_id)).program
        until = await self._done_time(program_id)
        latest = await kept.latest(self._store, program_id)
        if until is None:
            return False
        if latest is None:
            settled = Month.settled_at(until, program.time_zone)
            await kept.begin(self._store, UsageMonth(program_id, settled, UsageState.NOTED))
            return False
        if latest.state is UsageState.COUNTING:
            await self._count(program, latest)
            return True
        following = latest.month.following
        if until < following.settled_time(program.time_zone):
            return False
        await kept.begin(self._store, UsageMonth(program_id, following, UsageState.COUNTING, program.version))
        return True

    async def late_seconds(self, program_id: str) -> float:
        """How long the oldest month has been settled that is not published; 0 where all are."""
        program, at = await self._times.now_in(program_id)
        latest = await kept.latest(self._store, program_id)
        if latest is None:
            return 0.0
        counting = latest.state is UsageState.COUNTING
        month = latest.month if counting else latest.month.following
        return max(0.0, (at - month.settled_time(program.time_zone)).total_seconds())

    async def months(self, program_id: str, *, before: str, limit: int) -> tuple[list[bytes], bool]:
        """The figures of months as published, latest first, so many at most; and whether there are more."""
        await self._programs.live(program_id)
        found = await kept.published(self._store, program_id, before=before, limit=limit + 1)
        fitting = sum(size <= PAGE_BYTES_MAX for size in accumulate(map(len, found[:limit])))
        shown = found[: max(1, fitting)]
        return shown, len(found) > len(shown)

    async def _done_time(self, program_id: str) -> datetime | None:
        """Until when all that fell due in a program has happened: later ends of rewards are still to come."""
        found = (await progress.done(self._store.database, [program_id])).get(program_id)
        return None if found is None else found.done_time

    async def _count(self, program: Program, month: UsageMonth) -> None:
        """Count a page of members; from the first one on where another version took effect meanwhile."""
        if month.program_version != program.version:
            anew = replace(month, program_version=program.version, after="", tally=Tally())
            await kept.go_on(self._store, month, anew)
            return
        rows, after = await tier_reports.page(
            self._store, program.key, month.after, size=MEMBERSHIPS_PER_PAGE
        )
        await self._add(program, month, rows)
        counted = replace(month, after=after or "")
        if after is None:
            counted = replace(month, state=UsageState.PUBLISHED, figures=await self._figures(program, month))
        await kept.go_on(self._store, month, counted)

    async def _add(self, program: Program, month: UsageMonth, rows: Sequence[tier_reports.Row]) -> None:
        """Add the members of a page to the tally, with the tiers that they held and what they used."""
        begin = month.month.begin(program.time_zone)
        end = month.month.following.begin(program.time_zone)
        member_ids = [member_id for member_id, _ in groupby(rows, attrgetter("member_id"))]
        moved = [
            each.membership_id for each in rows if each.since_time is not None and each.since_time >= begin
        ]
        changes = await kept.changes(self._store, moved, begin)
        contracts = await contracts_of(self._store, program, member_ids, since=begin, until=end)
        used = await kept.used(self._store, program.key, member_ids, month.month, program.time_zone)
        for member_id, of_member in groupby(rows, attrgetter("member_id")):
            memberships = {each.tier_set: each for each in of_member}
            tiers = {
                tier_set.key: highest(
                    tier_set,
                    membership.tier,
                    changes.get(membership.membership_id, ()),
                    contracts.get(member_id, ()),
                    begin=begin,
                    end=end,
                )
                if (membership := memberships.get(tier_set.key)) is not None
                else ""
                for tier_set in program.tier_sets
            }
            month.tally.add(tiers, used.get(member_id, {}))

    async def _figures(self, program: Program, month: UsageMonth) -> bytes:
        """The figures of a month that is counted, as they are published: the same count is the same bytes."""
        told = figures(
            month.month,
            month.tally,
            {each.key: [tier.key for tier in each.tiers] for each in program.tier_sets},
            await self._terms(program, month.tally.used),
            program_version=program.version,
            members_min=program.fairness.members_min,
        )
        return usage_message(told, program).SerializeToString(deterministic=True)

    async def _terms(self, program: Program, items: Iterable[Item]) -> Mapping[Item, Terms]:
        """Who may have what was used."""
        keys: dict[UsageKind, list[str]] = {kind: [] for kind in UsageKind}
        for kind, key in items:
            keys[kind].append(key)
        catalogue = await rewards.several(self._store, program.key, keys[UsageKind.REWARD])
        campaigns = await coupon_campaigns.campaigns(
            self._store, (campaign_id(program.key, each) for each in keys[UsageKind.COUPON_CAMPAIGN])
        )
        terms = {(kind, OTHERS): anybody(program) for kind in UsageKind}
        terms |= {
            (UsageKind.BENEFIT, each): of_benefit(program, each) for each in keys[UsageKind.BENEFIT] if each
        }
        terms |= {(UsageKind.REWARD, key): of_reward(program, each) for key, each in catalogue.items()}
        return terms | {
            (UsageKind.COUPON_CAMPAIGN, each.key): of_campaign(program, each) for each in campaigns.values()
        }
