"""Builds and wires the scoring service; the only file that knows every part of it."""

import asyncio

import uvloop

from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.observing import observing
from libs.common.rpc.server import RpcServer, stopped
from libs.common.settings import read_settings, starting
from libs.common.telemetry import log, serve_metrics
from services.scoring.handlers import ScoringHandlers
from services.scoring.programs import HeldPrograms
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import Settings

SERVICE = "scoring"


def make_server(settings: Settings) -> RpcServer:
    """The server, not yet serving. Scoring keeps nothing, so it has no database to be down."""
    server = RpcServer(settings)
    handlers = ScoringHandlers(HeldPrograms(settings.programs_held_max))
    server.add(scoring_pb2_grpc.add_ScoringServiceServicer_to_server, ScoringServicer(handlers))
    return server


async def main() -> None:
    """Serve until asked to stop, then let the calls under way end."""
    settings = read_settings(Settings)
    server = make_server(settings)
    serve_metrics(settings.metrics_port, settings.host)
    port = await server.start()
    log("server").info("serving", port=port)
    await stopped()
    await server.drain()


def run() -> None:
    """Run the service on the faster event loop, observed."""
    with starting(SERVICE), observing(SERVICE), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
