"""Builds and wires the members service; the only file that knows every part of it."""

from laurel.members.v1 import members_pb2_grpc
from libs.common.audit.trail import Auditor
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import OUTAGES, available
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from services.members import consumers, outbox
from services.members.clients import ProgramsClient
from services.members.consumers import TierProjection
from services.members.handlers.intake import IntakeHandlers, IntakeQueue
from services.members.handlers.programs import ProgramHandlers, Programs
from services.members.handlers.reads import ReadHandlers
from services.members.repository.indexes import ensure_indexes
from services.members.repository.store import MembersStore
from services.members.servicer import MembersServicer
from services.members.settings import Settings

SERVICE = "members"


def servicer(platform: Platform, settings: Settings, programs: Programs) -> MembersServicer:
    """The servicer with its handlers."""
    store = MembersStore(platform.database)
    program_handlers = ProgramHandlers(store, programs, now)
    intake = IntakeHandlers(
        store,
        program_handlers,
        queue=IntakeQueue(settings.intake_waiting_max),
        outbox_unsent_max=settings.outbox_unsent_max,
        now=now,
        new_id=new_id,
    )
    return MembersServicer(
        programs=program_handlers,
        intake=intake,
        reads=ReadHandlers(store, program_handlers, now),
        pipeline=PipelineReader(
            SERVICE, platform.database, platform.redis, [consumers.STREAM], store.positions
        ),
    )


async def main() -> None:
    """Serve until asked to stop."""
    settings = read_settings(Settings)
    platform = Platform.of(SERVICE, settings)
    await available(platform.database.client)
    await ensure_indexes(platform.database)
    programs = ProgramsClient(settings.benefits_address, tls=platform.certificates)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(consumers.STREAM, TierProjection(MembersStore(platform.database)).apply)
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    server.add(members_pb2_grpc.add_MembersServiceServicer_to_server, servicer(platform, settings, programs))
    await serve(server, settings, platform.tasks)
    await programs.close()
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main)
