"""BatchRead: whoever asks together with others hears what a call of their own tells them."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message

from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.rpc.shared.reads import SharedRead
from libs.common.rpc.time import timestamp
from services.members.shared_reads import READS
from tests.members.conftest import REPLAYED_FROM, SERVICE, MembersWorld
from tests.support.builders import NOON, PROGRAM, a_purchase
from tests.support.sharing import HOMES, STAFF, Asking, Sharing, everybody, sharing

OTHER = "other_store"
GROUPS = {"downtown": "east", "uptown": "east", "faraway": ""}
MEMBERS, FACTS = READS


@pytest.fixture(scope="module")
async def ids(members: MembersWorld) -> dict[str, str]:
    """Three members of another program at the stores of their homes, each with a purchase."""
    staff = members.caller("staff", "ann", OTHER)
    for store, group in GROUPS.items():
        await staff.CreateStore(
            pb.CreateStoreRequest(
                program_id=OTHER, request_id=store, store_id=store, display_name=store, sharing_group=group
            )
        )
    for partner in ("shop", "rival"):
        await staff.CreatePartner(
            pb.CreatePartnerRequest(
                program_id=OTHER,
                request_id=partner,
                partner_id=partner,
                display_name=partner.title(),
                store_ids=list(GROUPS),
            )
        )
    found = {}
    for name, home in HOMES.items():
        request = pb.RegisterMembersRequest(
            program_id=OTHER,
            request_id=name,
            registrations=[pb.Registration(external_member_id=f"customer-{name}", store_id=home.store_id)],
        )
        answer = await members.caller("partner", home.partner_id, OTHER).RegisterMembers(request)
        found[name] = answer.results[0].member.member_id
    shop = members.caller("partner", "shop", OTHER)
    for each in found.values():
        purchase = pb.RecordEventsRequest(
            program_id=OTHER, request_id=new_id("req"), events=[a_purchase(each)]
        )
        await shop.RecordEvents(purchase)
    return found


@pytest.fixture
async def world(members: MembersWorld, ids: dict[str, str]) -> AsyncIterator[Sharing]:
    """The service and everybody who may ask it, or may not."""
    tokens = everybody(members.keys, OTHER, ids, PROGRAM)
    stub = members_pb2_grpc.MembersServiceStub
    async with sharing(members.address, SERVICE, stub, tokens, pb.ReadArguments()) as world:
        yield world


def arguments(dice: random.Random, read: SharedRead) -> Message | None:
    if read is MEMBERS:
        return None
    as_of = dice.choice([datetime(1997, 6, 1, tzinfo=UTC), datetime(1998, 6, 30, tzinfo=UTC)])
    names = dice.choice([[], ["purchase.count.lifetime"], ["purchase.count.90d", "login.count.7d"]])
    return pb.ReadArguments(as_of=timestamp(as_of), names=names)


@pytest.mark.parametrize("seed", range(4))
async def test_whoever_asks_together_with_others_hears_what_they_hear_alone(
    world: Sharing, ids: dict[str, str], members: MembersWorld, seed: int
) -> None:
    keys = [*ids.values(), await members.a_member(), "mem_" + "0" * 32, "no id at all"]
    asked = world.some(seed, READS, lambda _: keys, arguments)

    together = await asyncio.gather(*(world.together(each) for each in asked))

    assert together == [await world.alone(each) for each in asked]


async def test_a_record_comes_masked_to_whom_it_does_and_once_for_all_who_see_it_alike(
    world: Sharing, ids: dict[str, str]
) -> None:
    whole, masked = ("shop", "member ann"), ("a compliance officer", "a store manager")

    shown = await asyncio.gather(
        *(world.together(Asking(each, MEMBERS, [ids["ann"]])) for each in (*whole, *masked))
    )

    texts = [each[0].member.identities[0].external_id for each in shown]  # type: ignore[attr-defined]
    assert texts == ["customer-ann", "customer-ann", "•••nn", "•••nn"]


async def test_arguments_that_are_wrong_are_told_to_those_who_gave_them(
    world: Sharing, ids: dict[str, str]
) -> None:
    officer, shop, ann = "a compliance officer", "shop", [ids["ann"]]
    unknown = pb.ReadArguments(names=["purchase.weight.lifetime"])
    too_late = pb.ReadArguments(as_of=timestamp(datetime(9999, 1, 1, tzinfo=UTC)))
    asked = [
        Asking(officer, FACTS, ann, unknown),
        Asking(officer, FACTS, ann, too_late),
        Asking(shop, FACTS, ann, pb.ReadArguments(as_of=timestamp(NOON))),
        Asking(officer, MEMBERS, ["x" * 65]),
        Asking(shop, MEMBERS, ann),
    ]

    together = await asyncio.gather(*(world.together(each) for each in asked))

    assert together == [await world.alone(each) for each in asked]
    assert [together[place] for place in (0, 1, 3)] == [
        ["FACT_UNKNOWN"],
        ["INVALID_REQUEST"],
        ["INVALID_REQUEST"],
    ]
    assert all(isinstance(together[place][0], Message) for place in (2, 4))


async def test_facts_hold_for_the_programs_now_where_no_time_is_said(
    world: Sharing, ids: dict[str, str]
) -> None:
    (facts,) = await world.together(Asking("shop", FACTS, [ids["ann"]]))

    assert facts.as_of.ToDatetime(UTC) >= REPLAYED_FROM  # type: ignore[attr-defined]


async def records(members: MembersWorld, subject: str) -> list[Document]:
    found = members.database.audit.find({"actor.subject": subject}).sort("_id", 1)
    apart = {"_id", "recorded_time", "digest", "position", "chain_hash", "unsequenced", "trace_id"}
    return [{name: value for name, value in each.items() if name not in apart} async for each in found]


@pytest.mark.parametrize("read", READS, ids=lambda each: each.method)
async def test_what_staff_read_together_leaves_the_record_that_a_call_of_their_own_leaves(
    world: Sharing, members: MembersWorld, ids: dict[str, str], read: SharedRead
) -> None:
    people = {f"{name} by {read.method}": name for name in ("a consultant", "a compliance officer")}
    for subject, name in people.items():
        world.tokens[subject] = (members.keys.token("staff", subject, OTHER, **STAFF[name])(), OTHER)
    asked = [Asking(each, read, [ids["ann"], ids["cai"]]) for each in (*people, "member ann", "shop")]
    if read is FACTS:
        asked = [replace(each, arguments=pb.ReadArguments(as_of=timestamp(NOON))) for each in asked]

    await asyncio.gather(*(world.together(each) for each in asked))
    for each in asked:
        await world.alone(each)

    for subject in people:
        together, alone = await records(members, subject)
        assert together == alone
        assert (together["act"], together["objects"]) == (read.method, sorted([ids["ann"], ids["cai"]]))
    assert not await records(members, ids["ann"])


async def test_what_may_not_be_recorded_is_not_shown_and_costs_nobody_else(
    world: Sharing, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError

    monkeypatch.setattr("libs.common.audit.trail.record_document", broken)
    ann = [ids["ann"]]

    staff, member = await asyncio.gather(
        world.together(Asking("a consultant", MEMBERS, ann)),
        world.together(Asking("member ann", MEMBERS, ann)),
    )

    assert staff == ["INTERNAL"]
    assert isinstance(member[0], Message)
