"""Builds and wires the scoring service; the only file that knows every part of it."""

import asyncio

import uvloop

from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.clock import now
from libs.common.rpc.server import RpcServer, stopped
from libs.common.telemetry import configure_logs, log, serve_metrics
from libs.common.tokens import TokenVerifier
from services.scoring.handlers import ScoringHandlers
from services.scoring.programs import HeldPrograms
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import Settings

SERVICE = "scoring"


def make_server(settings: Settings) -> RpcServer:
    """The server, not yet serving. Scoring keeps nothing, so it has no database to be down."""
    verifier = TokenVerifier(settings.key_set_file, ttl_max=settings.token_ttl_max, now=now)
    server = RpcServer(settings, verifier)
    handlers = ScoringHandlers(HeldPrograms(settings.programs_held_max))
    server.add(scoring_pb2_grpc.add_ScoringServiceServicer_to_server, ScoringServicer(handlers))
    return server


async def main() -> None:
    """Serve until asked to stop, then let the calls under way end."""
    settings = Settings()
    server = make_server(settings)
    serve_metrics(settings.metrics_port, settings.host)
    port = await server.start()
    log("server").info("serving", port=port)
    await stopped()
    await server.drain()


def run() -> None:
    """Run the service on the faster event loop."""
    configure_logs(SERVICE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
