"""The use case that reports a program's points: where they are, what they may cost, what became of them."""

from libs.common import mongo
from services.benefits.domain.points_report import Conservation, PointsReport
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import books, cohorts
from services.benefits.repository.store import BenefitsStore


class ReportHandlers:
    """Reports from accounts, summed in the database within a time, and from the cohorts of all months."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes, follow: FollowHandlers
    ) -> None:
        self._store, self._programs, self._times, self._follow = store, programs, times, follow

    async def points(self, program_id: str) -> PointsReport:
        """The report of one moment."""
        program = (await self._programs.live(program_id)).program
        as_of = await self._times.of(program)
        behind_seconds = await self._follow.behind_seconds(program_id)
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            currency = program.points.currency
            balances = (await books.balances(store, program_id, currency)).get(program_id, {})
            return PointsReport(
                conservation=Conservation.of(balances),
                arrears=await books.arrears(store, program_id, currency),
                cohorts=await cohorts.every(store, program_id),
                redemption=program.points.redemption,
                as_of=as_of,
                time_zone=program.time_zone,
                behind_seconds=behind_seconds,
            )
