"""Builds and wires the members service; the only file that knows every part of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from laurel.members.v1 import access_pb2_grpc, members_pb2_grpc
from libs.common.audit.trail import Auditor
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import OUTAGES
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from libs.common.together import WriterQueue
from services.members import consumers, outbox
from services.members.access_servicer import AccessServicer
from services.members.clients import ProgramsClient
from services.members.consumers import BenefitsProjection
from services.members.handlers.activity import Dormancy
from services.members.handlers.attributes import AttributeHandlers
from services.members.handlers.birthdays import BirthdayHandlers
from services.members.handlers.columns import ColumnHandlers
from services.members.handlers.intake import IntakeHandlers
from services.members.handlers.programs import ProgramHandlers
from services.members.handlers.reads import ReadHandlers
from services.members.handlers.reveals import RevealHandlers
from services.members.messages import EVENT_KINDS
from services.members.repository.columns import ColumnsStore
from services.members.repository.indexes import ensure_indexes
from services.members.repository.store import MembersStore
from services.members.servicer import MembersServicer
from services.members.settings import Settings
from services.members.shared_reads import shared_reads

SERVICE = "members"


def servicer(
    platform: Platform, settings: Settings, programs: ProgramHandlers, queue: WriterQueue
) -> MembersServicer:
    """The servicer with its handlers."""
    store = MembersStore(platform.database)
    intake = IntakeHandlers(
        store,
        programs,
        queue=queue,
        outbox_unsent_max=settings.outbox_unsent_max,
        now=now,
        new_id=new_id,
    )
    reads = ReadHandlers(store, programs, now, kinds=EVENT_KINDS)
    return MembersServicer(
        programs=programs,
        intake=intake,
        reads=reads,
        birthdays=BirthdayHandlers(store, programs, now),
        columns=ColumnHandlers(ColumnsStore(platform.database), programs, now, kinds=EVENT_KINDS),
        attributes=AttributeHandlers(platform.database, programs),
        pipeline=PipelineReader(
            SERVICE, platform.database, platform.redis, [consumers.STREAM], store.positions
        ),
        watches=platform.watches(outbox.STREAM),
        shared=shared_reads(reads.homes),
    )


def access_servicer(
    platform: Platform, settings: Settings, programs: ProgramHandlers, now: Callable[[], datetime]
) -> AccessServicer:
    """The servicer of reveals with its handlers."""
    return AccessServicer(
        RevealHandlers(
            MembersStore(platform.database),
            programs,
            per_day_max=settings.reveals_per_day_max,
            break_glass_time=timedelta(seconds=settings.break_glass_seconds),
            now=now,
            new_id=new_id,
        )
    )


async def main() -> None:
    """Serve until asked to stop."""
    settings = read_settings(Settings)
    platform = Platform.of(SERVICE, settings)
    await platform.prepare(ensure_indexes)
    store = MembersStore(platform.database)
    benefits = ProgramsClient(settings.benefits_address, tls=platform.certificates)
    programs, queue = ProgramHandlers(store, benefits, now), WriterQueue(settings.intake_waiting_max)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(consumers.STREAM, BenefitsProjection(store).apply)
    platform.calendar(programs.times, Dormancy(store, programs, queue, now))
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    served = servicer(platform, settings, programs, queue)
    server.add(members_pb2_grpc.add_MembersServiceServicer_to_server, served)
    reveals = access_servicer(platform, settings, programs, now)
    server.add(access_pb2_grpc.add_AccessServiceServicer_to_server, reveals)
    await serve(server, settings, platform.work())
    await benefits.close()
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main, ensure_indexes)
