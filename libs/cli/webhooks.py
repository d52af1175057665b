"""Webhooks of a running platform, through its services."""

from collections.abc import Sequence

from laurel.benefits.v1 import notices_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.ids import new_id


async def add(
    clients: Clients, program: str, url: str, codes: Sequence[str]
) -> pb.CreateWebhookEndpointResponse:
    """Add an endpoint; the answer has its secret."""
    request = pb.CreateWebhookEndpointRequest(
        program_id=program,
        request_id=new_id("req"),
        url=url,
        codes=[pb.NoticeCode.Value(each) for each in codes],
    )
    return await patiently(lambda: clients.notices.CreateWebhookEndpoint(request))


async def endpoints(clients: Clients, program: str) -> list[pb.WebhookEndpoint]:
    """The endpoints of a program, oldest first."""
    request = pb.ListWebhookEndpointsRequest(program_id=program)
    return list((await patiently(lambda: clients.notices.ListWebhookEndpoints(request))).endpoints)


async def endpoint(clients: Clients, program: str, named: str) -> pb.WebhookEndpoint:
    """The endpoint of this id, or whose id alone begins or ends so."""
    found = await endpoints(clients, program)
    meant = [each for each in found if named in {each.endpoint_id, each.url}] or [
        each for each in found if each.endpoint_id.startswith(named) or each.endpoint_id.endswith(named)
    ]
    if len(meant) != 1:
        which = "no endpoint" if not meant else "several endpoints"
        raise CommandError(f"{program} has {which} {named!r}: see `laurel webhook list`.")
    return meant[0]


async def change(
    clients: Clients, program: str, endpoint: pb.WebhookEndpoint, *, enabled: bool, url: str = ""
) -> pb.WebhookEndpoint:
    """Stop, resume or move an endpoint, which is sent the same codes as before."""
    request = pb.UpdateWebhookEndpointRequest(
        program_id=program,
        request_id=new_id("req"),
        endpoint_id=endpoint.endpoint_id,
        enabled=enabled,
        codes=endpoint.codes,
        url=url,
    )
    return (await patiently(lambda: clients.notices.UpdateWebhookEndpoint(request))).endpoint


async def rotate(
    clients: Clients, program: str, endpoint: pb.WebhookEndpoint
) -> pb.RotateWebhookSecretResponse:
    """Give an endpoint a new secret; the answer has it."""
    request = pb.RotateWebhookSecretRequest(
        program_id=program, request_id=new_id("req"), endpoint_id=endpoint.endpoint_id
    )
    return await patiently(lambda: clients.notices.RotateWebhookSecret(request))


async def deliveries(
    clients: Clients, program: str, endpoint_id: str, *, dead: bool, limit: int
) -> list[pb.WebhookDelivery]:
    """The latest deliveries, at most five hundred."""
    request = pb.ListWebhookDeliveriesRequest(
        program_id=program,
        endpoint_id=endpoint_id,
        status=pb.DELIVERY_STATUS_DEAD if dead else pb.DELIVERY_STATUS_UNSPECIFIED,
        page_size=limit,
    )
    return list((await patiently(lambda: clients.notices.ListWebhookDeliveries(request))).deliveries)


async def replay(
    clients: Clients, program: str, endpoint: pb.WebhookEndpoint, delivery_ids: Sequence[str]
) -> int:
    """Send deliveries again, or without ids all that were given up; gives how many."""
    replayed = 0
    while True:
        request = pb.ReplayWebhookDeliveriesRequest(
            program_id=program,
            request_id=new_id("req"),
            endpoint_id=endpoint.endpoint_id,
            delivery_ids=delivery_ids,
        )
        count = await _replay(clients, request)
        replayed += count
        if delivery_ids or not count:
            return replayed


async def _replay(clients: Clients, request: pb.ReplayWebhookDeliveriesRequest) -> int:
    return (await patiently(lambda: clients.notices.ReplayWebhookDeliveries(request))).replayed_count


def status_of(delivery: pb.WebhookDelivery) -> str:
    """How far a delivery is, in a word."""
    return pb.DeliveryStatus.Name(delivery.status).removeprefix("DELIVERY_STATUS_").lower()
