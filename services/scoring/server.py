"""Builds and wires the scoring service; the only file that knows every part of it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pymongo.errors import PyMongoError

from laurel.scoring.v1 import explanations_pb2_grpc, models_pb2_grpc, scoring_pb2_grpc, walks_pb2_grpc
from libs.common.clock import now
from libs.common.mongo import OUTAGES
from libs.common.rpc.server import RpcServer
from libs.common.service import Keeping, database_of, run_service, serve_beside
from libs.common.settings import ConfigurationError, read_settings
from libs.common.telemetry import log
from services.scoring.explaining import ExplainingHandlers
from services.scoring.explanation_servicer import ExplanationServicer
from services.scoring.handlers import ScoringHandlers
from services.scoring.held_models import HeldModels
from services.scoring.kernels import Kernels
from services.scoring.memory import keep_memory_of_frames
from services.scoring.model_servicer import ModelServicer
from services.scoring.programs import HeldPrograms
from services.scoring.registry import RegistryHandlers
from services.scoring.repository.indexes import ensure_indexes
from services.scoring.repository.models import ModelStore
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import Settings
from services.scoring.shared_reads import shared_reads
from services.scoring.walk_servicer import WalkServicer
from services.scoring.walking import WalkingHandlers

SERVICE = "scoring"
PREPARED_AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Registry:
    """The models that are kept, and those that are held of them."""

    keeping: Keeping
    handlers: RegistryHandlers

    @classmethod
    def of(cls, settings: Settings) -> "Registry":
        """The registry in the database of a service; nothing is read or connected yet."""
        keeping = Keeping(SERVICE, settings, database_of(SERVICE, settings))
        store = ModelStore(keeping.database)
        return cls(keeping, RegistryHandlers(store, HeldModels(store, settings.models_held_bytes_max), now))

    async def follow(self) -> None:
        """Have the database prepared, however long it is away, then look which models serve."""
        while True:
            try:
                await self.keeping.prepare(ensure_indexes)
                break
            except (PyMongoError, TimeoutError, ConfigurationError) as error:
                self.handlers.held.is_away = True
                log("models").warning("no registry yet", error=type(error).__name__)
                await asyncio.sleep(PREPARED_AGAIN_SECONDS)
        await self.handlers.held.follow()


def make_server(
    settings: Settings, kernels: Kernels | None = None, registry: Registry | None = None
) -> RpcServer:
    """The server, not yet serving. It scores without its database, which has models and nothing else."""
    keep_memory_of_frames()
    registry = registry or Registry.of(settings)
    server = RpcServer(settings, outages=OUTAGES)
    threads = ThreadPoolExecutor(settings.frame_threads, thread_name_prefix="frames")
    programs = HeldPrograms(settings.programs_held_max)
    handlers = ScoringHandlers(programs, registry.handlers.held, kernels or Kernels(), threads)
    served = ScoringServicer(handlers, shared_reads())
    server.add(scoring_pb2_grpc.add_ScoringServiceServicer_to_server, served)
    server.add(
        explanations_pb2_grpc.add_ExplanationServiceServicer_to_server,
        ExplanationServicer(ExplainingHandlers(programs)),
    )
    server.add(walks_pb2_grpc.add_WalkServiceServicer_to_server, WalkServicer(WalkingHandlers(programs)))
    server.add(models_pb2_grpc.add_ModelServiceServicer_to_server, ModelServicer(registry.handlers))
    return server


async def main() -> None:
    """Serve until asked to stop, then let the calls under way end."""
    settings = read_settings(Settings)
    kernels, registry = Kernels(), Registry.of(settings)
    server = make_server(settings, kernels, registry)
    registry.keeping.audit(server)
    compiling = asyncio.create_task(kernels.compile())
    await serve_beside(server, settings, [registry.follow(), *registry.keeping.work()])
    await compiling
    await registry.keeping.close()


def run() -> None:
    """Run the service."""
    run_service(SERVICE, main, ensure_indexes)
