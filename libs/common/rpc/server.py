"""gRPC servers, alike in every service: ports, caps, health, reflection and a graceful drain."""

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from libs.common.rpc.edge import Edge, Handler
from libs.common.rpc.open_services import bounded
from libs.common.rpc.peer import Authenticator
from libs.common.rpc.probes import Probes
from libs.common.rpc.shared.carried import AuditReads
from libs.common.rpc.transport import FRAME_BYTES_MAX
from libs.common.rpc.watching import Watching
from libs.common.settings import ServiceSettings
from libs.common.tls import certificates_of, server_credentials
from libs.common.tokens import TokenVerifier

METADATA_BYTES_MAX = 16 * 1024
SETTINGS_READ_SECONDS_MAX = 10
STREAMS_OF_CONNECTION_MAX = 100
"""Of one connection at once; its client keeps calls above that until others have ended.

Streams count that were begun and reset at once, until they are gone. All of them stand in one queue before
anybody's call, which takes a tenth of a millisecond each; above a thousand gRPC cancels calls of anybody.
"""

GARBAGE_SECONDS = 0.5
YOUNG_OBJECTS = 10_000
"""So many are made before some are looked through for garbage, 700 unless set.

A batch is some thousand objects that all end with it, and none of them in a circle.
"""


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
        self,
        settings: ServiceSettings,
        *,
        outages: tuple[type[Exception], ...] = (),
        audit_read: AuditReads | None = None,
    ) -> None:
        """`outages` are the exceptions of a database that is down, answered as UNAVAILABLE."""
        self._settings = settings
        self._verifier = TokenVerifier(settings)
        self._certificates = certificates_of(settings)
        self._watches = Watching(
            watchers_max=settings.watchers_max,
            per_principal_max=settings.watchers_per_principal_max,
            slow_seconds=settings.watcher_slow_seconds,
        )
        self._edge = Edge(
            Authenticator(self._verifier, settings.trust_domain, by_tls=self._certificates is not None),
            outages,
            calls_max=settings.concurrent_calls_max,
            watching=self._watches,
            audit_read=audit_read,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._health = health.aio.HealthServicer()
        self._probes = None
        if settings.probe_port is not None:
            self._probes = Probes(f"{settings.host}:{settings.probe_port}")
        self._names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        self._server = grpc.aio.server(
            # The edge refuses calls, and says when to come back; those that are answered, and whose
            # caller takes no answer, count here alone.
            maximum_concurrent_rpcs=20 * settings.concurrent_calls_max + settings.watchers_max,
            options=[
                ("grpc.max_receive_message_length", settings.message_bytes_max),
                ("grpc.max_metadata_size", METADATA_BYTES_MAX),
                ("grpc.http2.max_frame_size", FRAME_BYTES_MAX),
                ("grpc.max_concurrent_streams", STREAMS_OF_CONNECTION_MAX),
                # Until a client says that it has read these limits, gRPC keeps heads of up to 16 MiB for it.
                ("grpc.http2.settings_timeout", SETTINGS_READ_SECONDS_MAX * 1000),
                # gRPC would let whoever breaks a limit wait for up to a second; a refusal is quick here.
                ("grpc.http.tarpit", 0),
                ("grpc.max_connection_idle_ms", 5 * 60_000),
                # A client that connects anew asks DNS again, and finds the replicas that came since.
                ("grpc.max_connection_age_ms", 1000 * settings.connection_seconds_max),
                ("grpc.max_connection_age_grace_ms", 60_000),
                ("grpc.so_reuseport", 0),
            ],
        )

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve a servicer; `register` is the generated add_…Servicer_to_server."""
        self._names += self._register(register, servicer, self._edge.wrap)

    def _open(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve what is no service of ours, and has no row in the policy table."""
        self._register(register, servicer, lambda _, handler: bounded(handler))

    def _register(
        self,
        register: Callable[[Any, Any], None],
        servicer: object,
        wrap: Callable[[str, Handler], Handler],
    ) -> list[str]:
        """Serve the handlers of a servicer, each wrapped; gives the names of its services."""
        registrar = _Registrar()
        register(servicer, registrar)
        for service, handlers in registrar.handlers.items():
            wrapped = {name: wrap(f"{service}/{name}", handler) for name, handler in handlers.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
        return list(registrar.handlers)

    async def start(self) -> int:
        """Begin to serve, once there are keys to verify tokens with; gives the port."""
        await self._verifier.load()
        self._tasks = [asyncio.create_task(self._verifier.run()), asyncio.create_task(look_for_garbage())]
        self._open(health_pb2_grpc.add_HealthServicer_to_server, self._health)
        reflected = reflection.aio.ReflectionServicer(self._names)
        self._open(reflection_pb2_grpc.add_ServerReflectionServicer_to_server, reflected)
        port = self._listen(f"{self._settings.host}:{self._settings.port}")
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        if self._probes is not None:
            await self._probes.start()
        return port

    def _listen(self, address: str) -> int:
        """Listen by TLS, and without only where the settings allow it: in development on loopback."""
        if self._certificates is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, server_credentials(self._certificates))

    async def drain(self) -> None:
        """Say NOT_SERVING, end the watches, let the calls under way end, then stop."""
        if self._probes is not None:
            self._probes.drain()
        await self._health.enter_graceful_shutdown()
        self._watches.end()
        await self._server.stop(self._settings.drain_seconds)
        if self._probes is not None:
            await self._probes.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def leave_out_of_garbage(young_objects: int = YOUNG_OBJECTS) -> None:
    """Look for garbage when so many more objects are there, and never in what is there by now.

    Modules stay for good; to look through them takes 50 to 100 ms, in which nobody is answered.
    """
    gc.freeze()
    gc.set_threshold(young_objects)


async def look_for_garbage() -> None:
    """Look through young objects for circles, again and again.

    gRPC leaves one for each call, with its head in it. A client that never says that it has read our limits
    may send heads of 16 MiB, and it takes some thousand calls until Python looks by itself.
    """
    while True:
        await asyncio.sleep(GARBAGE_SECONDS)
        gc.collect(1)


async def stopped() -> None:
    """Wait until somebody asks this process to stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    structlog.stdlib.get_logger("rpc").info("draining")
