"""Calls to other services: which programs there are, from benefits."""

from collections.abc import Callable, Sequence
from datetime import timedelta

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

    async def calendars(self, program_ids: Sequence[str]) -> dict[str, ProgramCalendar]:
        """What members needs to know of those of the programs that there are."""
        request = benefits_pb2.BatchGetProgramsRequest(program_ids=program_ids)
        with calling("benefits"):
            answer = await self._benefits.BatchGetPrograms(request)
        if any(each.status == lookup_pb2.LOOKUP_STATUS_ERROR for each in answer.results):
            raise Unavailable
        return {
            each.program.program_id: _calendar(each.program)
            for each in answer.results
            if each.status == lookup_pb2.LOOKUP_STATUS_FOUND
        }

    async def close(self) -> None:
        await self._channel.close()


def _calendar(live: benefits_pb2.Program) -> ProgramCalendar:
    program = Program.parse(live.document)
    return ProgramCalendar(
        live.program_id,
        program.currency,
        program.time_zone,
        ProgramClock(replay_from=program.clock.replay_from),
        timedelta(days=program.dormancy.after_days),
    )
