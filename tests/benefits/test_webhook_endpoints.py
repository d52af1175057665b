"""Endpoints of webhooks through the service: made, listed, stopped, given new secrets, and kept apart."""

import asyncio
import base64
import json
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import notices_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal

URL = "https://hooks.example.com/laurel?key=canary"


def a_creation(program_id: str, url: str = URL, **fields: Any) -> pb.CreateWebhookEndpointRequest:
    return pb.CreateWebhookEndpointRequest(
        **{"program_id": program_id, "request_id": new_id("req"), "url": url, **fields}
    )


def a_rotation(program_id: str, endpoint_id: str, request_id: str = "") -> pb.RotateWebhookSecretRequest:
    return pb.RotateWebhookSecretRequest(
        program_id=program_id, request_id=request_id or new_id("req"), endpoint_id=endpoint_id
    )


def an_update(
    program_id: str, endpoint_id: str, *, enabled: bool, **fields: Any
) -> pb.UpdateWebhookEndpointRequest:
    return pb.UpdateWebhookEndpointRequest(
        **{
            "program_id": program_id,
            "request_id": new_id("req"),
            "endpoint_id": endpoint_id,
            "enabled": enabled,
            **fields,
        }
    )


async def listed(benefits: BenefitsWorld, program_id: str) -> list[pb.WebhookEndpoint]:
    staff = benefits.notices("staff", "ann", program_id)
    request = pb.ListWebhookEndpointsRequest(program_id=program_id)
    return list((await staff.ListWebhookEndpoints(request)).endpoints)


async def everything_kept(benefits: BenefitsWorld) -> bytes:
    """All that the database holds, as bytes to search in."""
    found = []
    for name in await benefits.database.list_collection_names():
        found += [repr(document) async for document in benefits.database[name].find({})]
    return "\n".join(found).encode()


async def test_an_endpoint_is_listed_as_it_was_made_and_its_secret_is_told_once(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)

    made = await staff.CreateWebhookEndpoint(a_creation(key, codes=["NOTICE_CODE_WAKE_UP"]))

    (found,) = await listed(benefits, key)
    assert found == made.endpoint
    assert (found.url, list(found.codes), found.enabled) == (URL, [pb.NOTICE_CODE_WAKE_UP], True)
    assert found.endpoint_id.startswith("whk_")
    assert made.secret.startswith("whsec_")
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"))) == 32


async def test_a_secret_is_kept_nowhere_in_the_clear(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)

    made = await staff.CreateWebhookEndpoint(a_creation(key))
    fresh = await staff.RotateWebhookSecret(a_rotation(key, made.endpoint.endpoint_id))

    kept = await everything_kept(benefits)
    assert made.endpoint.endpoint_id.encode() in kept
    for secret in (made.secret, fresh.secret):
        encoded = secret.removeprefix("whsec_")
        raw = base64.b64decode(encoded)
        assert encoded.encode() not in kept
        assert repr(raw)[2:-1].encode() not in kept
        assert raw.hex().encode() not in kept


async def test_the_same_request_makes_one_endpoint_and_tells_the_same_secret(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    staff, request = benefits.notices("staff", "ann", key), a_creation(key)

    answers = await asyncio.gather(*(staff.CreateWebhookEndpoint(request) for _ in range(4)))
    await staff.RotateWebhookSecret(a_rotation(key, answers[0].endpoint.endpoint_id))
    later = await staff.CreateWebhookEndpoint(request)

    assert {answer.SerializeToString(deterministic=True) for answer in [*answers, later]} == {
        later.SerializeToString(deterministic=True)
    }
    assert len(await listed(benefits, key)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://user@hooks.example.com/",
        "https://2130706433/",
        "https://hooks.example.com:25/",
    ],
)
async def test_an_address_that_nothing_is_sent_to_is_refused_and_said_why(
    benefits: BenefitsWorld, url: str
) -> None:
    key = await benefits.a_program()

    code, reason, facts = await refusal(
        benefits.notices("staff", "ann", key).CreateWebhookEndpoint(a_creation(key, url))
    )

    assert (code, reason, set(facts)) == (grpc.StatusCode.INVALID_ARGUMENT, "ENDPOINT_REFUSED", {"problem"})
    assert await listed(benefits, key) == []


async def test_a_program_that_there_is_not_has_no_endpoints(benefits: BenefitsWorld) -> None:
    staff = benefits.notices("staff", "ann", "no_such_store")

    code, reason, _ = await refusal(staff.CreateWebhookEndpoint(a_creation("no_such_store")))

    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")


async def test_a_program_has_twenty_endpoints_however_many_are_made_at_once(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)

    async def make() -> str:
        try:
            await staff.CreateWebhookEndpoint(a_creation(key))
        except grpc.aio.AioRpcError as error:
            return (await refusal(_raised(error)))[1]
        return "made"

    for _ in range(18):
        assert await make() == "made"
    outcomes = await asyncio.gather(*(make() for _ in range(6)))

    assert sorted(outcomes) == ["ENDPOINTS_TOO_MANY"] * 4 + ["made"] * 2
    assert len(await listed(benefits, key)) == 20


