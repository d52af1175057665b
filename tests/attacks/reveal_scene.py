"""Reveals in a shop under attack: break-glasses that are open, and requests about them."""

from collections.abc import Callable, Mapping
from typing import Any

from laurel.members.v1 import access_pb2, access_pb2_grpc
from libs.cli.certificates import Authority
from libs.cli.clients import staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from libs.common.rpc.client import channel
from libs.common.tls import Certificates

GLASSES = 2
REASON = "case 4711"
# More than the attacks reveal and longer than they take.
SETTINGS = {"LAUREL_REVEALS_PER_DAY_MAX": "100000", "LAUREL_BREAK_GLASS_SECONDS": "3600"}
SERVICE = access_pb2.DESCRIPTOR.services_by_name["AccessService"]


async def break_glasses(run: RunFile, program_id: str) -> list[str]:
    """What the administrator who attacks has open: the first to use, the second to end."""
    token = staff_token(run, program_id, ["system_administrator"], subject="a_system_administrator")
    operator = Certificates(Authority(run.tls_folder).files("operator"))
    opening = channel(run.address("members"), SERVICE, token=lambda: token, tls=operator)
    async with opening as to_members:
        access = access_pb2_grpc.AccessServiceStub(to_members)
        return [await _opened(access, program_id) for _ in range(GLASSES)]


async def _opened(access: Any, program_id: str) -> str:
    request = access_pb2.OpenBreakGlassRequest(program_id=program_id, request_id=new_id("req"), reason=REASON)
    opened: access_pb2.OpenBreakGlassResponse = await access.OpenBreakGlass(request)
    return opened.break_glass.break_glass_id


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "RevealMember": lambda shop: {**_named(shop), "member_id": shop.members[0], "reason": REASON},
    "OpenBreakGlass": lambda shop: {**_named(shop), "reason": REASON},
    "ListBreakGlasses": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "EndBreakGlass": lambda shop: {**_named(shop), "break_glass_id": shop.break_glasses[1]},
    "RevealByBreakGlass": lambda shop: {
        **_named(shop),
        "break_glass_id": shop.break_glasses[0],
        "member_id": shop.members[0],
    },
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "revealMember": lambda shop: {
        "input": {"requestId": new_id("req"), "memberId": shop.members[0], "reason": REASON}
    },
    "openBreakGlass": lambda shop: {"input": {"requestId": new_id("req"), "reason": REASON}},
    "breakGlasses": lambda _: {"first": 2, "after": None},
    "endBreakGlass": lambda shop: {
        "input": {"requestId": new_id("req"), "breakGlassId": shop.break_glasses[1]}
    },
    "revealByBreakGlass": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "breakGlassId": shop.break_glasses[0],
            "memberId": shop.members[0],
        }
    },
}
