"""Tells risk who was refused for a limit: once for each limit and business day, however often they try."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import PyMongoError

from libs.common.clock import business_date
from libs.common.errors import Refusal
from libs.common.program import Program
from libs.common.telemetry import log
from services.benefits.domain.limits import LimitRefusal, limits_of
from services.benefits.outbox import limit_refused
from services.benefits.repository import limit_refusals
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class LimitRefusals:
    """Keeps and announces refusals in a transaction of its own, as that of what was refused is taken back."""

    store: BenefitsStore
    now: Callable[[], datetime]

    @asynccontextmanager
    async def told(self, program: Program, member_id: str, time: datetime) -> AsyncIterator[None]:
        """Around what may be refused to a member at a time of the program; the caller hears it as before."""
        try:
            yield
        except Refusal as refusal:
            day, now = business_date(time, program.time_zone).isoformat(), self.now()
            await self._tell(
                [LimitRefusal(program.key, member_id, limit, day, now) for limit in limits_of(refusal)]
            )
            raise

    async def _tell(self, refusals: list[LimitRefusal]) -> None:
        """Announce what was not yet. The caller is answered whether or not that works: they will be back."""
        if not refusals:
            return
        try:
            # Most that are refused were refused a moment ago, and cost one read.
            if await limit_refusals.untold(self.store, refusals):
                await self.store.transaction(lambda benefits: self._announce(benefits, refusals))
        except (PyMongoError, Refusal, TimeoutError) as error:
            log("limits").warning("a refusal was not told to risk", error=type(error).__name__)

    async def _announce(self, benefits: BenefitsStore, refusals: list[LimitRefusal]) -> None:
        if new := await limit_refusals.untold(benefits, refusals):
            await limit_refusals.add(benefits, new)
            await benefits.announce([limit_refused(each) for each in new], self.now())
