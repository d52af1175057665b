"""The use case that reports a program's tiers: who holds them, who moved, who is near to them."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from libs.common.tier_policy import TierSet
from services.benefits.domain.tier_report import (
    TENTHS,
    Margin,
    TierReport,
    TierSetReport,
    first_month,
    thresholds,
)
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import tier_reports
from services.benefits.repository.store import BenefitsStore


class TierReportHandlers:
    """Reports from memberships and changes, counted in the database within a time."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def report(self, program_id: str, months: int) -> TierReport:
        """The report with so many of the latest months of moves."""
        program = (await self._programs.live(program_id)).program
        as_of = await self._times.of(program)
        zone = ZoneInfo(program.time_zone)
        month = first_month(as_of.astimezone(zone), months)
        since = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
        holders = await tier_reports.holders(self._store, program_id)
        moves = await tier_reports.moves(self._store, program_id, since=since, time_zone=program.time_zone)
        return TierReport(
            program_version=program.version,
            as_of=as_of,
            first_month=month,
            tier_sets=[
                TierSetReport(
                    key=each.key,
                    tiers=_by_tier(each, holders.get(each.key, {})),
                    moves=[move for move in moves if move.tier_set == each.key],
                    margins=await self._margins(program_id, each),
                )
                for each in program.tier_sets
            ],
        )

    async def _margins(self, program_id: str, tier_set: TierSet) -> list[Margin]:
        asked = thresholds(tier_set)
        found = await tier_reports.tenths(self._store, program_id, tier_set.key, asked)
        return [Margin(each, found.get((each.fact, each.value), [0] * TENTHS)) for each in asked]


def _by_tier(tier_set: TierSet, holders: Mapping[str, int]) -> dict[str, int]:
    """Members by the tiers of now; who holds one of a version before holds the one that replaces it."""
    stands_for = {old: tier.key for tier in tier_set.tiers for old in tier.replaces}
    found = Counter[str]()
    for tier, count in holders.items():
        found[stands_for.get(tier, tier)] += count
    return {tier.key: found[tier.key] for tier in tier_set.tiers}
