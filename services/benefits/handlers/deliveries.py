"""Delivering: the next delivery of a lane is signed, sent, and what came of it is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Counter

from libs.common.sealing import Sealing
from libs.common.telemetry import log
from services.benefits.domain.signatures import signed_headers
from services.benefits.domain.webhooks import (
    Answer,
    Delivery,
    Endpoint,
    Failure,
    attempted,
    tried,
)
from services.benefits.handlers.webhooks import about
from services.benefits.repository import deliveries, webhooks
from services.benefits.repository.deliveries import Claim
from services.benefits.repository.store import BenefitsStore

# Longer than an attempt and its record may take; after it somebody else has the turn.
CLAIMED = timedelta(seconds=30)

ATTEMPTS = Counter(
    "laurel_webhook_attempts_total",
    "Attempts to deliver webhooks, by what became of the delivery: delivered, waiting, or dead.",
    ["status"],
)


class Post(Protocol):
    """Sends a request to an address outside."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What came of it; a failure is no exception."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """Sends what is due. What it does may be done twice by a crash in between, under the same id."""

    store: BenefitsStore
    sealing: Sealing
    outside: Post
    now: Callable[[], datetime]
    new_id: Callable[[str], str]
    jitter: Callable[[], float]

    async def due(self) -> list[Endpoint]:
        """The endpoints that something is due for, the longest due first, and those that fail behind them."""
        due = await deliveries.due_endpoints(self.store, self.now())
        enabled = await webhooks.enabled_endpoints(self.store, due)
        return sorted((enabled[each] for each in due if each in enabled), key=lambda each: each.failures > 0)

    async def claim(self, endpoint_id: str) -> Claim | None:
        """A lane of the endpoint that is due, for one attempt; None when there is none."""
        now, token = self.now(), self.new_id("clm")
        return await deliveries.claim(self.store, endpoint_id, token=token, now=now, until=now + CLAIMED)

    async def deliver(self, claim: Claim) -> bool:
        """Make one attempt at the first delivery of a lane, then write it down; gives whether it was taken.

        SealBroken when the endpoint's secret cannot be read: nothing is sent unsigned.
        """
        endpoint = await webhooks.known_endpoint(self.store, claim.endpoint_id)
        delivery = await deliveries.first_waiting(self.store, claim.lane)
        if not endpoint.enabled or delivery is None:
            await self.store.transaction(lambda store: self._give_back(store, claim))
            return False
        started = self.now()
        headers = self._headers(endpoint, delivery, started)
        answer = await self.outside.post(endpoint.url, headers, delivery.body)
        after = attempted(delivery, answer, started=started, ended=self.now(), jitter=self.jitter())
        await self.store.transaction(lambda store: self._record(store, claim, after, answer))
        ATTEMPTS.labels(after.status).inc()
        if answer.failure is not None:
            _log(after, answer.failure)
        return answer.failure is None

    def _headers(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> dict[str, str]:
        secrets = [
            self.sealing.open(each.sealed, about(endpoint.endpoint_id)) for each in endpoint.signing(now)
        ]
        return signed_headers(secrets, delivery_id=delivery.delivery_id, now=now, body=delivery.body)

    async def _record(self, store: BenefitsStore, claim: Claim, after: Delivery, answer: Answer) -> None:
        if not await deliveries.holds(store, claim):
            await deliveries.keep_attempt(store, after.delivery_id, after.attempts[-1])
            return
        await deliveries.keep(store, after)
        await deliveries.give_back(store, claim.lane, self.now())
        before = await webhooks.known_endpoint(store, claim.endpoint_id)
        if (endpoint := tried(before, answer, self.now())) != before:
            await webhooks.keep_endpoint(store, endpoint)

    async def _give_back(self, store: BenefitsStore, claim: Claim) -> None:
        if await deliveries.holds(store, claim):
            await deliveries.give_back(store, claim.lane, self.now())


def _log(delivery: Delivery, failure: Failure) -> None:
    dead = delivery.status == "dead"
    (log("webhooks").warning if dead else log("webhooks").info)(
        "delivery given up" if dead else "not delivered",
        delivery=delivery.delivery_id,
        endpoint=delivery.endpoint_id,
        failure=failure.value,
        http_status=delivery.attempts[-1].http_status,
        tries=delivery.tries,
    )
