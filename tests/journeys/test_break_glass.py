"""A break-glass on its way: opened at members, told by benefits to whom may end it, over the real streams."""

from typing import TYPE_CHECKING

from laurel.members.v1 import access_pb2 as pb
from laurel.members.v1 import access_pb2_grpc
from libs.common.ids import new_id
from libs.common.rpc.client import channel
from tests.support.builders import PROGRAM, a_registration_request
from tests.telemetry.conftest import whole

if TYPE_CHECKING:
    from tests.telemetry.conftest import Whole

__all__ = ["whole"]

SERVICE = pb.DESCRIPTOR.services_by_name["AccessService"]


async def test_who_opens_a_break_glass_is_told_of_with_its_id_and_members_are_told_of_as_before(
    whole: "Whole",
) -> None:
    await whole.admit()
    token = whole.keys.token("staff", "root", PROGRAM, roles=["system_administrator"])
    async with channel(whole.addresses["members"], SERVICE, token=token) as opening:
        access = access_pb2_grpc.AccessServiceStub(opening)
        request = pb.OpenBreakGlassRequest(program_id=PROGRAM, request_id=new_id("req"), reason="incident 88")
        glass = (await access.OpenBreakGlass(request)).break_glass
    shop = whole.caller("members", "partner", "shop")
    member = (await shop.RegisterMembers(a_registration_request("after-it"))).results[0].member
    await whole.drained()

    benefits = whole.platforms["benefits"].database
    (notice,) = await benefits.notices.find({"code": "BREAK_GLASS_OPENED"}).to_list(None)
    assert (notice["staff_role"], notice["cause"]) == ("compliance_officer", glass.break_glass_id)
    assert notice["params"]["opened_by"] == "root"
    assert "incident" not in str(notice)
    for service in ("benefits", "risk"):
        homes = await whole.platforms[service].database.homes.find({}).to_list(None)
        assert [each["_id"] for each in homes] == [member.member_id]
