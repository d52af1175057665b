"""gRPC servers, alike in every service: ports, caps, health, reflection and a graceful drain."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from libs.common.rpc.edge import Edge, Handler
from libs.common.settings import ServiceSettings
from libs.common.tokens import TokenVerifier

METADATA_BYTES_MAX = 16 * 1024


class _Registrar:
    """Stands in for a server while generated code registers a servicer, so that handlers can be wrapped."""

    def __init__(self) -> None:
        self.handlers: dict[str, dict[str, Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """The generated code says the same twice; the registered handlers carry all we need."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Handler]) -> None:
        self.handlers[service] = handlers


class RpcServer:
    """A gRPC server with health, reflection, caps and a graceful drain."""

    def __init__(
        self, settings: ServiceSettings, verifier: TokenVerifier, *, outages: tuple[type[Exception], ...] = ()
    ) -> None:
        """`outages` are the exceptions of a database that is down, answered as UNAVAILABLE."""
        self._settings = settings
        self._edge = Edge(verifier, outages)
        self._health = health.aio.HealthServicer()
        self._names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=settings.concurrent_calls_max,
            options=[
                ("grpc.max_receive_message_length", settings.message_bytes_max),
                ("grpc.max_metadata_size", METADATA_BYTES_MAX),
                ("grpc.max_connection_idle_ms", 5 * 60_000),
                ("grpc.max_connection_age_ms", 30 * 60_000),
                ("grpc.max_connection_age_grace_ms", 60_000),
                ("grpc.so_reuseport", 0),
            ],
        )

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve a servicer; `register` is the generated add_…Servicer_to_server."""
        registrar = _Registrar()
        register(servicer, registrar)
        for service, handlers in registrar.handlers.items():
            wrapped = {
                name: self._edge.wrap(f"{service}/{name}", handler) for name, handler in handlers.items()
            }
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
            self._names.append(service)

    async def start(self) -> int:
        """Begin to serve; gives the port."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(self._names, self._server)
        port = self._server.add_insecure_port(f"{self._settings.host}:{self._settings.port}")
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def drain(self) -> None:
        """Say NOT_SERVING, let the calls under way end, then stop."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.drain_seconds)


async def stopped() -> None:
    """Wait until somebody asks this process to stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    structlog.stdlib.get_logger("rpc").info("draining")
