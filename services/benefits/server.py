"""Builds and wires the benefits service; the only file that knows every part of it."""

from functools import partial

from laurel.benefits.v1 import benefits_pb2_grpc
from libs.common.audit.trail import Auditor
from libs.common.clock import now
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES, available
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from services.benefits import consumers, outbox
from services.benefits.clients import MembersClient, ScoringClient
from services.benefits.consumers import MemberEvents
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reads import ReadHandlers
from services.benefits.handlers.verification import VerificationHandlers
from services.benefits.jobs import LEDGER_SUM, LedgerIdentity
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.repository.store import BenefitsStore
from services.benefits.servicer import BenefitsServicer
from services.benefits.settings import Settings

SERVICE = "benefits"


def servicer(platform: Platform, programs: ProgramHandlers) -> BenefitsServicer:
    """The servicer with its handlers."""
    store = BenefitsStore(platform.database)
    return BenefitsServicer(
        programs=programs,
        reads=ReadHandlers(store, programs),
        verification=VerificationHandlers(store),
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
    store = BenefitsStore(platform.database)
    programs = ProgramHandlers(store, now)
    scoring = ScoringClient(settings.scoring_address, tls=platform.certificates)
    members = MembersClient(settings.members_address, tls=platform.certificates)
    decisions = DecisionHandlers(store, programs, scoring, members, now=now, new_id=new_id)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(consumers.STREAM, MemberEvents(decisions, partial(keep_homes, platform.database)).apply)
    leases = Leases(platform.database, [LEDGER_SUM], group="jobs", holder=platform.holder, now=now)
    platform.tasks += [leases.run(), LedgerIdentity(VerificationHandlers(store), leases).run()]
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    server.add(benefits_pb2_grpc.add_BenefitsServiceServicer_to_server, servicer(platform, programs))
    await serve(server, settings, platform.tasks)
    await scoring.close()
    await members.close()
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main)
