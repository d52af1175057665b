"""SetBirthday: month and day, announced, locked by what they gave, and told to whom they concern."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.clock import months_later
from libs.common.ids import new_id
from libs.common.redis import StreamMessage
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import timestamp
from services.members.consumers import BenefitsProjection
from services.members.repository.store import MembersStore
from tests.members.conftest import REPLAYED_FROM, MembersWorld
from tests.support.builders import PROGRAM, a_batch, a_purchase, a_registration_request


def setting(member_id: str, birthday: str = "05-17", request_id: str = "") -> pb.SetBirthdayRequest:
    return pb.SetBirthdayRequest(
        program_id=PROGRAM,
        request_id=request_id or new_id("req"),
        member_id=member_id,
        birthday=birthday,
    )


async def known(members: MembersWorld, member_id: str, caller: Any = None) -> str:
    request = pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[member_id])
    (result,) = (await (caller or members.partner).BatchGetMembers(request)).results
    return str(result.member.birthday)


async def announced(members: MembersWorld, member_id: str) -> list[str]:
    rows = members.database.outbox.find({"subject": member_id, "type": "BirthdayChanged"})
    return [
        events_pb2.BirthdayChanged.FromString(row["payload"]).birthday
        async for row in rows.sort("change_seq", 1)
    ]


async def use(members: MembersWorld, member_id: str, *times: datetime) -> None:
    """Benefits announces that the birthday was used at these times, in this order."""
    for time in times:
        message = benefits_pb2.BirthdayUsed(
            program_id=PROGRAM, member_id=member_id, used_time=timestamp(time)
        )
        told = StreamMessage("0-1", "BirthdayUsed", message.SerializeToString(), member_id)
        await BenefitsProjection(MembersStore(members.database)).apply(0, [told])


async def refused(call: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    info = error_info(refusal.value)
    return reason_of(refusal.value), {} if info is None else dict(info.metadata)


async def test_a_birthday_is_recorded_changed_and_taken_out_and_each_is_announced_once(
    members: MembersWorld,
) -> None:
    member_id = await members.a_member()
    own = members.caller("member", member_id)

    changed = [
        (await own.SetBirthday(setting(member_id, birthday))).changed
        for birthday in ("02-29", "02-29", "12-31", "", "")
    ]

    assert changed == [True, False, True, True, False]
    assert await announced(members, member_id) == ["02-29", "12-31", ""]
    assert await known(members, member_id) == ""
    kept = await members.database.members.find_one({"_id": member_id})
    assert kept is not None
    assert "birthday" not in kept


@pytest.mark.parametrize("birthday", ["02-30", "04-31", "13-01", "00-10", "5-17", "1990-05-17", "05-17\n"])
async def test_what_is_no_day_of_a_year_is_refused(members: MembersWorld, birthday: str) -> None:
    reason, _ = await refused(members.partner.SetBirthday(setting(await members.a_member(), birthday)))

    assert reason == "INVALID_REQUEST"


async def test_what_was_given_for_it_locks_it_for_twelve_months_and_it_may_still_be_taken_out(
    members: MembersWorld,
) -> None:
    member_id = await members.a_member()
    await members.partner.SetBirthday(setting(member_id))
    await use(members, member_id, REPLAYED_FROM, REPLAYED_FROM - timedelta(days=300))

    found = await refused(members.partner.SetBirthday(setting(member_id, "05-18")))
    same = await members.partner.SetBirthday(setting(member_id))
    await members.partner.SetBirthday(setting(member_id, ""))
    again = await refused(members.partner.SetBirthday(setting(member_id)))

    until = months_later(REPLAYED_FROM, 12).astimezone(UTC).isoformat(timespec="seconds")
    assert found == again == ("BIRTHDAY_LOCKED", {"until_time": until})
    assert (same.changed, await known(members, member_id)) == (False, "")


async def test_a_use_of_more_than_twelve_months_ago_locks_nothing(members: MembersWorld) -> None:
    member_id = await members.a_member()
    await use(members, member_id, REPLAYED_FROM - timedelta(days=366))

    assert (await members.partner.SetBirthday(setting(member_id))).changed


async def test_the_same_request_twice_and_others_at_once_leave_one_birthday_and_no_gap(
    members: MembersWorld,
) -> None:
    member_id = await members.a_member()
    days = [f"05-{day:02}" for day in range(1, 9)]
    request = setting(member_id, "06-01")

    await asyncio.gather(
        *(members.partner.SetBirthday(setting(member_id, day)) for day in days),
        members.partner.RecordEvents(a_batch(a_purchase(member_id))),
        *(members.partner.SetBirthday(request) for _ in range(3)),
    )

    told = await announced(members, member_id)
    assert sorted(told) == sorted([*days, "06-01"])
    assert await known(members, member_id) == told[-1]
    rows = await members.database.outbox.find({"subject": member_id}).sort("change_seq", 1).to_list(None)
    assert [row["change_seq"] for row in rows] == list(range(1, len(rows) + 1))


async def test_it_is_told_to_the_member_and_their_partner_and_as_dots_to_the_staff_who_sell(
    members: MembersWorld,
) -> None:
    member_id = await members.a_member()
    await members.partner.SetBirthday(setting(member_id))
    staff = {
        role: members.caller("staff", "eve", roles=[role])
        for role in ("operations_manager", "compliance_officer")
    }

    own = await known(members, member_id, members.caller("member", member_id))
    shown = {role: await known(members, member_id, caller) for role, caller in staff.items()}
    listed = await staff["operations_manager"].ListMembers(
        pb.ListMembersRequest(program_id=PROGRAM, page_size=500)
    )

    assert own == "05-17"
    assert set("".join(shown.values())) == {"•"}
    assert not any("05-17" in each.birthday for each in listed.members)


async def test_neither_audit_nor_stored_answers_say_it(members: MembersWorld) -> None:
    external_id = new_id("ext")
    member_id = await members.a_member(external_id)
    await members.partner.SetBirthday(setting(member_id, "11-30", "told-once"))
    await members.partner.RegisterMembers(a_registration_request(external_id, request_id="known-again"))

    records = await members.database.audit.find({"request_id": "told-once"}).to_list(None)
    answers = await members.database.idempotency.find({}).to_list(None)
    assert [(each["before"], each["after"]) for each in records] == [('{"recorded":0}', '{"recorded":1}')]
    assert "11-30" not in str(records) + str(answers)


async def test_a_member_of_another_partner_is_not_there(members: MembersWorld) -> None:
    rival = members.caller("partner", "rival")

    reason, _ = await refused(rival.SetBirthday(setting(await members.a_member())))

    assert reason == "MEMBER_UNKNOWN"
