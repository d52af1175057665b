"""Upkeep of webhooks: secrets move to the newest key, and the staff hear of endpoints that fail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.errors import Refusal
from libs.common.program import Program
from libs.common.sealing import SealBroken, Sealing
from libs.common.telemetry import log
from services.benefits.domain.notices import NoticeCode, Occasion
from services.benefits.domain.webhooks import Endpoint, resealed, to_be_told
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import tell
from services.benefits.handlers.webhooks import about
from services.benefits.repository import webhooks
from services.benefits.repository.store import BenefitsStore

TOLD_ROLE = "operations_manager"


@dataclass(frozen=True, slots=True)
class WebhookUpkeep:
    """Looks at every endpoint now and then; `time_of` tells the time of a program."""

    store: BenefitsStore
    sealing: Sealing
    programs: ProgramHandlers
    time_of: Callable[[Program], Awaitable[datetime]]
    now: Callable[[], datetime]
    new_id: Callable[[str], str]

    async def run_once(self) -> None:
        async for endpoint in webhooks.every_endpoint(self.store):
            if not all(self.sealing.by_newest(each.sealed) for each in endpoint.secrets):
                await self._reseal(endpoint.endpoint_id)
            if to_be_told(endpoint, self.now()):
                try:
                    await self._tell(endpoint)
                except Refusal as refusal:  # such as a sandbox whose time cannot be known now
                    log("webhooks").warning("told later", endpoint=endpoint.endpoint_id, error=refusal.reason)

    async def _reseal(self, endpoint_id: str) -> None:
        async def attempt(store: BenefitsStore) -> None:
            endpoint, for_what = await webhooks.known_endpoint(store, endpoint_id), about(endpoint_id)
            secrets = [self.sealing.open(each.sealed, for_what) for each in endpoint.secrets]
            fresh = [self.sealing.seal(each, for_what) for each in secrets]
            await webhooks.keep_endpoint(store, resealed(endpoint, fresh))

        try:
            await self.store.transaction(attempt)
        except SealBroken as broken:
            log("webhooks").error("secret unreadable", endpoint=endpoint_id, error=str(broken))

    async def _tell(self, endpoint: Endpoint) -> None:
        """Tell the staff; the time comes from another service, so it is asked for beforehand."""
        program = (await self.programs.live(endpoint.program_id)).program
        time = await self.time_of(program)

        async def attempt(store: BenefitsStore) -> None:
            fails = await webhooks.known_endpoint(store, endpoint.endpoint_id)
            if to_be_told(fails, self.now()):
                occasion = _failing(fails, time)
                await tell(store, program, [occasion], time=time, now=self.now(), new_id=self.new_id)
                await webhooks.keep_endpoint(store, replace(fails, told=True))

        await self.store.transaction(attempt)


def _failing(endpoint: Endpoint, time: datetime) -> Occasion:
    """Once for each time that an endpoint begins to fail; `time` is the program's."""
    assert endpoint.failing_since is not None, "it fails"
    return Occasion(
        program_id=endpoint.program_id,
        staff_role=TOLD_ROLE,
        code=NoticeCode.WEBHOOK_FAILING,
        cause=f"{endpoint.endpoint_id}@{endpoint.failing_since.isoformat()}",
        params={"endpoint_id": endpoint.endpoint_id},
        occurred_time=time,
    )
