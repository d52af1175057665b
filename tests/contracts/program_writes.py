"""The writes of programs and simulations: by whom, with what, and with what else under the same id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1 import simulations_pb2
from libs.common.ids import new_id
from tests.benefits.changing import Desk, a_desk
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.simulating import simulated, simulations

Sent = tuple[Any, Message, Message]
MORE = 30_000


def _of(desk: Desk) -> dict[str, Any]:
    return {"program_id": desk.key, "request_id": new_id("req")}


async def propose(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    fields = {**_of(desk), "document": desk.with_gold_at(MORE).canonical()}
    one, other = (pb.ProposeProgramRequest(**fields, note=note) for note in ("Gold asks for more", "A note"))
    return desk.manager, one, other


async def approve(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    drafts = [await desk.propose(desk.with_gold_at(MORE + each)) for each in range(2)]
    for each in drafts:
        await simulated(benefits, desk.key, each.version, months=1)
    fields = _of(desk)
    one, other = (
        pb.ApproveProgramVersionRequest(**fields, version=each.version, digest=each.digest) for each in drafts
    )
    return desk.officer, one, other


async def simulate(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE))
    fields = {**_of(desk), "version": draft.version}
    one, other = (simulations_pb2.SimulateProgramVersionRequest(**fields, months=each) for each in (1, 2))
    return simulations(benefits, desk.key), one, other


async def reject(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE))
    fields = {**_of(desk), "version": draft.version}
    one, other = (
        pb.RejectProgramVersionRequest(**fields, reason=each) for each in ("a typo", "another typo")
    )
    return desk.manager, one, other


async def publish(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    drafts = [await desk.approve(await desk.propose(desk.with_gold_at(MORE + each))) for each in range(2)]
    fields = _of(desk)
    one, other = (pb.PublishProgramVersionRequest(**fields, version=each.version) for each in drafts)
    return desk.manager, one, other


async def roll_back(benefits: BenefitsWorld) -> Sent:
    desk = await a_desk(benefits)
    await desk.changed_to(desk.with_gold_at(MORE))
    fields = {**_of(desk), "to_version": 1}
    one, other = (pb.RollBackProgramRequest(**fields, reason=each) for each in ("complaints", "more of them"))
    return desk.officer, one, other


PROGRAM_WRITES: dict[str, Callable[[BenefitsWorld], Awaitable[Sent]]] = {
    "ProgramsService/ProposeProgram": propose,
    "ProgramsService/ApproveProgramVersion": approve,
    "SimulationsService/SimulateProgramVersion": simulate,
    "ProgramsService/RejectProgramVersion": reject,
    "ProgramsService/PublishProgramVersion": publish,
    "ProgramsService/RollBackProgram": roll_back,
}