async def _raised(error: grpc.aio.AioRpcError) -> None:
    raise error


async def test_an_endpoint_is_stopped_resumed_and_sent_other_codes(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)
    made = (await staff.CreateWebhookEndpoint(a_creation(key))).endpoint

    stopped = await staff.UpdateWebhookEndpoint(an_update(key, made.endpoint_id, enabled=False))
    resumed = await staff.UpdateWebhookEndpoint(
        an_update(key, made.endpoint_id, enabled=True, codes=["NOTICE_CODE_TIER_CHANGED"])
    )

    assert (stopped.endpoint.enabled, resumed.endpoint.enabled) == (False, True)
    assert list(resumed.endpoint.codes) == [pb.NOTICE_CODE_TIER_CHANGED]
    assert await listed(benefits, key) == [resumed.endpoint]


async def test_an_endpoint_moves_to_another_address_and_to_no_address_that_nothing_is_sent_to(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)
    made = (await staff.CreateWebhookEndpoint(a_creation(key))).endpoint
    other = "https://other.example.com:8443/hook"

    moved = await staff.UpdateWebhookEndpoint(an_update(key, made.endpoint_id, enabled=True, url=other))
    _, reason, _ = await refusal(
        staff.UpdateWebhookEndpoint(an_update(key, made.endpoint_id, enabled=True, url="https://10.0.0.1/"))
    )

    assert (moved.endpoint.url, reason) == (other, "ENDPOINT_REFUSED")
    assert await listed(benefits, key) == [moved.endpoint]


async def test_a_rotation_tells_the_new_secret_and_until_when_the_old_one_signs(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)
    made = await staff.CreateWebhookEndpoint(a_creation(key))
    request = a_rotation(key, made.endpoint.endpoint_id)

    answers = await asyncio.gather(*(staff.RotateWebhookSecret(request) for _ in range(3)))
    other = await staff.RotateWebhookSecret(a_rotation(key, made.endpoint.endpoint_id))
    again = await staff.RotateWebhookSecret(request)

    assert all(answer == again for answer in answers)
    assert len({made.secret, again.secret, other.secret}) == 3
    hours = (moment(again.old_until_time) - moment(made.endpoint.created_time)).total_seconds() / 3600
    assert 24 <= hours < 24.1
    kept = await benefits.database.webhook_endpoints.find_one({"_id": made.endpoint.endpoint_id})
    assert kept is not None
    assert len(kept["secrets"]) == 3


async def test_another_programs_endpoint_is_as_unknown_as_none(benefits: BenefitsWorld) -> None:
    key, other = await benefits.a_program(), await benefits.a_program()
    made = await benefits.notices("staff", "ann", key).CreateWebhookEndpoint(a_creation(key))
    stranger = benefits.notices("staff", "eve", other)

    refused = [
        await refusal(call)
        for endpoint_id in (made.endpoint.endpoint_id, new_id("whk"))
        for call in (
            stranger.RotateWebhookSecret(a_rotation(other, endpoint_id)),
            stranger.UpdateWebhookEndpoint(an_update(other, endpoint_id, enabled=False)),
            stranger.ReplayWebhookDeliveries(
                pb.ReplayWebhookDeliveriesRequest(
                    program_id=other, request_id=new_id("req"), endpoint_id=endpoint_id
                )
            ),
        )
    ]

    assert {each[:2] for each in refused} == {(grpc.StatusCode.NOT_FOUND, "ENDPOINT_UNKNOWN")}
    assert (await listed(benefits, key))[0].enabled


async def test_what_was_done_is_recorded_with_the_host_and_without_path_and_secret(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    staff = benefits.notices("staff", "ann", key)
    made = await staff.CreateWebhookEndpoint(a_creation(key))
    endpoint_id = made.endpoint.endpoint_id
    fresh = await staff.RotateWebhookSecret(a_rotation(key, endpoint_id))
    await staff.UpdateWebhookEndpoint(an_update(key, endpoint_id, enabled=False))

    records = [each async for each in benefits.database.audit.find({"objects": endpoint_id}).sort("_id", 1)]
    told = [
        (each["act"], json.loads(each["before"] or "null"), json.loads(each["after"])) for each in records
    ]
    first = {"host": "hooks.example.com", "codes": [], "enabled": True, "secrets": 1}
    assert told == [
        ("CreateWebhookEndpoint", None, first),
        ("RotateWebhookSecret", first, first | {"secrets": 2}),
        ("UpdateWebhookEndpoint", first | {"secrets": 2}, first | {"secrets": 2, "enabled": False}),
    ]
    assert not any(secret in str(records) for secret in (made.secret, fresh.secret, "canary"))
