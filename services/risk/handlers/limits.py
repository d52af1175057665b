"""Use cases around limits: keep that members were refused for one, and say how often of late."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.mongo import Database
from libs.common.telemetry import APPLIED
from services.risk.domain.limits import LimitRefusal, RefusedLimit
from services.risk.domain.reports import WINDOW
from services.risk.repository import limits


@dataclass(frozen=True, slots=True)
class LimitHandlers:
    """Keeps what shows that a member wants more than they may; it counts as long as a report does."""

    database: Database
    now: Callable[[], datetime]

    async def keep(self, refusals: Sequence[LimitRefusal]) -> None:
        """Keep what was announced, however often it comes and in whatever order."""
        await limits.keep(self.database, refusals)
        APPLIED.labels("risk", "limit_refusal").inc(len(refusals))

    async def refused(
        self, program_id: str, member_ids: Sequence[str]
    ) -> Mapping[str, Sequence[RefusedLimit]]:
        """For which limits members were refused of late; whoever asks may see these members."""
        return await limits.refused(self.database, program_id, member_ids, self.now() - WINDOW)
