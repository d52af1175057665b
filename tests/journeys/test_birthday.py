"""A birthday on its way: told to members, known to points, used, and so locked, over the real streams."""

from typing import TYPE_CHECKING

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.errors import reason_of
from tests.support.builders import NOON, PROGRAM, a_batch, a_purchase, a_registration_request
from tests.telemetry.conftest import until, whole

if TYPE_CHECKING:
    from tests.telemetry.conftest import Whole

__all__ = ["whole"]

DOUBLE = {"key": "birthday", "kind": "multiplier", "bp": 20_000, "condition": "birthday_month"}


def setting(member_id: str, birthday: str) -> members_pb2.SetBirthdayRequest:
    return members_pb2.SetBirthdayRequest(
        program_id=PROGRAM, request_id=new_id("req"), member_id=member_id, birthday=birthday
    )


async def test_what_a_birthday_gave_locks_it_where_it_was_recorded(whole: "Whole") -> None:
    await whole.admit()
    document = preset(PROGRAM).document()
    document["points"]["multipliers"] = [DOUBLE]
    await whole.caller("benefits", "staff").PublishProgram(
        benefits_pb2.PublishProgramRequest(
            program_id=PROGRAM, request_id=new_id("req"), document=Program.parse(document).canonical()
        )
    )
    shop = whole.caller("members", "partner", "shop")
    answer = await shop.RegisterMembers(a_registration_request("born-in-march"))
    member_id = answer.results[0].member.member_id
    for birthday in ("03-20", "03-21"):
        await shop.SetBirthday(setting(member_id, birthday))
    await whole.drained()

    await shop.RecordEvents(a_batch(a_purchase(member_id, 1_000, at=NOON)))
    await whole.drained()

    async def locked() -> bool:
        kept = await whole.platforms["members"].database.members.find_one({"_id": member_id})
        return kept is not None and kept.get("birthday_used_time") == NOON

    await until(locked)
    asked = benefits_pb2.BatchGetPointsAccountsRequest(program_id=PROGRAM, member_ids=[member_id])
    (points,) = (await whole.caller("benefits", "service").BatchGetPointsAccounts(asked)).results
    assert points.account.balance_points == 20
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await shop.SetBirthday(setting(member_id, "04-20"))
    assert reason_of(refusal.value) == "BIRTHDAY_LOCKED"
