"""Builds and wires the risk service; the only file that knows every part of it."""

from functools import partial

from laurel.risk.v1 import risk_pb2_grpc
from libs.common.audit.trail import Auditor
from libs.common.clock import now
from libs.common.homes import homes_of, keep_homes
from libs.common.ids import new_id
from libs.common.mongo import OUTAGES
from libs.common.pipeline import PipelineReader
from libs.common.rpc.server import RpcServer
from libs.common.service import Platform, run_service, serve
from libs.common.settings import read_settings
from services.risk import consumers, outbox
from services.risk.consumers import BenefitsEvents, MemberEvents
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.handlers.reports import ReportHandlers
from services.risk.jobs import EXPIRY, ReportExpiry
from services.risk.repository.indexes import ensure_indexes
from services.risk.repository.store import RiskStore
from services.risk.servicer import RiskServicer
from services.risk.settings import Settings
from services.risk.shared_reads import shared_reads

SERVICE = "risk"


def servicer(
    platform: Platform, profiles: ProfileHandlers, reports: ReportHandlers, limits: LimitHandlers
) -> RiskServicer:
    """The servicer with its handlers."""
    positions = RiskStore(platform.database).positions
    return RiskServicer(
        profiles=profiles,
        reports=reports,
        limits=limits,
        pipeline=PipelineReader(
            SERVICE,
            platform.database,
            platform.redis,
            [consumers.STREAM, consumers.BENEFITS_STREAM],
            positions,
        ),
        watches=platform.watches(outbox.STREAM),
        shared=shared_reads(partial(homes_of, platform.database)),
    )


async def main() -> None:
    """Serve until asked to stop."""
    settings = read_settings(Settings)
    platform = Platform.of(SERVICE, settings)
    await platform.prepare(ensure_indexes)
    store = RiskStore(platform.database)
    profiles = ProfileHandlers(store, now)
    reports = ReportHandlers(store, now=now, new_id=new_id)
    limits = LimitHandlers(platform.database, now)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(consumers.STREAM, MemberEvents(profiles, partial(keep_homes, platform.database)).apply)
    platform.consume(consumers.BENEFITS_STREAM, BenefitsEvents(limits).apply)
    platform.tasks.append(ReportExpiry(reports, platform.lease([EXPIRY], group="jobs")).run())
    server = RpcServer(settings, outages=OUTAGES, audit_read=Auditor(platform.database, now).read)
    platform.audit(server)
    server.add(risk_pb2_grpc.add_RiskServiceServicer_to_server, servicer(platform, profiles, reports, limits))
    await serve(server, settings, platform.work())
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main, ensure_indexes)
