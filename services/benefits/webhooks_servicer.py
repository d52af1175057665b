"""The gRPC edge of webhooks, a part of NoticesService: messages to commands, results to messages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import notices_pb2 as pb
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from services.benefits.domain.webhooks import Delivery, DeliveryStatus
from services.benefits.handlers.webhooks import Counted, WebhookHandlers

PAGE_SIZE = 50
STATUSES: dict[int, DeliveryStatus] = {
    pb.DELIVERY_STATUS_WAITING: "waiting",
    pb.DELIVERY_STATUS_DELIVERED: "delivered",
    pb.DELIVERY_STATUS_DEAD: "dead",
}


@dataclass(frozen=True)
class WebhookRpcs:
    """The RPCs of NoticesService that are about webhooks."""

    webhooks: WebhookHandlers

    async def CreateWebhookEndpoint(
        self, message: pb.CreateWebhookEndpointRequest, context: Any
    ) -> pb.CreateWebhookEndpointResponse:
        asked = request(
            message.program_id,
            "CreateWebhookEndpoint",
            message.request_id,
            message,
            pb.CreateWebhookEndpointResponse,
        )
        return await self.webhooks.create(
            message.program_id,
            message.url,
            _codes(message.codes),
            asked,
            lambda endpoint, secret: pb.CreateWebhookEndpointResponse(
                endpoint=_endpoint(endpoint), secret=secret
            ),
        )

    async def ListWebhookEndpoints(
        self, message: pb.ListWebhookEndpointsRequest, context: Any
    ) -> pb.ListWebhookEndpointsResponse:
        found = await self.webhooks.endpoints(message.program_id)
        return pb.ListWebhookEndpointsResponse(endpoints=[_endpoint(each) for each in found])

    async def UpdateWebhookEndpoint(
        self, message: pb.UpdateWebhookEndpointRequest, context: Any
    ) -> pb.UpdateWebhookEndpointResponse:
        asked = request(
            message.program_id,
            "UpdateWebhookEndpoint",
            message.request_id,
            message,
            pb.UpdateWebhookEndpointResponse,
        )
        return await self.webhooks.update(
            message.program_id,
            message.endpoint_id,
            enabled=message.enabled,
            codes=_codes(message.codes),
            url=message.url,
            request=asked,
            answer=lambda endpoint: pb.UpdateWebhookEndpointResponse(endpoint=_endpoint(endpoint)),
        )

    async def RotateWebhookSecret(
        self, message: pb.RotateWebhookSecretRequest, context: Any
    ) -> pb.RotateWebhookSecretResponse:
        asked = request(
            message.program_id,
            "RotateWebhookSecret",
            message.request_id,
            message,
            pb.RotateWebhookSecretResponse,
        )
        return await self.webhooks.rotate(message.program_id, message.endpoint_id, asked, _rotated)

    async def ListWebhookDeliveries(
        self, message: pb.ListWebhookDeliveriesRequest, context: Any
    ) -> pb.ListWebhookDeliveriesResponse:
        filters = (message.program_id, message.endpoint_id, str(message.status))
        found, following = await self.webhooks.deliveries(
            message.program_id,
            endpoint_id=message.endpoint_id,
            status=STATUSES.get(message.status),
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListWebhookDeliveriesResponse(
            deliveries=[_delivery(each) for each in found],
            next_page_token=page_token(following, *filters) if following else "",
        )

    async def ReplayWebhookDeliveries(
        self, message: pb.ReplayWebhookDeliveriesRequest, context: Any
    ) -> pb.ReplayWebhookDeliveriesResponse:
        asked = request(
            message.program_id,
            "ReplayWebhookDeliveries",
            message.request_id,
            message,
            pb.ReplayWebhookDeliveriesResponse,
        )
        return await self.webhooks.replay(
            message.program_id,
            message.endpoint_id,
            message.delivery_ids,
            asked,
            lambda count: pb.ReplayWebhookDeliveriesResponse(replayed_count=count),
        )


def _codes(codes: Any) -> list[str]:
    return [pb.NoticeCode.Name(code).removeprefix("NOTICE_CODE_") for code in codes]


def _endpoint(counted: Counted) -> pb.WebhookEndpoint:
    endpoint = counted.endpoint
    return pb.WebhookEndpoint(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        codes=[pb.NoticeCode.Value(f"NOTICE_CODE_{code}") for code in endpoint.codes],
        enabled=endpoint.enabled,
        created_time=timestamp(endpoint.created_time),
        waiting_count=counted.waiting,
        dead_count=counted.dead,
    )


def _rotated(endpoint: Counted, secret: str, old_until: datetime) -> pb.RotateWebhookSecretResponse:
    return pb.RotateWebhookSecretResponse(
        endpoint=_endpoint(endpoint), secret=secret, old_until_time=timestamp(old_until)
    )


def _delivery(delivery: Delivery) -> pb.WebhookDelivery:
    message = pb.WebhookDelivery(
        delivery_id=delivery.delivery_id,
        endpoint_id=delivery.endpoint_id,
        notice_id=delivery.notice_id,
        member_id=delivery.member_id,
        status=pb.DeliveryStatus.Value(f"DELIVERY_STATUS_{delivery.status.upper()}"),
        attempts=[
            pb.DeliveryAttempt(
                attempted_time=timestamp(each.attempted_time),
                http_status=each.http_status,
                failure=each.failure,
                duration_ms=each.duration_ms,
            )
            for each in delivery.attempts
        ],
        created_time=timestamp(delivery.created_time),
    )
    if delivery.next_attempt_time is not None:
        message.next_attempt_time.CopyFrom(timestamp(delivery.next_attempt_time))
    return message
