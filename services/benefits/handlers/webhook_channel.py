"""The channel that carries notices by webhooks: a delivery for each endpoint that wants one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.benefits.domain.notice_texts import notice_text
from services.benefits.domain.notices import Notice
from services.benefits.domain.webhook_bodies import webhook_body
from services.benefits.domain.webhooks import Delivery, Endpoint
from services.benefits.repository import deliveries, webhooks
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Writes down what is to be delivered; a job of ours sends it."""

    new_id: Callable[[str], str]
    name: str = "webhooks"

    async def take(self, store: BenefitsStore, notices: Sequence[Notice], *, now: datetime) -> None:
        """Queue notices of one program for each of its endpoints that wants them."""
        if not notices:
            return
        program_id = notices[0].program_id
        enabled = [each for each in await webhooks.endpoints_of(store, program_id) if each.enabled]
        if not enabled:
            return
        program = (await store.live_programs([program_id]))[program_id].program
        queued = []
        for notice in notices:
            zh, en = (notice_text(notice.code, notice.params, program, locale) for locale in ("zh", "en"))
            body = webhook_body(notice, zh=zh, en=en)
            queued += [self._delivery(each, notice, body, now) for each in enabled if _wants(each, notice)]
        await deliveries.queue(store, queued, now)

    def _delivery(self, endpoint: Endpoint, notice: Notice, body: bytes, now: datetime) -> Delivery:
        return Delivery(
            delivery_id=self.new_id("dlv"),
            program_id=notice.program_id,
            endpoint_id=endpoint.endpoint_id,
            notice_id=notice.notice_id,
            member_id=notice.member_id,
            body=body,
            seq=0,  # it has its place when it is queued
            created_time=now,
            next_attempt_time=now,
        )


def _wants(endpoint: Endpoint, notice: Notice) -> bool:
    """Whether an endpoint is sent a notice; that it does not answer is told to the others."""
    return endpoint.wants(notice.code) and notice.params.get("endpoint_id") != endpoint.endpoint_id
