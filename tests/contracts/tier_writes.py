"""The writes of TiersService: by whom, with what, and with what else under the same id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.common.ids import new_id
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.telling import a_sandbox
from tests.benefits.tier_desk import GOODWILL, TierDesk, tier_desks
from tests.contracts.payloads import changed

Sent = tuple[Any, Message, Message]


async def _desks(benefits: BenefitsWorld) -> tuple[TierDesk, TierDesk]:
    program = await a_sandbox(benefits)
    return await tier_desks(benefits, await benefits.a_member(10_000, program_id=program.key))


def _of(desk: TierDesk) -> dict[str, Any]:
    return {"program_id": desk.story.program_id, "request_id": new_id("req")}


async def override(benefits: BenefitsWorld) -> Sent:
    mia, _ = await _desks(benefits)
    request = pb.OverrideTierRequest(
        **_of(mia),
        member_id=mia.story.member_id,
        tier_set="main",
        tier="normal",
        reason=GOODWILL,
        explanation="case 4711",
    )
    return mia.stub, request, changed(request, tier="gold")


async def approve(benefits: BenefitsWorld) -> Sent:
    mia, otto = await _desks(benefits)
    waiting = [(await mia.give("gold")).override_id for _ in range(2)]
    request = pb.ApproveTierOverrideRequest(**_of(mia), override_id=waiting[0])
    return otto.stub, request, changed(request, override_id=waiting[1])


async def end(benefits: BenefitsWorld) -> Sent:
    mia, otto = await _desks(benefits)
    waiting = (await mia.give("gold")).override_id
    request = pb.EndTierOverrideRequest(**_of(mia), override_id=waiting, explanation="no case")
    return otto.stub, request, changed(request, explanation="no such case")


TIER_WRITES: dict[str, Callable[[BenefitsWorld], Awaitable[Sent]]] = {
    "TiersService/OverrideTier": override,
    "TiersService/ApproveTierOverride": approve,
    "TiersService/EndTierOverride": end,
}
