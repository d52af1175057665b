"""The sender of webhooks: many at once, but few to each endpoint, and least to those that fail."""

import asyncio
from collections import Counter
from contextlib import suppress

from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.leases import Leases
from libs.common.sealing import SealBroken
from libs.common.telemetry import log
from services.benefits.domain.webhooks import Endpoint
from services.benefits.handlers.deliveries import Delivering
from services.benefits.handlers.webhook_upkeep import WebhookUpkeep

WEBHOOKS = "webhooks"
WORKERS_MAX = 64
WORKERS_OF_ENDPOINT_MAX = 8
# Endpoints that fail take five seconds for each attempt; all of them together leave half to the others.
WORKERS_OF_FAILING_MAX = 32
TURN_DELIVERIES = 20
EVERY_SECONDS = 0.5
UPKEEP_SECONDS = 60.0
PAUSE_SECONDS = 60.0
BREATH_SECONDS = 0.02
DRAIN_SECONDS = 6.0


class WebhookSender:
    """Sends what is due from the replica that holds the lease.

    A worker serves one endpoint for a turn. Claims keep two senders off the
    same delivery, so that the lease only saves work.
    """

    def __init__(self, delivering: Delivering, upkeep: WebhookUpkeep, leases: Leases) -> None:
        self._delivering, self._upkeep, self._leases = delivering, upkeep, leases
        self._workers: dict[asyncio.Task[None], Endpoint] = {}
        self._paused: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self._kept_up = float("-inf")

    async def run(self) -> None:
        """Send until cancelled, then let what is under way come to its end."""
        try:
            while True:
                self._changed.clear()
                if WEBHOOKS in self._leases.held():
                    await self._round()
                await asyncio.sleep(BREATH_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_SECONDS):
                        await self._changed.wait()
        finally:
            self._stopping = True
            if self._workers:
                await asyncio.wait(self._workers, timeout=DRAIN_SECONDS)
            for worker in self._workers:
                worker.cancel()

    async def _round(self) -> None:
        """Give each endpoint that something is due for one worker more, where there is room."""
        try:
            await self._keep_up()
            due = await self._delivering.due()
        except (PyMongoError, Refusal, TimeoutError) as error:
            log("webhooks").warning("interrupted", error=type(error).__name__)
            return
        except Exception:  # such as what a newer replica has stored: it must not end the process
            log("webhooks").exception("defect")
            return
        time = asyncio.get_running_loop().time()
        for endpoint in due:
            if self._paused.get(endpoint.endpoint_id, time) <= time and self._room(endpoint):
                worker = asyncio.create_task(self._work(endpoint))
                self._workers[worker] = endpoint
                worker.add_done_callback(self._ended)

    async def _keep_up(self) -> None:
        time = asyncio.get_running_loop().time()
        if time - self._kept_up >= UPKEEP_SECONDS:
            self._kept_up = time
            await self._upkeep.run_once()

    def _room(self, endpoint: Endpoint) -> bool:
        busy = Counter(each.endpoint_id for each in self._workers.values())
        if len(self._workers) >= WORKERS_MAX:
            return False
        if endpoint.failures == 0:
            return busy[endpoint.endpoint_id] < WORKERS_OF_ENDPOINT_MAX
        failing = sum(each.failures > 0 for each in self._workers.values())
        return busy[endpoint.endpoint_id] == 0 and failing < WORKERS_OF_FAILING_MAX

    async def _work(self, endpoint: Endpoint) -> None:
        """Send to one endpoint until nothing is due, or its turn is over; one attempt where it fails."""
        turn = 1 if endpoint.failures else TURN_DELIVERIES
        try:
            while turn and not self._stopping:
                claim = await self._delivering.claim(endpoint.endpoint_id)
                if claim is None:
                    return
                self._changed.set()  # more may be due for another worker
                turn = turn - 1 if await self._delivering.deliver(claim) else 0
        except (PyMongoError, Refusal, TimeoutError) as error:
            log("webhooks").warning("interrupted", endpoint=endpoint.endpoint_id, error=type(error).__name__)
        except SealBroken as broken:  # until a restart brings the key, or somebody rotates the secret
            self._pause(endpoint)
            log("webhooks").error("secret unreadable", endpoint=endpoint.endpoint_id, error=str(broken))
        except Exception:  # of one endpoint: it must not stop the others
            self._pause(endpoint)
            log("webhooks").exception("defect", endpoint=endpoint.endpoint_id)

    def _pause(self, endpoint: Endpoint) -> None:
        """Leave an endpoint alone for a while."""
        self._paused[endpoint.endpoint_id] = asyncio.get_running_loop().time() + PAUSE_SECONDS

    def _ended(self, worker: asyncio.Task[None]) -> None:
        del self._workers[worker]
        self._changed.set()
