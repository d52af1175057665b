"""What Kubernetes probes: gRPC's health service alone, on a port of its own, as probes speak no TLS."""

from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from libs.common.rpc.open_services import bounded

# Whether the process answers at all, and whether it wants calls. Neither asks a database: one that is down
# is the same for every replica, so restarting them or taking them all away would help nobody.
LIVENESS, READINESS = "liveness", "readiness"
CALLS_MAX = 20
REQUEST_BYTES_MAX = 1024


class Probes:
    """Answers health checks of these two names, and nothing else."""

    def __init__(self, address: str) -> None:
        self._serving = {LIVENESS: True, READINESS: True}
        self._address = address
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=CALLS_MAX,
            options=[
                ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
                ("grpc.max_metadata_size", REQUEST_BYTES_MAX),
                ("grpc.http.tarpit", 0),
                ("grpc.max_connection_idle_ms", 60_000),
                ("grpc.so_reuseport", 0),
            ],
        )
        check = grpc.unary_unary_rpc_method_handler(
            self._check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
        )
        handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": bounded(check)})
        self._server.add_generic_rpc_handlers((handler,))

    async def start(self) -> int:
        """Begin to answer; gives the port."""
        port = self._server.add_insecure_port(self._address)
        await self._server.start()
        return port

    def drain(self) -> None:
        """Want no more calls."""
        self._serving[READINESS] = False

    async def stop(self) -> None:
        """Answer no more."""
        await self._server.stop(0)

    async def _check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        serving = self._serving.get(request.service)
        if serving is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"probe {LIVENESS} or {READINESS}")
        return HealthCheckResponse(
            status=HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        )
