"""Whom a caller sees: by their store, its sharing group, who registered them; all others are not there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.ids import new_id
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM

if TYPE_CHECKING:
    from laurel.members.v1.members_pb2_grpc import MembersServiceAsyncStub

OTHER = "other_store"
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
# Where each member is at home: downtown and uptown share, faraway does not, and one has no store.
HOMES = {"ann": "downtown", "bob": "uptown", "cai": "faraway", "dan": ""}
GROUPS = {"downtown": "east", "uptown": "east", "faraway": ""}


@pytest.fixture(scope="module")
async def ids(members: MembersWorld) -> dict[str, str]:
    """Four members of another program, registered by one partner at the stores of their homes."""
    staff = members.caller("staff", "ann", OTHER)
    for store, group in GROUPS.items():
        await staff.CreateStore(
            pb.CreateStoreRequest(
                program_id=OTHER, request_id=store, store_id=store, display_name=store, sharing_group=group
            )
        )
    await staff.CreatePartner(
        pb.CreatePartnerRequest(
            program_id=OTHER, request_id="p", partner_id="shop", display_name="Shop", store_ids=list(GROUPS)
        )
    )
    request = pb.RegisterMembersRequest(
        program_id=OTHER,
        request_id="members",
        registrations=[
            pb.Registration(external_member_id=f"customer-{name}", store_id=home)
            for name, home in HOMES.items()
        ],
    )
    answer = await members.caller("partner", "shop", OTHER).RegisterMembers(request)
    return {name: each.member.member_id for name, each in zip(HOMES, answer.results, strict=True)}


def staff(
    members: MembersWorld, role: str, stores: Sequence[str] = (), groups: Sequence[str] = ()
) -> "MembersServiceAsyncStub":
    """Staff of the other program in one role."""
    return members.caller("staff", "eve", OTHER, roles=[role], stores=stores, sharing_groups=groups)


async def seen(stub: "MembersServiceAsyncStub", ids: dict[str, str]) -> set[str]:
    """Whom a caller gets of the four; facts, lists and members must agree."""
    wanted = list(ids.values())
    found = await stub.BatchGetMembers(pb.BatchGetMembersRequest(program_id=OTHER, member_ids=wanted))
    facts = await stub.BatchGetFacts(
        pb.BatchGetFactsRequest(program_id=OTHER, keys=[pb.FactsKey(member_id=each) for each in wanted])
    )
    by_members = {name for name, each in zip(ids, found.results, strict=True) if each.status == FOUND}
    by_facts = {name for name, each in zip(ids, facts.results, strict=True) if each.status == FOUND}
    assert by_members == by_facts
    return by_members


async def listed(stub: "MembersServiceAsyncStub", ids: dict[str, str]) -> set[str]:
    page = await stub.ListMembers(pb.ListMembersRequest(program_id=OTHER, page_size=500))
    names = {member_id: name for name, member_id in ids.items()}
    return {names[member.member_id] for member in page.members}


CASES: dict[str, tuple[str, Sequence[str], Sequence[str], set[str]]] = {
    "a consultant of one store": ("consultant", ["downtown"], ["east"], {"ann"}),
    "a consultant of two stores": ("consultant", ["downtown", "faraway"], [], {"ann", "cai"}),
    "a consultant of none": ("consultant", [], ["east"], set()),
    "a consultant of a store that has no name": ("consultant", [""], [""], set()),
    "a store manager with a group": ("store_manager", ["downtown"], ["east"], {"ann", "bob"}),
    "a store manager without one": ("store_manager", ["faraway"], [""], {"cai"}),
    "an operations manager": ("operations_manager", [], [], set(HOMES)),
    "a compliance officer": ("compliance_officer", [], [], set(HOMES)),
}


@pytest.mark.parametrize(("role", "stores", "groups", "expected"), CASES.values(), ids=CASES)
async def test_staff_see_the_members_in_their_scope_and_lists_agree(
    members: MembersWorld,
    ids: dict[str, str],
    role: str,
    stores: Sequence[str],
    groups: Sequence[str],
    expected: set[str],
) -> None:
    stub = staff(members, role, stores, groups)

    assert await seen(stub, ids) == await listed(stub, ids) == expected


async def test_a_partner_sees_whom_it_registered(members: MembersWorld, ids: dict[str, str]) -> None:
    shop, rival = (members.caller("partner", name, OTHER) for name in ("shop", "rival"))

    assert await seen(shop, ids) == await listed(shop, ids) == set(HOMES)
    assert await seen(rival, ids) == await listed(rival, ids) == set()


async def test_members_see_themselves(members: MembersWorld, ids: dict[str, str]) -> None:
    assert await seen(members.caller("member", ids["bob"], OTHER), ids) == {"bob"}


async def test_who_sees_a_part_pages_through_that_part(members: MembersWorld, ids: dict[str, str]) -> None:
    stub, token, pages = staff(members, "store_manager", ["downtown"], ["east"]), "", []
    for _ in range(2):
        page = await stub.ListMembers(pb.ListMembersRequest(program_id=OTHER, page_size=1, page_token=token))
        pages.append([member.member_id for member in page.members])
        token = page.next_page_token

    assert pages == [[ids["ann"]], [ids["bob"]]]
    assert token == ""


@pytest.mark.parametrize("role", ["consultant", "store_manager", "operations_manager", "compliance_officer"])
async def test_ids_at_partners_come_masked_to_all_of_the_staff(
    members: MembersWorld, ids: dict[str, str], role: str
) -> None:
    stub = staff(members, role, ["downtown"], ["east"])
    request = pb.BatchGetMembersRequest(program_id=OTHER, member_ids=[ids["ann"]])

    (got,) = (await stub.BatchGetMembers(request)).results
    (first, *_) = (await stub.ListMembers(pb.ListMembersRequest(program_id=OTHER))).members

    assert got.member.identities[0].external_id == first.identities[0].external_id == "•••nn"


# A member of another program, of another's scope and one that there is not: the answers are the same.


def reads(member_id: str, program_id: str) -> dict[str, Any]:
    """Every read of members that takes an id."""
    return {
        "BatchGetMembers": pb.BatchGetMembersRequest(program_id=program_id, member_ids=[member_id]),
        "BatchGetFacts": pb.BatchGetFactsRequest(
            program_id=program_id, keys=[pb.FactsKey(member_id=member_id)]
        ),
        "ListMemberEvents": pb.ListMemberEventsRequest(program_id=program_id, member_id=member_id),
    }


async def answers(stub: Any, member_id: str, program_id: str = OTHER) -> dict[str, object]:
    """What each read says, with the id that was asked for taken out."""
    said: dict[str, object] = {}
    for method, request in reads(member_id, program_id).items():
        try:
            said[method] = await getattr(stub, method)(request)
        except grpc.aio.AioRpcError as error:
            said[method] = (error.code(), str(error.details()).replace(member_id, "…"))
    return said


async def test_a_member_of_another_program_answers_like_one_that_is_not_there(
    members: MembersWorld, ids: dict[str, str]
) -> None:
    foreign = await members.a_member()
    stub = staff(members, "compliance_officer")

    assert await answers(stub, foreign) == await answers(stub, new_id("mem"))


async def test_a_member_outside_the_scope_answers_like_one_that_is_not_there(
    members: MembersWorld, ids: dict[str, str]
) -> None:
    consultant = staff(members, "consultant", ["uptown"])

    assert await answers(consultant, ids["ann"]) == await answers(consultant, new_id("mem"))


async def test_another_program_answers_like_one_that_is_not_there(
    members: MembersWorld, ids: dict[str, str]
) -> None:
    stub = staff(members, "compliance_officer")

    foreign, missing = await answers(stub, ids["ann"], PROGRAM), await answers(stub, ids["ann"], "nowhere")

    assert foreign == missing
    assert set(foreign.values()) == {(grpc.StatusCode.NOT_FOUND, "no such program")}


async def test_an_event_for_a_member_of_another_program_answers_like_one_for_nobody(
    members: MembersWorld, ids: dict[str, str]
) -> None:
    async def outcome(member_id: str) -> pb.EventResult:
        event = events_pb2.Event(
            kind=events_pb2.EVENT_KIND_LOGIN, member_id=member_id, external_ref=new_id("ref")
        )
        event.occurred_time.GetCurrentTime()
        request = pb.RecordEventsRequest(program_id=PROGRAM, request_id=new_id("req"), events=[event])
        (result,) = (await members.partner.RecordEvents(request)).results
        assert result.detail == member_id
        result.ClearField("detail")
        return result

    assert await outcome(ids["ann"]) == await outcome(new_id("mem"))
