"""The writes of BadgesService: by whom, with what, and with what else under the same id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import badges_pb2 as pb
from laurel.benefits.v1 import badges_pb2_grpc
from libs.common.badge_policy import Badge
from libs.common.ids import new_id
from libs.common.program import preset
from tests.benefits.conftest import BenefitsWorld
from tests.contracts.payloads import changed

Sent = tuple[Any, Message, Message]
SERVICE = pb.DESCRIPTOR.services_by_name["BadgesService"]


async def _granting(benefits: BenefitsWorld) -> tuple[Any, pb.GrantBadgeRequest]:
    base = preset("ecommerce_five")
    badge = Badge(key="founder", name=base.name, limit=20)
    program = base.model_copy(update={"key": f"store_{new_id('x')[-12:]}", "badges": (badge,)})
    await benefits.publish(program)
    story = await benefits.a_member(program_id=program.key)
    stub = benefits.stub(
        SERVICE,
        badges_pb2_grpc.BadgesServiceStub,
        "staff",
        "mia",
        program.key,
        roles=["operations_manager"],
    )
    return stub, pb.GrantBadgeRequest(
        program_id=program.key,
        request_id=new_id("req"),
        member_id=story.member_id,
        key="founder",
        explanation="among the first",
    )


async def grant(benefits: BenefitsWorld) -> Sent:
    stub, request = await _granting(benefits)
    return stub, request, changed(request, explanation="among the last")


async def revoke(benefits: BenefitsWorld) -> Sent:
    stub, granting = await _granting(benefits)
    badge = (await stub.GrantBadge(granting)).badge
    request = pb.RevokeBadgeRequest(
        program_id=granting.program_id,
        request_id=new_id("req"),
        badge_id=badge.badge_id,
        explanation="case 4711",
    )
    return stub, request, changed(request, explanation="case 4712")


BADGE_WRITES: dict[str, Callable[[BenefitsWorld], Awaitable[Sent]]] = {
    "BadgesService/GrantBadge": grant,
    "BadgesService/RevokeBadge": revoke,
}
