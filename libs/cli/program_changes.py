"""How a program changes: versions proposed, decided on and published through benefits, and followed."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.ids import new_id
from libs.common.program import Program
from libs.common.rpc.time import timestamp

LOOK_SECONDS = 0.3
STILL_SECONDS_MAX = 120.0
"""How long a recalculation may stand still before we stop waiting for it."""


async def versions(clients: Clients, program_id: str, count: int) -> list[pb.ProgramVersion]:
    """So many versions of a program, the latest first."""
    request = pb.ListProgramVersionsRequest(program_id=program_id, page_size=count)
    return list((await patiently(lambda: clients.programs.ListProgramVersions(request))).versions)


async def version(clients: Clients, program_id: str, number: int) -> tuple[pb.ProgramVersion, Program]:
    """A version with its document."""
    request = pb.BatchGetProgramVersionsRequest(program_id=program_id, versions=[number])
    result = (await patiently(lambda: clients.programs.BatchGetProgramVersions(request))).results[0]
    if result.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise CommandError(f"{program_id} has no version {number}: see `laurel program versions`.")
    return result.version, Program.parse(result.document)


async def propose(clients: Clients, program: Program, note: str) -> pb.ProgramVersion:
    """Propose a document as the next version."""
    request = pb.ProposeProgramRequest(
        program_id=program.key, request_id=new_id("req"), document=program.canonical(), note=note
    )
    return (await patiently(lambda: clients.programs.ProposeProgram(request))).version


async def approve(clients: Clients, seen: pb.ProgramVersion) -> pb.ProgramVersion:
    """Approve a version by the document that was looked at."""
    request = pb.ApproveProgramVersionRequest(
        program_id=seen.program_id, request_id=new_id("req"), version=seen.version, digest=seen.digest
    )
    return (await patiently(lambda: clients.programs.ApproveProgramVersion(request))).version


async def reject(clients: Clients, program_id: str, number: int, reason: str) -> pb.ProgramVersion:
    """Let a version be."""
    request = pb.RejectProgramVersionRequest(
        program_id=program_id, request_id=new_id("req"), version=number, reason=reason
    )
    return (await patiently(lambda: clients.programs.RejectProgramVersion(request))).version


async def publish(clients: Clients, program_id: str, number: int, at: datetime | None) -> pb.ProgramVersion:
    """Let a version take effect, at once where no time is said."""
    request = pb.PublishProgramVersionRequest(
        program_id=program_id,
        request_id=new_id("req"),
        version=number,
        effective_time=None if at is None else timestamp(at),
    )
    return (await patiently(lambda: clients.programs.PublishProgramVersion(request))).version


async def roll_back(clients: Clients, program_id: str, to: int, reason: str) -> pb.ProgramVersion:
    """Let the rules of an earlier version take effect again."""
    request = pb.RollBackProgramRequest(
        program_id=program_id, request_id=new_id("req"), to_version=to, reason=reason
    )
    return (await patiently(lambda: clients.programs.RollBackProgram(request))).version


async def recalculated(
    clients: Clients, live: pb.ProgramVersion, told: Callable[[pb.Recalculation], None]
) -> pb.ProgramVersion:
    """Wait until all members have been decided on by a version; CommandError when that does not get on."""
    loop = asyncio.get_running_loop()
    at, deadline = live, loop.time() + STILL_SECONDS_MAX
    while not at.recalculation.HasField("end_time"):
        await asyncio.sleep(LOOK_SECONDS)
        before = at.recalculation.decided_count
        at = await _again(clients, live)
        told(at.recalculation)
        if at.recalculation.decided_count > before:
            deadline = loop.time() + STILL_SECONDS_MAX
        elif loop.time() > deadline:
            raise CommandError(
                f"No member has been decided on for {STILL_SECONDS_MAX:.0f} s. It goes on by itself as soon "
                "as it can: see `laurel program versions` and `laurel status`."
            )
    return at


async def _again(clients: Clients, live: pb.ProgramVersion) -> pb.ProgramVersion:
    """The version as it is now, which is among the latest: it is live."""
    latest = await versions(clients, live.program_id, 100)
    found = next((each for each in latest if each.version == live.version), None)
    if found is None or found.state != pb.PROGRAM_VERSION_STATE_LIVE:
        raise CommandError(
            f"Another version took effect before all members had been decided on by version {live.version}. "
            "They are decided on by that one."
        )
    return found
