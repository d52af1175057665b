"""How far a service is with what it announces and consumes, for operators and for `laurel status`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from laurel.common.v1 import pipeline_pb2
from libs.common.backlog import unsent_count
from libs.common.caller import Principal
from libs.common.errors import Unavailable
from libs.common.mongo import Database
from libs.common.progress import done
from libs.common.redis import Redis, RedisError, group_total
from libs.common.rpc.time import timestamp


@dataclass(frozen=True, slots=True)
class PipelineReader:
    """Reads the state of one service's outbox, groups and positions.

    `positions` gives, by program or of one, the members known and the sum of
    their sequences; `streams` are the streams that the service reads as `service`.
    """

    service: str
    database: Database
    redis: Redis
    streams: Sequence[str]
    positions: Callable[[str | None], Awaitable[Mapping[str, tuple[int, int]]]]

    async def status(self, principal: Principal) -> pipeline_pb2.PipelineStatus:
        """The state; the positions are those of the principal's own program where it is not a service."""
        try:
            groups = [await self._group(stream) for stream in self.streams]
        except RedisError as error:
            raise Unavailable("the streams cannot be read now; retry") from error
        program_id = None if principal.kind == "service" else principal.program_id
        positions = await self.positions(program_id)
        return pipeline_pb2.PipelineStatus(
            service=self.service,
            outbox_unsent=await unsent_count(self.database),
            dead_letters=await self.database.dead_letters.count_documents({}),
            groups=groups,
            positions=[
                pipeline_pb2.ProgramPosition(program_id=program_id, member_count=count, sequence_sum=total)
                for program_id, (count, total) in sorted(positions.items())
            ],
            calendars=await self._calendars(program_id),
        )

    async def _calendars(self, program_id: str | None) -> list[pipeline_pb2.CalendarPosition]:
        found = await done(self.database, None if program_id is None else [program_id])
        return [
            pipeline_pb2.CalendarPosition(
                program_id=each.program_id, done_time=timestamp(each.done_time), counts=each.counts
            )
            for _, each in sorted(found.items())
        ]

    async def _group(self, stream: str) -> pipeline_pb2.ConsumerGroup:
        lag, pending = await group_total(self.redis, stream, self.service)
        return pipeline_pb2.ConsumerGroup(stream=stream, group=self.service, lag=lag, pending=pending)
