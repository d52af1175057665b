"""Audit: each privileged act of members leaves one record, and so does what staff read of members."""

import asyncio
import json
from collections.abc import Awaitable

import grpc
import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.rpc.errors import reason_of
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM


def a_store(
    store_id: str, *, request_id: str = "", name: str = "Shop", group: str = "east"
) -> pb.CreateStoreRequest:
    return pb.CreateStoreRequest(
        program_id=PROGRAM,
        request_id=request_id or new_id("req"),
        store_id=store_id,
        display_name=name,
        sharing_group=group,
    )


async def records(members: MembersWorld, **where: object) -> list[Document]:
    return [each async for each in members.database.audit.find(where).sort("_id", 1)]


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return reason_of(refusal.value)


async def test_opening_a_store_is_recorded_with_who_did_it(members: MembersWorld) -> None:
    await members.staff.CreateStore(a_store("audited", request_id="audited-1", name="张三的店"))

    (record,) = await records(members, request_id="audited-1")
    assert (record["act"], record["objects"], record["program_id"]) == ("CreateStore", ["audited"], PROGRAM)
    assert (record["actor"]["kind"], record["actor"]["subject"]) == ("staff", "ann")
    assert (record["before"], json.loads(record["after"])) == ("", {"sharing_group": "east"})
    assert "张三" not in str(record)


async def test_opening_it_again_is_an_act_that_changes_nothing(members: MembersWorld) -> None:
    for _ in range(2):
        await members.staff.CreateStore(a_store("audited-again"))

    first, again = await records(members, objects="audited-again")
    assert (first["before"], again["before"]) == ("", first["after"])
    assert again["after"] == first["after"]


async def test_admitting_a_partner_is_recorded_with_its_stores(members: MembersWorld) -> None:
    request = pb.CreatePartnerRequest(
        program_id=PROGRAM,
        request_id="audited-2",
        partner_id="till-audited",
        display_name="Till",
        store_ids=["online"],
    )

    await members.staff.CreatePartner(request)

    (record,) = await records(members, request_id="audited-2")
    assert (record["act"], record["objects"]) == ("CreatePartner", ["till-audited"])
    assert json.loads(record["after"]) == {"store_ids": ["online"]}


async def test_the_same_request_again_is_not_recorded_again(members: MembersWorld) -> None:
    for _ in range(2):
        await members.staff.CreateStore(a_store("audited-twice", request_id="audited-3"))

    assert len(await records(members, objects="audited-twice")) == 1


async def test_the_same_request_eight_times_at_once_is_recorded_once(members: MembersWorld) -> None:
    request = a_store("audited-rush", request_id="audited-4")

    await asyncio.gather(*(members.staff.CreateStore(request) for _ in range(8)))

    assert len(await records(members, objects="audited-rush")) == 1


async def test_what_was_refused_is_not_recorded(members: MembersWorld) -> None:
    await members.staff.CreateStore(a_store("audited-once", request_id="audited-5"))

    reasons = [
        await refused(members.staff.CreateStore(a_store("audited-once", name="Another"))),
        await refused(members.staff.CreateStore(a_store("audited-once", request_id="audited-5", name="X"))),
        await refused(members.partner.CreateStore(a_store("audited-once"))),
    ]

    assert reasons == ["ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED", "FORBIDDEN"]
    assert len(await records(members, objects="audited-once")) == 1


# Reads


async def test_what_staff_read_of_members_is_recorded_before_they_hear_it(members: MembersWorld) -> None:
    member_id, officer = await members.a_member(), members.caller("staff", "cleo")

    await officer.BatchGetMembers(pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[member_id]))
    page = await officer.ListMembers(pb.ListMembersRequest(program_id=PROGRAM, page_size=7))

    read, listed = await records(members, **{"actor.subject": "cleo"})
    assert (read["act"], read["objects"], read["after"]) == ("BatchGetMembers", [member_id], "")
    assert (listed["act"], listed["objects"], json.loads(listed["after"])) == (
        "ListMembers",
        sorted(each.member_id for each in page.members),
        {"page_size": 7},
    )


async def test_what_members_and_partners_read_of_their_own_is_not_recorded(members: MembersWorld) -> None:
    member_id = await members.a_member()
    request = pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[member_id])

    await members.partner.BatchGetMembers(request)
    await members.caller("member", member_id).BatchGetMembers(request)

    assert await records(members, objects=member_id) == []


async def test_a_read_that_was_refused_is_not_recorded(members: MembersWorld) -> None:
    member_id, eve = await members.a_member(), members.caller("staff", "eve", roles=["analyst"])
    request = pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[member_id])

    assert await refused(eve.BatchGetMembers(request)) == "FORBIDDEN"
    assert await records(members, objects=member_id) == []
