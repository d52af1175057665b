"""Mutations of the program: propose a version, approve or reject it, publish it, roll back."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Protocol

import strawberry

from laurel.benefits.v1 import programs_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.benefits.types.program_versions import ProgramVersion, version_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import checked_time


@strawberry.input(description="A document that is to be the next version.")
class ProposeProgramInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    document_parts: list[str] = strawberry.field(
        description="The whole document as JSON, without a version, cut into texts that the graph takes."
    )
    note: str = strawberry.field(description="What changes, for people.")


@strawberry.input(description="A version that somebody else proposed.")
class ApproveProgramVersionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    version: int = strawberry.field(description="Which one.")
    digest: str = strawberry.field(description="Its digest, as of the document that was looked at.")


@strawberry.input(description="A version that is not to take effect, or that its proposer withdraws.")
class RejectProgramVersionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    version: int = strawberry.field(description="Which one.")
    reason: str = strawberry.field(description="Why, without personal data.")


@strawberry.input(description="An approved version that is to take effect.")
class PublishProgramVersionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    version: int = strawberry.field(description="Which one.")
    effective_time: datetime | None = strawberry.field(
        default=None, description="When, by the clock of the program; at once when absent or past."
    )


@strawberry.input(description="A version whose rules are to take effect again.")
class RollBackProgramInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    to_version: int = strawberry.field(description="Which one; it was in effect before.")
    reason: str = strawberry.field(description="Why, without personal data.")


@strawberry.type(description="The version was proposed, approved, rejected, scheduled or is live.")
class ProgramChanged:
    program_version: ProgramVersion = strawberry.field(description="As it stands.")


ChangeProgramResult = Annotated[
    ProgramChanged | Refused,
    strawberry.union("ChangeProgramResult", description="The version, or a refusal."),
]


class _Answer(Protocol):
    @property
    def version(self) -> pb.ProgramVersion: ...


async def _changed(call: Awaitable[_Answer]) -> ProgramChanged | Refused:
    answer = await attempted(call)
    if isinstance(answer, Refused):
        return answer
    return ProgramChanged(program_version=version_of(answer.version))


@strawberry.type
class ProgramsMutation:
    @strawberry.mutation(description="Proposes a document as the next version. Nothing changes for anybody.")
    async def propose_program(
        self,
        info: Info,
        input: Annotated[ProposeProgramInput, strawberry.argument(description="The document.")],  # noqa: A002
    ) -> ChangeProgramResult | None:
        request = pb.ProposeProgramRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            document="".join(input.document_parts).encode(),
            note=input.note,
        )
        return await _changed(info.context.clients.programs.ProposeProgram(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Approves a proposed version, by somebody other than who proposed it.")
    async def approve_program_version(
        self,
        info: Info,
        input: Annotated[ApproveProgramVersionInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> ChangeProgramResult | None:
        request = pb.ApproveProgramVersionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            version=input.version,
            digest=input.digest,
        )
        programs = info.context.clients.programs
        return await _changed(programs.ApproveProgramVersion(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Rejects a version that is not in effect yet, or withdraws it.")
    async def reject_program_version(
        self,
        info: Info,
        input: Annotated[RejectProgramVersionInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> ChangeProgramResult | None:
        request = pb.RejectProgramVersionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            version=input.version,
            reason=input.reason,
        )
        programs = info.context.clients.programs
        return await _changed(programs.RejectProgramVersion(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(
        description="Lets an approved version take effect, now or later; all members are decided on again."
    )
    async def publish_program_version(
        self,
        info: Info,
        input: Annotated[PublishProgramVersionInput, strawberry.argument(description="Which, and when.")],  # noqa: A002
    ) -> ChangeProgramResult | None:
        time = checked_time(input.effective_time)
        request = pb.PublishProgramVersionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            version=input.version,
            effective_time=None if time is None else timestamp(time),
        )
        programs = info.context.clients.programs
        return await _changed(programs.PublishProgramVersion(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(
        description="Lets the rules of an earlier version take effect again at once, as a version of its own."
    )
    async def roll_back_program(
        self,
        info: Info,
        input: Annotated[RollBackProgramInput, strawberry.argument(description="Back to which.")],  # noqa: A002
    ) -> ChangeProgramResult | None:
        request = pb.RollBackProgramRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            to_version=input.to_version,
            reason=input.reason,
        )
        return await _changed(info.context.clients.programs.RollBackProgram(request, timeout=WRITE_SECONDS))
