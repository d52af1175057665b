"""CreateStore and CreatePartner: what everything else hangs on, made once."""

import asyncio

import grpc
import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM


def a_store(store_id: str, name: str = "Shop", request_id: str | None = None) -> pb.CreateStoreRequest:
    return pb.CreateStoreRequest(
        program_id=PROGRAM, request_id=request_id or new_id("req"), store_id=store_id, display_name=name
    )


def a_partner(partner_id: str, *store_ids: str, name: str = "Till") -> pb.CreatePartnerRequest:
    return pb.CreatePartnerRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        partner_id=partner_id,
        display_name=name,
        store_ids=store_ids,
    )


async def test_the_same_store_again_is_answered_alike_and_another_is_refused(members: MembersWorld) -> None:
    first = await members.staff.CreateStore(a_store("main"))
    again = await members.staff.CreateStore(a_store("main"))

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.staff.CreateStore(a_store("main", name="Another"))

    assert again == first
    assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS


async def test_eight_at_once_make_one_store(members: MembersWorld) -> None:
    answers = await asyncio.gather(*(members.staff.CreateStore(a_store("rush")) for _ in range(8)))

    stored = await members.database.stores.count_documents({"store_id": "rush"})
    assert {answer.store.store_id for answer in answers} == {"rush"}
    assert stored == 1


async def test_a_partner_speaks_for_stores_that_there_are(members: MembersWorld) -> None:
    made = await members.staff.CreatePartner(a_partner("till-1", "online"))

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.staff.CreatePartner(a_partner("till-2", "online", "nowhere"))

    assert list(made.partner.store_ids) == ["online"]
    assert reason_of(refusal.value) == "STORE_UNKNOWN"


async def test_the_same_partner_twice_at_once_is_one_and_another_is_refused(members: MembersWorld) -> None:
    await asyncio.gather(*(members.staff.CreatePartner(a_partner("till-3", "online")) for _ in range(2)))

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.staff.CreatePartner(a_partner("till-3"))

    assert await members.database.partners.count_documents({"_id": f"{PROGRAM}/till-3"}) == 1
    assert reason_of(refusal.value) == "ALREADY_EXISTS"


async def test_an_unknown_program_has_no_stores(members: MembersWorld) -> None:
    staff = members.caller("staff", "ann", "no_such_store")
    request = a_store("main")
    request.program_id = "no_such_store"

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await staff.CreateStore(request)

    assert (refusal.value.code(), reason_of(refusal.value)) == (grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")


async def test_only_staff_open_stores_and_admit_partners(members: MembersWorld) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as store:
        await members.partner.CreateStore(a_store("own"))
    with pytest.raises(grpc.aio.AioRpcError) as partner:
        await members.partner.CreatePartner(a_partner("friend"))

    assert [reason_of(store.value), reason_of(partner.value)] == ["FORBIDDEN", "FORBIDDEN"]
