"""Builds and wires the scoring service; the only file that knows every part of it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import uvloop

from laurel.scoring.v1 import explanations_pb2_grpc, scoring_pb2_grpc, walks_pb2_grpc
from libs.common.observing import observing
from libs.common.rpc.server import RpcServer, leave_out_of_garbage, stopped
from libs.common.settings import read_settings, starting
from libs.common.telemetry import log, serve_metrics
from services.scoring.explaining import ExplainingHandlers
from services.scoring.explanation_servicer import ExplanationServicer
from services.scoring.handlers import ScoringHandlers
from services.scoring.kernels import Kernels
from services.scoring.memory import keep_memory_of_frames
from services.scoring.programs import HeldPrograms
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import Settings
from services.scoring.shared_reads import shared_reads
from services.scoring.walk_servicer import WalkServicer
from services.scoring.walking import WalkingHandlers

SERVICE = "scoring"


def make_server(settings: Settings, kernels: Kernels | None = None) -> RpcServer:
    """The server, not yet serving. Scoring keeps nothing, so it has no database to be down."""
    keep_memory_of_frames()
    server = RpcServer(settings)
    threads = ThreadPoolExecutor(settings.frame_threads, thread_name_prefix="frames")
    programs = HeldPrograms(settings.programs_held_max)
    handlers = ScoringHandlers(programs, kernels or Kernels(), threads)
    served = ScoringServicer(handlers, shared_reads())
    server.add(scoring_pb2_grpc.add_ScoringServiceServicer_to_server, served)
    server.add(
        explanations_pb2_grpc.add_ExplanationServiceServicer_to_server,
        ExplanationServicer(ExplainingHandlers(programs)),
    )
    server.add(walks_pb2_grpc.add_WalkServiceServicer_to_server, WalkServicer(WalkingHandlers(programs)))
    return server


async def main() -> None:
    """Serve until asked to stop, then let the calls under way end."""
    settings = read_settings(Settings)
    kernels = Kernels()
    server = make_server(settings, kernels)
    serve_metrics(settings.metrics_port, settings.host)
    port = await server.start()
    leave_out_of_garbage()
    log("server").info("serving", port=port)
    compiling = asyncio.create_task(kernels.compile())
    await stopped()
    await server.drain()
    await compiling


def run() -> None:
    """Run the service on the faster event loop, observed."""
    with starting(SERVICE), observing(SERVICE), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
