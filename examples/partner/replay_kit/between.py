"""Stands between a partner's client and the services, with a certificate for each end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from examples.partner.replay_kit.kit import Kit, Upstream
from examples.partner.replay_kit.wire import HOST, Wire

BYTES_MAX = 16 * 1024 * 1024


class Everything(grpc.GenericRpcHandler):
    """Serves whatever method is called, as bytes."""

    def __init__(self, kit: Kit, upstream: Upstream) -> None:
        self._kit, self._upstream = kit, upstream

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        serve: Any = partial(self._kit.serve, self._upstream, handler_call_details.method)
        return grpc.stream_stream_rpc_method_handler(serve)


@asynccontextmanager
async def between(
    services: Mapping[str, str], kit: Kit, *, tls: Path, partner: str
) -> AsyncIterator[dict[str, str]]:
    """Stand between a partner and these services; gives the address to call each at instead.

    `tls` is the folder of a development platform: the kit shows a client the certificate of the service that
    it stands for, and the service that of the partner.
    """
    async with AsyncExitStack() as stack:
        yield {
            service: await stack.enter_async_context(_before(service, address, kit, tls=tls, partner=partner))
            for service, address in services.items()
        }
        await kit.finished()


@asynccontextmanager
async def _before(service: str, address: str, kit: Kit, *, tls: Path, partner: str) -> AsyncIterator[str]:
    authority = (tls / "ca.pem").read_bytes()
    shown = grpc.ssl_channel_credentials(authority, *key_and_certificate(tls / "partners" / partner))
    demanded = grpc.ssl_server_credentials(
        [key_and_certificate(tls / service)], authority, require_client_auth=True
    )
    limit = ("grpc.max_receive_message_length", BYTES_MAX)
    options = [("grpc.ssl_target_name_override", service), ("grpc.enable_retries", 0), limit]
    async with grpc.aio.secure_channel(address, shown, options=options) as channel:
        server = grpc.aio.server(options=[limit])
        upstream = Upstream(channel, Wire(server.add_secure_port(f"{HOST}:0", demanded)))
        server.add_generic_rpc_handlers([Everything(kit, upstream)])
        await server.start()
        async with upstream.wire.listening() as ours:
            yield ours
        await server.stop(grace=0)


def key_and_certificate(stem: Path) -> tuple[bytes, bytes]:
    """What was issued under a name."""
    return Path(f"{stem}.key").read_bytes(), Path(f"{stem}.pem").read_bytes()
