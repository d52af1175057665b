"""WatchMember of members: what members do, as it is stored, told to those who may see them."""

from typing import Any

import pytest

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.watch import Change
from services.members.messages import watched
from tests.members.conftest import MembersWorld
from tests.support.builders import NOON, PROGRAM, a_batch, a_purchase, an_event
from tests.support.watching import first_answers, watch_outcome

UNKNOWN = ("NOT_FOUND", "MEMBER_UNKNOWN")


def a_watch(member_id: str, after_seq: int | None = None, program_id: str = PROGRAM) -> pb.WatchMemberRequest:
    return pb.WatchMemberRequest(program_id=program_id, member_id=member_id, after_seq=after_seq)


async def test_registration_and_events_are_told_in_order_from_any_place_on(members: MembersWorld) -> None:
    member_id = await members.a_member()
    await members.partner.RecordEvents(
        a_batch(a_purchase(member_id), an_event(member_id, events_pb2.EVENT_KIND_LOGIN))
    )
    await members.partner.RecordEvents(a_batch(a_purchase(member_id)))

    begin, joined, first, second = await first_answers(members.staff.WatchMember(a_watch(member_id, 0)), 4)
    later = await first_answers(members.staff.WatchMember(a_watch(member_id, 2)), 2)

    assert begin == pb.WatchMemberResponse(seq=0)
    assert (joined.seq, joined.WhichOneof("change"), joined.HasField("recorded_time")) == (1, "joined", True)
    assert (first.seq, first.events_recorded) == (
        2,
        pb.EventsRecorded(
            event_seq_from=1,
            event_seq_to=2,
            kinds=[events_pb2.EVENT_KIND_PURCHASE, events_pb2.EVENT_KIND_LOGIN],
        ),
    )
    assert (second.seq, second.events_recorded.event_seq_from) == (3, 3)
    assert later == [pb.WatchMemberResponse(seq=2), second]


async def test_who_begins_now_hears_where_now_is(members: MembersWorld) -> None:
    member_id = await members.a_member()

    (begin,) = await first_answers(members.staff.WatchMember(a_watch(member_id)), 1)

    assert begin == pb.WatchMemberResponse(seq=1)


async def test_a_place_that_is_still_to_come_is_refused(members: MembersWorld) -> None:
    member_id = await members.a_member()

    refused = await watch_outcome(members.staff.WatchMember(a_watch(member_id, 2)))

    assert refused == ("OUT_OF_RANGE", "WATCH_PLACE_UNKNOWN")


@pytest.mark.parametrize(
    ("kind", "subject", "claims", "sees"),
    [
        ("member", "", {}, True),
        ("member", "mem_" + "0" * 32, {}, False),
        ("partner", "shop", {}, True),
        ("partner", "rival", {}, False),
        ("staff", "ann", {"roles": ["compliance_officer"]}, True),
        ("staff", "ann", {"roles": ["consultant"], "stores": ["online"]}, False),
        ("staff", "ann", {"program_id": "other_store", "roles": ["compliance_officer"]}, False),
    ],
    ids=[
        "themselves",
        "another",
        "their partner",
        "a rival",
        "an officer",
        "another store",
        "another program",
    ],
)
async def test_whom_the_caller_may_not_see_is_as_if_not_there(
    members: MembersWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any], sees: bool
) -> None:
    member_id, program_id = await members.a_member(), claims.get("program_id", PROGRAM)
    stub = members.caller(kind, subject or member_id, **claims)

    found = await watch_outcome(stub.WatchMember(a_watch(member_id, program_id=program_id)))
    nobody = await watch_outcome(stub.WatchMember(a_watch(new_id("mem"), program_id=program_id)))

    assert (found, nobody) == (("OK", "") if sees else UNKNOWN, UNKNOWN)


async def test_staff_leave_one_record_and_members_none(members: MembersWorld) -> None:
    member_id = await members.a_member()
    for stub in (members.staff, members.caller("member", member_id)):
        await first_answers(stub.WatchMember(a_watch(member_id, 0)), 2)

    found: list[Document] = await members.database.audit.find({"objects": member_id}).to_list(None)

    assert [(each["act"], each["actor"]["kind"]) for each in found] == [("WatchMember", "staff")]


def test_a_change_of_activity_is_told_and_one_of_an_unknown_kind_only_moves_the_place() -> None:
    change = events_pb2.ActivityChange(state=events_pb2.ACTIVITY_STATE_DORMANT, spell=2)
    announced = events_pb2.ActivityChanged(member_id="mem_1", change=change)

    slept = watched(Change(7, NOON, "ActivityChanged", announced.SerializeToString()))
    unknown = watched(Change(8, NOON, "SomethingNew", b"?"))

    assert (slept.seq, slept.activity_changed) == (7, change)
    assert (unknown.seq, unknown.WhichOneof("change")) == (8, None)
    assert unknown.HasField("recorded_time")
