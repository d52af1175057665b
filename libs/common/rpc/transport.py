"""How calls travel: by mutual TLS, or in plain text on this machine."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from libs.common.settings import ConfigurationError, is_loopback
from libs.common.tls import Certificates, client_credentials

CALLS_END_SECONDS = 3600.0
FRAME_BYTES_MAX = 1024 * 1024
"""Of HTTP/2, in which messages are cut: in its usual parts of 16 KiB, large ones take a third longer."""

Options = Sequence[tuple[str, str | int]]
Interceptors = Sequence[grpc.aio.ClientInterceptor]


def area(service: ServiceDescriptor) -> str:
    """The service that a contract is of: `laurel.members.v1.MembersService` is served by members."""
    return service.full_name.split(".")[1]


def plain_channel(target: str, options: Options = (), interceptors: Interceptors = ()) -> grpc.aio.Channel:
    """A channel without TLS, which never leaves this machine."""
    if not is_loopback(target.rpartition(":")[0]):
        raise ConfigurationError(
            f"{target} is not on this machine, so it is called by TLS only: set LAUREL_TLS_CERTIFICATE_FILE, "
            "LAUREL_TLS_KEY_FILE and LAUREL_TLS_CA_FILE"
        )
    return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)


def tls_channel(
    target: str,
    server: str,
    certificates: Certificates,
    options: Options = (),
    interceptors: Interceptors = (),
) -> grpc.aio.Channel:
    """A channel that shows our certificate, to a server whose certificate has this name."""
    named = [*options, ("grpc.ssl_target_name_override", server)]

    def opened(credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(target, credentials, options=named, interceptors=interceptors)

    return RenewedChannel(certificates, opened)


class RenewedChannel(grpc.aio.Channel):
    """A channel that is opened anew when our certificate was renewed; calls under way end on the old one.

    gRPC's own channels show the certificate of their first connection for ever.
    """

    def __init__(
        self, certificates: Certificates, open_channel: Callable[[grpc.ChannelCredentials], grpc.aio.Channel]
    ) -> None:
        self._certificates, self._open = certificates, open_channel
        self._pem = certificates.current()
        self._channel = open_channel(client_credentials(self._pem))
        self._retired: dict[asyncio.Task[None], grpc.aio.Channel] = {}

    def current(self) -> grpc.aio.Channel:
        """The channel that shows our present certificate."""
        pem = self._certificates.current()
        if pem is not self._pem:
            self._retire(self._channel)
            self._channel, self._pem = self._open(client_credentials(pem)), pem
        return self._channel

    def _retire(self, channel: grpc.aio.Channel) -> None:
        closing = asyncio.ensure_future(channel.close(CALLS_END_SECONDS))
        self._retired[closing] = channel
        closing.add_done_callback(self._retired.pop)

    async def close(self, grace: float | None = None) -> None:
        retired = dict(self._retired)
        for closing in retired:
            closing.cancel()
        await asyncio.gather(*(channel.close(grace) for channel in (*retired.values(), self._channel)))

    async def __aenter__(self) -> "RenewedChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.current().channel_ready()

    def unary_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(self, "unary_unary", method, options)

    def unary_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self, "unary_stream", method, options)

    def stream_unary(self, *method: Any, **options: Any) -> Any:
        return _Method(self, "stream_unary", method, options)

    def stream_stream(self, *method: Any, **options: Any) -> Any:
        return _Method(self, "stream_stream", method, options)


class _Method:
    """One method, called on whichever channel is the present one."""

    def __init__(self, channel: RenewedChannel, kind: str, method: Any, options: Any) -> None:
        self._channel, self._kind, self._method, self._options = channel, kind, method, options
        self._of: grpc.aio.Channel | None = None

    def __call__(self, *request: Any, **options: Any) -> Any:
        channel = self._channel.current()
        if channel is not self._of:
            self._of = channel
            self._call = getattr(channel, self._kind)(*self._method, **self._options)
        return self._call(*request, **options)
