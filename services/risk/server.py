"""Builds and wires the risk service; the only file that knows every part of it."""

from laurel.risk.v1 import risk_pb2_grpc
from libs.common.clock import now
from libs.common.mongo import available
from libs.common.pipeline import PipelineReader
from libs.common.service import Platform, rpc_server, run_service, serve
from services.risk import consumers, outbox
from services.risk.consumers import MemberEvents
from services.risk.handlers import ProfileHandlers
from services.risk.repository import RiskStore, ensure_indexes
from services.risk.servicer import RiskServicer
from services.risk.settings import Settings

SERVICE = "risk"


def servicer(platform: Platform, profiles: ProfileHandlers) -> RiskServicer:
    """The servicer with its handlers."""
    positions = RiskStore(platform.database).positions
    return RiskServicer(
        profiles=profiles,
        pipeline=PipelineReader(SERVICE, platform.database, platform.redis, [consumers.STREAM], positions),
    )


async def main() -> None:
    """Serve until asked to stop."""
    settings = Settings()
    platform = Platform.of(SERVICE, settings)
    await available(platform.database.client)
    await ensure_indexes(platform.database)
    profiles = ProfileHandlers(RiskStore(platform.database), now)
    platform.relay(outbox.STREAM, outbox.READERS)
    platform.consume(consumers.STREAM, MemberEvents(profiles).apply)
    server = rpc_server(settings)
    server.add(risk_pb2_grpc.add_RiskServiceServicer_to_server, servicer(platform, profiles))
    await serve(server, settings, platform.tasks)
    await platform.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main)
