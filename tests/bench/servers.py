"""Servers to measure, each a process on a core of its own: `python -m tests.bench.servers KIND FOLDER`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import uvloop

from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from libs.common.observing import observing
from libs.common.rpc.server import RpcServer
from libs.common.settings import ServiceSettings
from services.scoring.held_models import HeldModels
from services.scoring.kernels import Kernels
from services.scoring.server import Registry, make_server
from services.scoring.settings import Settings
from tests.bench.models import KeptModels
from tests.support.services import NO_DATABASE, Keys

# The preset that members are scored by.
PROGRAM = "ecommerce_points"
SERVER_CORE = 0
EMPTY = pb.GetPipelineStatusResponse()


class Empty(members_pb2_grpc.MembersServiceServicer):
    """Answers nothing, at once."""

    async def GetPipelineStatus(
        self, message: pb.GetPipelineStatusRequest, context: Any
    ) -> pb.GetPipelineStatusResponse:
        return EMPTY


def _settings(folder: Path) -> dict[str, Any]:
    keys = Keys(folder / "signing.pem", folder / "keys.json")
    return {"development": True, "port": 0, "metrics_port": 0, "key_set_file": keys.key_set_file}


async def scoring(folder: Path) -> int:
    """Scoring as it is when it has served for some seconds."""
    kernels = Kernels()
    await kernels.compile()
    keys = Keys(folder / "signing.pem", folder / "keys.json")
    kept: dict[str, Any] = {"audit_key_file": keys.audit_key_file, "mongodb_uri": NO_DATABASE}
    settings = Settings(**_settings(folder), **kept)
    server = make_server(settings, kernels, _registry(settings))
    _kept.append(server)
    return await server.start()


def _registry(settings: Settings) -> Registry:
    """A registry that has models for the rows of frames, and needs no database for it."""
    registry = Registry.of(settings)
    store = KeptModels(registry.keeping.database, program_id=PROGRAM)
    held = HeldModels(store, settings.models_held_bytes_max)
    return replace(registry, handlers=replace(registry.handlers, store=store, held=held))


async def empty(folder: Path) -> int:
    """A call that does nothing, inside the edge that every service has."""
    server = RpcServer(ServiceSettings(**_settings(folder)))
    server.add(members_pb2_grpc.add_MembersServiceServicer_to_server, Empty())  # type: ignore[abstract]  # one method is called
    _kept.append(server)
    return await server.start()


async def bare(folder: Path) -> int:
    """The same call on a server with nothing around it."""
    server = grpc.aio.server()
    members_pb2_grpc.add_MembersServiceServicer_to_server(Empty(), server)  # type: ignore[abstract]  # one method is called
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _kept.append(server)
    return port


KINDS: Mapping[str, Callable[[Path], Awaitable[int]]] = {"scoring": scoring, "empty": empty, "bare": bare}
_kept: list[object] = []


async def _main(kind: str, folder: Path) -> None:
    print(await KINDS[kind](folder), flush=True)  # noqa: T201 - for the process that asked
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE % (os.cpu_count() or 1)})
    with observing("bench"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(sys.argv[1], Path(sys.argv[2])))
