"""The gRPC edge of changing programs: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1 import programs_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.errors import PageTokenInvalid
from libs.common.mongo import Request, request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from libs.common.rpc.time import moment
from services.benefits.domain.program_changes import Change
from services.benefits.handlers.program_changes import ChangeHandlers
from services.benefits.program_messages import version_message

PAGE_SIZE = 20
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class ProgramsServicer(programs_pb2_grpc.ProgramsServiceServicer):
    """ProgramsService over its handlers."""

    changes: ChangeHandlers

    async def ProposeProgram(
        self, message: pb.ProposeProgramRequest, context: Any
    ) -> pb.ProposeProgramResponse:
        asked: Request[pb.ProposeProgramResponse] = request(
            message.program_id, "ProposeProgram", message.request_id, message, pb.ProposeProgramResponse
        )
        return await self.changes.propose(
            message.program_id,
            message.document,
            message.note,
            asked,
            lambda each: pb.ProposeProgramResponse(version=version_message(each)),
        )

    async def ApproveProgramVersion(
        self, message: pb.ApproveProgramVersionRequest, context: Any
    ) -> pb.ApproveProgramVersionResponse:
        asked: Request[pb.ApproveProgramVersionResponse] = request(
            message.program_id,
            "ApproveProgramVersion",
            message.request_id,
            message,
            pb.ApproveProgramVersionResponse,
        )
        return await self.changes.approve(
            message.program_id,
            message.version,
            message.digest,
            asked,
            lambda each: pb.ApproveProgramVersionResponse(version=version_message(each)),
        )

    async def RejectProgramVersion(
        self, message: pb.RejectProgramVersionRequest, context: Any
    ) -> pb.RejectProgramVersionResponse:
        asked: Request[pb.RejectProgramVersionResponse] = request(
            message.program_id,
            "RejectProgramVersion",
            message.request_id,
            message,
            pb.RejectProgramVersionResponse,
        )
        return await self.changes.reject(
            message.program_id,
            message.version,
            message.reason,
            asked,
            lambda each: pb.RejectProgramVersionResponse(version=version_message(each)),
        )

    async def PublishProgramVersion(
        self, message: pb.PublishProgramVersionRequest, context: Any
    ) -> pb.PublishProgramVersionResponse:
        asked: Request[pb.PublishProgramVersionResponse] = request(
            message.program_id,
            "PublishProgramVersion",
            message.request_id,
            message,
            pb.PublishProgramVersionResponse,
        )
        return await self.changes.publish(
            message.program_id,
            message.version,
            moment(message.effective_time) if message.HasField("effective_time") else None,
            asked,
            lambda each: pb.PublishProgramVersionResponse(version=version_message(each)),
        )

    async def RollBackProgram(
        self, message: pb.RollBackProgramRequest, context: Any
    ) -> pb.RollBackProgramResponse:
        asked: Request[pb.RollBackProgramResponse] = request(
            message.program_id, "RollBackProgram", message.request_id, message, pb.RollBackProgramResponse
        )
        return await self.changes.roll_back(
            message.program_id,
            message.to_version,
            message.reason,
            asked,
            lambda each: pb.RollBackProgramResponse(version=version_message(each)),
        )

    async def ListProgramVersions(
        self, message: pb.ListProgramVersionsRequest, context: Any
    ) -> pb.ListProgramVersionsResponse:
        after = page_after(message.page_token, message.program_id)
        if after is not None and not after.isdecimal():
            raise PageTokenInvalid
        versions, more = await self.changes.page(
            message.program_id,
            before=None if after is None else int(after),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListProgramVersionsResponse(
            versions=map(version_message, versions),
            next_page_token=page_token(str(versions[-1].number), message.program_id) if more else "",
        )

    async def BatchGetProgramVersions(
        self, message: pb.BatchGetProgramVersionsRequest, context: Any
    ) -> pb.BatchGetProgramVersionsResponse:
        found = await self.changes.several(message.program_id, message.versions)
        return pb.BatchGetProgramVersionsResponse(
            results=in_order(message.versions, found, _found, missing=pb.ProgramVersionResult(status=MISSING))
        )


def _found(change: Change) -> pb.ProgramVersionResult:
    return pb.ProgramVersionResult(status=FOUND, version=version_message(change), document=change.document)
