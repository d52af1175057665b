"""Reveals: whole contact data for a reason, counted by day; and break-glasses, which end."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.members.v1 import access_pb2 as pb
from laurel.members.v1 import events_pb2, members_pb2
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import moment
from services.members.domain.reveals import RETRIED
from services.members.settings import Settings
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM, a_registration_request

BIRTHDAY, REASON = "11-30", "asks for a receipt, ticket 4711"
PER_DAY_MAX = Settings.model_fields["reveals_per_day_max"].default
BREAK_GLASS = timedelta(seconds=Settings.model_fields["break_glass_seconds"].default)


@dataclass(frozen=True)
class Known:
    """A member with something to reveal."""

    member_id: str
    external_id: str


async def a_known_member(members: MembersWorld, store_id: str = "") -> Known:
    external_id = new_id("ext")
    request = a_registration_request(external_id)
    request.registrations[0].store_id = store_id
    member_id = (await members.partner.RegisterMembers(request)).results[0].member.member_id
    await members.partner.SetBirthday(
        members_pb2.SetBirthdayRequest(
            program_id=PROGRAM, request_id=new_id("req"), member_id=member_id, birthday=BIRTHDAY
        )
    )
    return Known(member_id, external_id)


def revealing(member_id: str, request_id: str = "", reason: str = REASON) -> pb.RevealMemberRequest:
    return pb.RevealMemberRequest(
        program_id=PROGRAM, request_id=request_id or new_id("req"), member_id=member_id, reason=reason
    )


def by_glass(glass: pb.BreakGlass, member_id: str, request_id: str = "") -> pb.RevealByBreakGlassRequest:
    return pb.RevealByBreakGlassRequest(
        program_id=PROGRAM,
        request_id=request_id or new_id("req"),
        break_glass_id=glass.break_glass_id,
        member_id=member_id,
    )


def ending(glass: pb.BreakGlass) -> pb.EndBreakGlassRequest:
    return pb.EndBreakGlassRequest(
        program_id=PROGRAM, request_id=new_id("req"), break_glass_id=glass.break_glass_id
    )


def staff(members: MembersWorld, role: str, subject: str = "", **claims: Any) -> Any:
    return members.access("staff", subject or new_id("ann"), roles=[role], **claims)


async def opened(administrator: Any) -> pb.BreakGlass:
    request = pb.OpenBreakGlassRequest(program_id=PROGRAM, request_id=new_id("req"), reason="incident 88")
    glass: pb.BreakGlass = (await administrator.OpenBreakGlass(request)).break_glass
    return glass


async def refused(call: Awaitable[Any]) -> tuple[str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    info = error_info(refusal.value)
    return reason_of(refusal.value), {} if info is None else dict(info.metadata)


async def record_of(members: MembersWorld, act: str, object_id: str) -> dict[str, Any]:
    (record,) = await members.database.audit.find({"act": act, "objects": object_id}).to_list(None)
    return dict(record)


@pytest.mark.parametrize("role", ["operations_manager", "compliance_officer"])
async def test_who_sees_dots_is_shown_one_member_whole_for_a_reason(members: MembersWorld, role: str) -> None:
    known = await a_known_member(members)
    read = members_pb2.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[known.member_id])
    caller = members.caller("staff", "eve", roles=[role])

    masked = (await caller.BatchGetMembers(read)).results[0].member
    reveal = (await staff(members, role).RevealMember(revealing(known.member_id))).reveal

    assert known.external_id not in str(masked)
    assert BIRTHDAY not in str(masked)
    assert [(each.source, each.external_id) for each in reveal.identities] == [("shop", known.external_id)]
    assert (reveal.member_id, reveal.birthday) == (known.member_id, BIRTHDAY)
    assert reveal.left_count == PER_DAY_MAX - 1


async def test_a_list_shows_a_compliance_officer_dots(members: MembersWorld) -> None:
    known = await a_known_member(members)
    caller = members.caller("staff", "eve", roles=["compliance_officer"])

    listed = await caller.ListMembers(members_pb2.ListMembersRequest(program_id=PROGRAM, page_size=500))

    assert known.external_id not in str(listed)


async def test_the_audit_record_has_who_whom_and_why_and_nothing_that_was_shown(
    members: MembersWorld,
) -> None:
    known, subject = await a_known_member(members), new_id("ann")

    reveal = (
        await staff(members, "compliance_officer", subject).RevealMember(revealing(known.member_id))
    ).reveal

    record = await record_of(members, "RevealMember", known.member_id)
    kept = await members.database.idempotency.find({}).to_list(None)
    (answer,) = [each["response"] for each in kept if reveal.reveal_id.encode() in each["response"]]
    assert (record["actor"]["subject"], record["reason"]) == (subject, REASON)
    assert record["objects"] == sorted([known.member_id, reveal.reveal_id])
    told = str(record) + str(answer)
    assert known.external_id not in told
    assert BIRTHDAY not in told


@pytest.mark.parametrize("reason", ["", "why not", "x" * 501])
async def test_without_a_reason_nothing_is_shown(members: MembersWorld, reason: str) -> None:
    known = await a_known_member(members)

    call = staff(members, "compliance_officer").RevealMember(revealing(known.member_id, reason=reason))

    assert (await refused(call))[0] == "INVALID_REQUEST"


async def test_a_consultant_reveals_members_of_their_store_and_nobody_else(members: MembersWorld) -> None:
    ours, theirs = await a_known_member(members, "online"), await a_known_member(members)
    consultant = staff(members, "consultant", stores=["online"])

    shown = (await consultant.RevealMember(revealing(ours.member_id))).reveal
    reason, _ = await refused(consultant.RevealMember(revealing(theirs.member_id)))

    assert shown.birthday == BIRTHDAY
    assert reason == "MEMBER_UNKNOWN"


@pytest.mark.parametrize("role", ["analyst", "system_administrator"])
async def test_who_has_no_part_in_contact_data_reveals_nobody(members: MembersWorld, role: str) -> None:
    known = await a_known_member(members)

    assert (await refused(staff(members, role).RevealMember(revealing(known.member_id))))[0] == "FORBIDDEN"


async def test_above_the_limit_of_a_day_nobody_more_is_shown_and_nothing_refused_counts(
    members: MembersWorld,
) -> None:
    known, officer = await a_known_member(members), staff(members, "compliance_officer")
    await refused(officer.RevealMember(revealing(new_id("mem"))))

    asked = [officer.RevealMember(revealing(known.member_id)) for _ in range(PER_DAY_MAX + 3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    shown = [each.reveal.left_count for each in answers if isinstance(each, pb.RevealMemberResponse)]
    assert sorted(shown) == list(range(PER_DAY_MAX))
    failed = {reason_of(each) for each in answers if isinstance(each, grpc.aio.AioRpcError)}
    assert failed == {"REVEAL_LIMIT"}
    found = await refused(officer.RevealMember(revealing(known.member_id)))
    assert found == ("REVEAL_LIMIT", {"limit": str(PER_DAY_MAX)})
    assert (
        await staff(members, "compliance_officer").RevealMember(revealing(known.member_id))
    ).reveal.birthday


async def test_a_retry_counts_once_and_is_answered_for_some_minutes_only(members: MembersWorld) -> None:
    known, officer = await a_known_member(members), staff(members, "compliance_officer")
    request = revealing(known.member_id)

    first = await officer.RevealMember(request)
    again = await officer.RevealMember(request)
    other = await officer.RevealMember(revealing(known.member_id))
    with members.later(RETRIED):
        reason, _ = await refused(officer.RevealMember(request))

    assert again == first
    assert other.reveal.left_count == PER_DAY_MAX - 2
    assert reason == "REVEAL_ENDED"


async def test_another_day_has_its_own_count(members: MembersWorld) -> None:
    known, officer = await a_known_member(members), staff(members, "compliance_officer")
    await officer.RevealMember(revealing(known.member_id))

    with members.later(timedelta(days=1)):
        tomorrow = await officer.RevealMember(revealing(known.member_id))

    assert tomorrow.reveal.left_count == PER_DAY_MAX - 1


async def test_a_break_glass_shows_its_opener_members_and_each_record_names_it(members: MembersWorld) -> None:
    known, administrator = await a_known_member(members), staff(members, "system_administrator")

    glass = await opened(administrator)
    reveal = (await administrator.RevealByBreakGlass(by_glass(glass, known.member_id))).reveal

    assert (reveal.birthday, reveal.identities[0].external_id) == (BIRTHDAY, known.external_id)
    assert moment(glass.until_time) - moment(glass.opened_time) == BREAK_GLASS
    record = await record_of(members, "RevealByBreakGlass", known.member_id)
    assert record["objects"] == sorted([known.member_id, glass.break_glass_id, reveal.reveal_id])
    assert (await record_of(members, "OpenBreakGlass", glass.break_glass_id))["reason"] == "incident 88"
    ended = (await administrator.EndBreakGlass(ending(glass))).break_glass
    assert ended.reveals_count == 1


async def test_a_break_glass_is_announced_once_and_without_its_reason(members: MembersWorld) -> None:
    subject = new_id("adm")

    glass = await opened(staff(members, "system_administrator", subject))

    (row,) = await members.database.outbox.find({"subject": glass.break_glass_id}).to_list(None)
    told = events_pb2.BreakGlassOpened.FromString(row["payload"])
    assert (row["type"], told.opened_by, told.until_time) == ("BreakGlassOpened", subject, glass.until_time)
    assert b"incident" not in row["payload"]


async def listed(members: MembersWorld, role: str = "compliance_officer") -> list[pb.BreakGlass]:
    """Every break-glass that is open, one a page."""
    found: list[pb.BreakGlass] = []
    token = ""
    while True:
        page = await staff(members, role).ListBreakGlasses(
            pb.ListBreakGlassesRequest(program_id=PROGRAM, page_size=1, page_token=token)
        )
        found += page.break_glasses
        if not (token := page.next_page_token):
            return found


async def test_open_break_glasses_are_listed_with_their_openers_the_latest_first(
    members: MembersWorld,
) -> None:
    subjects = [new_id("adm") for _ in range(3)]
    glasses = [await opened(staff(members, "system_administrator", each)) for each in subjects]
    await staff(members, "compliance_officer").EndBreakGlass(ending(glasses[1]))

    found = [each for each in await listed(members) if each.opened_by in subjects]

    assert [each.opened_by for each in found] == [subjects[2], subjects[0]]
    assert found == [glasses[2], glasses[0]]
    with members.later(BREAK_GLASS):
        assert await listed(members, "system_administrator") == []


async def test_a_place_in_the_list_of_another_program_is_none(members: MembersWorld) -> None:
    for _ in range(2):
        await opened(staff(members, "system_administrator"))
    request = pb.ListBreakGlassesRequest(program_id=PROGRAM, page_size=1)
    token = (await staff(members, "compliance_officer").ListBreakGlasses(request)).next_page_token
    elsewhere = pb.ListBreakGlassesRequest(program_id="other_store", page_token=token)

    officer = staff(members, "compliance_officer", program_id="other_store")
    assert (await refused(officer.ListBreakGlasses(elsewhere)))[0] == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("role", ["consultant", "operations_manager", "analyst"])
async def test_nobody_else_is_told_which_break_glasses_are_open(members: MembersWorld, role: str) -> None:
    request = pb.ListBreakGlassesRequest(program_id=PROGRAM)

    assert (await refused(staff(members, role).ListBreakGlasses(request)))[0] == "FORBIDDEN"


async def test_a_break_glass_ends_by_itself(members: MembersWorld) -> None:
    known, administrator = await a_known_member(members), staff(members, "system_administrator")
    glass = await opened(administrator)

    with members.later(BREAK_GLASS):
        reason, _ = await refused(administrator.RevealByBreakGlass(by_glass(glass, known.member_id)))

    assert reason == "BREAK_GLASS_ENDED"


async def test_a_compliance_officer_ends_a_break_glass_and_a_retry_shows_nothing_any_more(
    members: MembersWorld,
) -> None:
    known, administrator = await a_known_member(members), staff(members, "system_administrator")
    glass = await opened(administrator)
    request = by_glass(glass, known.member_id)
    await administrator.RevealByBreakGlass(request)
    officer = staff(members, "compliance_officer")

    ended = (await officer.EndBreakGlass(ending(glass))).break_glass
    again = (await officer.EndBreakGlass(ending(glass))).break_glass

    assert moment(ended.until_time) < moment(glass.until_time)
    assert again == ended
    for each in (request, by_glass(glass, known.member_id)):
        assert (await refused(administrator.RevealByBreakGlass(each)))[0] == "BREAK_GLASS_ENDED"


async def test_a_break_glass_of_somebody_else_or_of_another_program_is_none(members: MembersWorld) -> None:
    known = await a_known_member(members)
    glass = await opened(staff(members, "system_administrator"))
    foreign = pb.EndBreakGlassRequest(
        program_id="other_store", request_id="e", break_glass_id=glass.break_glass_id
    )

    colleague = staff(members, "system_administrator").RevealByBreakGlass(by_glass(glass, known.member_id))
    elsewhere = staff(members, "compliance_officer", program_id="other_store").EndBreakGlass(foreign)

    assert (await refused(colleague))[0] == "BREAK_GLASS_UNKNOWN"
    assert (await refused(elsewhere))[0] == "BREAK_GLASS_UNKNOWN"


async def test_who_ends_a_break_glass_while_it_is_used_ends_it(members: MembersWorld) -> None:
    known, administrator = await a_known_member(members), staff(members, "system_administrator")
    glass = await opened(administrator)

    await asyncio.gather(
        *(administrator.RevealByBreakGlass(by_glass(glass, known.member_id)) for _ in range(5)),
        staff(members, "compliance_officer").EndBreakGlass(ending(glass)),
        return_exceptions=True,
    )

    kept = await members.database.break_glasses.find_one({"_id": glass.break_glass_id})
    shown = await members.database.audit.count_documents(
        {"act": "RevealByBreakGlass", "objects": glass.break_glass_id}
    )
    assert kept is not None
    assert kept["until_time"] <= now()
    assert kept["reveals_count"] == shown
