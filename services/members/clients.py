"""Calls to other services: which programs there are, from benefits."""

from collections.abc import Callable

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.clock import ProgramClock
from libs.common.errors import Unavailable
from libs.common.program import Program
from libs.common.rpc.client import calling, channel
from libs.common.tls import Certificates
from services.members.domain.members import ProgramCalendar

_BENEFITS = benefits_pb2.DESCRIPTOR.services_by_name["BenefitsService"]


class ProgramsClient:
    """Reads programs from the service that owns them."""

    def __init__(
        self, address: str, *, tls: Certificates | None = None, token: Callable[[], str] | None = None
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._channel = channel(address, _BENEFITS, tls=tls, token=token)
        self._benefits = benefits_pb2_grpc.BenefitsServiceStub(self._channel)

    async def calendar(self, program_id: str) -> ProgramCalendar | None:
        """What intake needs to know of a program; None when there is no such program."""
        request = benefits_pb2.BatchGetProgramsRequest(program_ids=[program_id])
        with calling("benefits"):
            answer = await self._benefits.BatchGetPrograms(request)
        result = answer.results[0]
        if result.status == lookup_pb2.LOOKUP_STATUS_ERROR:
            raise Unavailable
        if result.status != lookup_pb2.LOOKUP_STATUS_FOUND:
            return None
        program = Program.parse(result.program.document)
        return ProgramCalendar(
            program_id,
            program.currency,
            program.time_zone,
            ProgramClock(replay_from=program.clock.replay_from),
        )

    async def close(self) -> None:
        await self._channel.close()
