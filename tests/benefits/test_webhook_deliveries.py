"""The log of deliveries through the service: listed by page and filter, and sent again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import notices_pb2 as pb
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from services.benefits.domain.notices import Notice
from services.benefits.domain.webhooks import Attempt, DeliveryStatus
from services.benefits.handlers.webhook_channel import WebhookChannel
from services.benefits.repository import deliveries
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.test_webhook_endpoints import a_creation, listed
from tests.benefits.webhooks_world import a_notice

BROKEN = Attempt(now(), 0, "CONNECTION_BROKEN", 12)


class Log:
    """A program of its own with an endpoint, and what was sent there."""

    def __init__(self, benefits: BenefitsWorld, program_id: str, endpoint_id: str) -> None:
        self.benefits, self.program_id, self.endpoint_id = benefits, program_id, endpoint_id
        self.staff = benefits.notices("staff", "ann", program_id)
        self.store = BenefitsStore(benefits.database)

    async def tells(self, *member_ids: str) -> list[Notice]:
        notices = [a_notice(each, program_id=self.program_id) for each in member_ids]
        await self.store.transaction(lambda store: WebhookChannel(new_id).take(store, notices, now=now()))
        return notices

    async def ends(self, status: DeliveryStatus, delivery: pb.WebhookDelivery) -> None:
        """Have a delivery end, as the sender would write it down."""
        found = await deliveries.first_waiting(self.store, f"{delivery.endpoint_id}/{delivery.member_id}")
        assert found is not None
        assert found.delivery_id == delivery.delivery_id
        ended = replace(
            found, status=status, attempts=(BROKEN,), tries=10, next_attempt_time=None, ended_time=now()
        )

        async def keep(store: BenefitsStore) -> None:
            await deliveries.keep(store, ended)
            await deliveries.give_back(store, ended.lane, now())

        await self.store.transaction(keep)

    async def page(self, **fields: Any) -> pb.ListWebhookDeliveriesResponse:
        request = pb.ListWebhookDeliveriesRequest(program_id=self.program_id, **fields)
        return await self.staff.ListWebhookDeliveries(request)

    async def all(self, **fields: Any) -> list[pb.WebhookDelivery]:
        return list((await self.page(page_size=500, **fields)).deliveries)

    def a_replay(self, *delivery_ids: str, request_id: str = "") -> pb.ReplayWebhookDeliveriesRequest:
        return pb.ReplayWebhookDeliveriesRequest(
            program_id=self.program_id,
            request_id=request_id or new_id("req"),
            endpoint_id=self.endpoint_id,
            delivery_ids=delivery_ids,
        )


async def a_log(benefits: BenefitsWorld) -> Log:
    key = await benefits.a_program()
    made = await benefits.notices("staff", "ann", key).CreateWebhookEndpoint(a_creation(key))
    return Log(benefits, key, made.endpoint.endpoint_id)


async def test_deliveries_are_listed_latest_first_page_by_page(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    notices = [*await log.tells("mem_1", "mem_2"), *await log.tells("mem_1", "mem_3", "mem_4")]

    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        page = await log.page(page_size=2, page_token=token)
        pages.append([each.notice_id for each in page.deliveries])
        token = page.next_page_token

    latest = [each.notice_id for each in notices[::-1]]
    assert pages == [latest[:2], latest[2:4], latest[4:]]


async def test_a_delivery_tells_whose_it_is_and_how_far(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    (notice,) = await log.tells("mem_1")
    (waiting,) = await log.all()
    await log.ends("dead", waiting)

    (dead,) = await log.all()

    assert (waiting.notice_id, waiting.member_id) == (notice.notice_id, "mem_1")
    assert waiting.endpoint_id == log.endpoint_id
    assert (waiting.status, len(waiting.attempts)) == (pb.DELIVERY_STATUS_WAITING, 0)
    assert moment(waiting.next_attempt_time) == moment(waiting.created_time)
    assert (dead.status, dead.HasField("next_attempt_time")) == (pb.DELIVERY_STATUS_DEAD, False)
    (attempt,) = dead.attempts
    assert (attempt.http_status, attempt.failure, attempt.duration_ms) == (0, "CONNECTION_BROKEN", 12)
    (endpoint,) = await listed(benefits, log.program_id)
    assert (endpoint.waiting_count, endpoint.dead_count) == (0, 1)


async def test_deliveries_are_filtered_by_endpoint_and_status(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    other = await log.staff.CreateWebhookEndpoint(a_creation(log.program_id))
    await log.tells("mem_1", "mem_2")
    await log.ends("dead", (await log.all(endpoint_id=log.endpoint_id))[0])

    found = {
        (endpoint_id, status): len(await log.all(endpoint_id=endpoint_id, status=status))
        for endpoint_id in ("", log.endpoint_id, other.endpoint.endpoint_id)
        for status in (0, pb.DELIVERY_STATUS_WAITING, pb.DELIVERY_STATUS_DEAD)
    }

    assert list(found.values()) == [4, 3, 1, 2, 1, 1, 2, 2, 0]


async def test_a_page_token_goes_on_in_its_own_list_only(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    await log.tells("mem_1", "mem_2")
    token = (await log.page(page_size=1)).next_page_token

    for fields in ({"page_token": "forged"}, {"page_token": token, "status": pb.DELIVERY_STATUS_DEAD}):
        code, reason, _ = await refusal(log.page(**fields))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_another_programs_deliveries_are_not_listed(benefits: BenefitsWorld) -> None:
    log, other = await a_log(benefits), await a_log(benefits)
    await log.tells("mem_1")

    assert await other.all() == []
    assert await other.all(endpoint_id=log.endpoint_id) == []


async def test_what_was_given_up_is_sent_again_in_its_order_and_counted_once(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    await log.tells("mem_1", "mem_1", "mem_2")
    for delivery in (await log.all())[::-1]:
        await log.ends("dead", delivery)
    request = log.a_replay()

    answers = await asyncio.gather(*(log.staff.ReplayWebhookDeliveries(request) for _ in range(3)))

    assert [answer.replayed_count for answer in answers] == [3, 3, 3]
    found = await log.all()
    assert {each.status for each in found} == {pb.DELIVERY_STATUS_WAITING}
    assert all(moment(each.next_attempt_time) > now() - timedelta(minutes=1) for each in found)
    first = await deliveries.first_waiting(log.store, f"{log.endpoint_id}/mem_1")
    assert first is not None
    assert (first.delivery_id, first.tries, first.attempts[0].failure) == (
        min(each.delivery_id for each in found if each.member_id == "mem_1"),
        0,
        "CONNECTION_BROKEN",
    )
    assert (await log.staff.ReplayWebhookDeliveries(log.a_replay())).replayed_count == 0


async def test_what_was_delivered_is_sent_again_when_it_is_named(benefits: BenefitsWorld) -> None:
    log = await a_log(benefits)
    await log.tells("mem_1", "mem_2")
    one, two = (await log.all())[::-1]
    await log.ends("delivered", one)
    await log.ends("dead", two)

    answer = await log.staff.ReplayWebhookDeliveries(log.a_replay(one.delivery_id))

    found = {each.delivery_id: each.status for each in await log.all()}
    assert answer.replayed_count == 1
    assert found == {one.delivery_id: pb.DELIVERY_STATUS_WAITING, two.delivery_id: pb.DELIVERY_STATUS_DEAD}
    kept = await benefits.database.webhook_deliveries.find_one({"_id": one.delivery_id})
    assert kept is not None
    assert "expires" not in kept


@pytest.mark.parametrize("which", ["one that is not there", "one that waits", "another endpoint's"])
async def test_what_cannot_be_sent_again_is_refused_and_nothing_is(
    benefits: BenefitsWorld, which: str
) -> None:
    log, other = await a_log(benefits), await a_log(benefits)
    await log.tells("mem_1", "mem_2")
    await other.tells("mem_1")
    waiting, dead = await log.all()
    await log.ends("dead", dead)
    (foreign,) = await other.all()
    await other.ends("dead", foreign)
    wrong = {
        "one that is not there": new_id("dlv"),
        "one that waits": waiting.delivery_id,
        "another endpoint's": foreign.delivery_id,
    }[which]

    code, reason, facts = await refusal(
        log.staff.ReplayWebhookDeliveries(log.a_replay(dead.delivery_id, wrong))
    )

    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "DELIVERY_UNKNOWN")
    assert facts == {"delivery_id": wrong}
    assert (await log.all())[1].status == pb.DELIVERY_STATUS_DEAD
