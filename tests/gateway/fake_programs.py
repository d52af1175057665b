"""Changes of the program at the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1 import programs_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake
from tests.gateway.fake_simulations import SIMULATION

VERSIONS = 3
RUN = pb.Recalculation(
    run_id="run_1",
    membership_count=2**41,
    decided_count=2**40,
    upgraded_count=1,
    downgraded_count=7,
    start_time=timestamp(world.NOON),
    end_time=timestamp(world.NOON),
)


def a_version(number: int, state: "pb.ProgramVersionState.ValueType", **fields: Any) -> pb.ProgramVersion:
    """A version that Max proposed after the one before."""
    given: dict[str, Any] = {
        "note": "Gold asks for more",
        "proposed_by": "max",
        "proposed_time": timestamp(world.NOON),
        "based_on": number - 1,
        "simulation_id": SIMULATION if number > 1 else "",
        **fields,
    }
    return pb.ProgramVersion(
        program_id=world.PROGRAM, version=number, digest=f"{number:064x}", state=state, **given
    )


def decided(number: int, state: "pb.ProgramVersionState.ValueType", **fields: Any) -> pb.ProgramVersion:
    """A version on which Sue has decided."""
    return a_version(number, state, decided_by="sue", decided_time=timestamp(world.NOON), **fields)


class FakePrograms(Fake, programs_pb2_grpc.ProgramsServiceServicer):
    """Three versions, of which the second is live, and whose documents are their numbers."""

    async def ProposeProgram(self, request: pb.ProposeProgramRequest, context: Context) -> Any:
        await self.begin("ProposeProgram", request)
        return pb.ProposeProgramResponse(version=a_version(4, pb.PROGRAM_VERSION_STATE_DRAFT))

    async def ApproveProgramVersion(self, request: pb.ApproveProgramVersionRequest, context: Context) -> Any:
        await self.begin("ApproveProgramVersion", request)
        approved = decided(request.version, pb.PROGRAM_VERSION_STATE_APPROVED)
        return pb.ApproveProgramVersionResponse(version=approved)

    async def RejectProgramVersion(self, request: pb.RejectProgramVersionRequest, context: Context) -> Any:
        await self.begin("RejectProgramVersion", request)
        rejected = decided(request.version, pb.PROGRAM_VERSION_STATE_REJECTED, reason=request.reason)
        return pb.RejectProgramVersionResponse(version=rejected)

    async def PublishProgramVersion(self, request: pb.PublishProgramVersionRequest, context: Context) -> Any:
        await self.begin("PublishProgramVersion", request)
        scheduled = decided(
            request.version, pb.PROGRAM_VERSION_STATE_SCHEDULED, effective_time=request.effective_time
        )
        return pb.PublishProgramVersionResponse(version=scheduled)

    async def RollBackProgram(self, request: pb.RollBackProgramRequest, context: Context) -> Any:
        await self.begin("RollBackProgram", request)
        live = a_version(4, pb.PROGRAM_VERSION_STATE_LIVE, reason=request.reason, recalculation=RUN)
        return pb.RollBackProgramResponse(version=live)

    async def ListProgramVersions(self, request: pb.ListProgramVersionsRequest, context: Context) -> Any:
        await self.begin("ListProgramVersions", request)
        before = int(page_after(request.page_token, request.program_id) or VERSIONS + 1)
        numbers = list(range(before - 1, 0, -1))
        page = numbers[: request.page_size]
        more = page_token(str(page[-1]), request.program_id) if len(numbers) > len(page) else ""
        live = pb.PROGRAM_VERSION_STATE_LIVE
        versions = [decided(number, live, recalculation=RUN) for number in page]
        return pb.ListProgramVersionsResponse(versions=versions, next_page_token=more)

    async def BatchGetProgramVersions(
        self, request: pb.BatchGetProgramVersionsRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetProgramVersions", request)
        results = [
            pb.ProgramVersionResult(status=FOUND, document=b'{"version":%d}' % number)
            if number <= VERSIONS
            else pb.ProgramVersionResult(status=MISSING)
            for number in request.versions
        ]
        return pb.BatchGetProgramVersionsResponse(results=results)
