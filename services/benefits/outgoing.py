"""Requests to addresses outside that others have chosen: to public ones and no others, and short."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.name
import h11

from services.benefits.domain.addresses import Address, Network, Target, may_connect, target_of
from services.benefits.domain.errors import EndpointRefused
from services.benefits.domain.webhooks import Answer, Failure

SECONDS = 5.0
RESOLVE_SECONDS = 3.0
CONNECT_SECONDS = 2.0
ADDRESSES_TRIED = 3
ANSWER_BYTES_MAX = 64 * 1024
HEAD_BYTES_MAX = 16 * 1024
READ_BYTES = 8 * 1024

Resolve = Callable[[str], Awaitable[Sequence[Address]]]


class NameUnknown(Exception):
    """A host's name has no address."""


class AddressRefused(Exception):
    """A host's name leads to an address that nothing is sent to."""


async def resolve(name: str) -> Sequence[Address]:
    """The addresses of a full DNS name, those of IPv4 first, or NameUnknown.

    Asked of the machine's name servers and nothing else: its hosts file and
    search domains would know more than the public does, and its own resolver
    would hold a thread for as long as a slow name server likes.
    """
    full, found = dns.name.from_text(name), []
    try:
        resolver = dns.asyncresolver.Resolver()
    except dns.exception.DNSException as error:
        raise NameUnknown(name) from error
    answers = await asyncio.gather(
        *(resolver.resolve(full, kind, lifetime=RESOLVE_SECONDS) for kind in ("A", "AAAA")),
        return_exceptions=True,
    )
    for answer in answers:
        if isinstance(answer, BaseException):
            if not isinstance(answer, dns.exception.DNSException):
                raise answer
        else:
            found += [ipaddress.ip_address(record.address) for record in answer]
    if not found:
        raise NameUnknown(name)
    return found


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the machine's authorities, and those of a file beside them."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts JSON to a URL, knowing of the outside only what is given here.

    A name is resolved once, its addresses are looked at, and one of them is
    connected to: no second look-up can lead elsewhere. No redirect is
    followed, no proxy asked, no more of an answer read than needed.
    """

    tls: ssl.SSLContext
    now: Callable[[], datetime]
    resolve: Resolve = resolve
    loopback: bool = False
    denied: tuple[Network, ...] = ()
    seconds: float = SECONDS

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and tell what came of it, within a few seconds."""
        reading: _Reading | None = None
        try:
            async with asyncio.timeout(self.seconds):
                target = target_of(url, loopback=self.loopback)
                reader, writer = await self._connect(target, await self._addresses(target))
                try:
                    reading = _Reading(reader)
                    await reading.ask(writer, _request(target, headers, body), body)
                finally:
                    writer.transport.abort()
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
            if reading is None or reading.status == 0:
                return Answer(failure=failure)
        return Answer.of(reading.status, reading.retry_after, self.now())

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """The addresses of a host, all of which may be connected to."""
        if target.is_loopback:
            return [ipaddress.ip_address("::1" if target.host == "[::1]" else "127.0.0.1")]
        found = await self.resolve(target.host)
        if not all(may_connect(each, loopback=self.loopback, denied=self.denied) for each in found):
            raise AddressRefused(target.host)
        return found[:ADDRESSES_TRIED]

    async def _connect(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first address that takes one; the certificate must be the name's."""
        https = target.scheme == "https"
        tls, name = (self.tls, target.host.strip("[]")) if https else (None, None)
        *before, last = addresses
        for address in before:
            with suppress(OSError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        str(address), target.port, ssl=tls, server_hostname=name
                    )
        return await asyncio.open_connection(str(last), target.port, ssl=tls, server_hostname=name)


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> h11.Request:
    return h11.Request(
        method="POST",
        target=target.path,
        headers=[
            ("Host", target.authority),
            ("User-Agent", "Laurel-Webhooks/1"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            *headers.items(),
        ],
    )


class _Reading:
    """One request and its answer, of which the status decides.

    What comes behind it is read, up to a bound, so that the receiver is not
    cut off, and forgotten.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self._read = reader, 0
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self.status = 0
        self.retry_after = ""

    async def ask(self, writer: asyncio.StreamWriter, request: h11.Request, body: bytes) -> None:
        for part in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(self._connection.send(part) or b"")
        await writer.drain()
        while isinstance(event := await self._next(), h11.InformationalResponse):
            continue
        assert isinstance(event, h11.Response), "an answer begins so, or there is none"
        headers = dict(event.headers)
        self.status, self.retry_after = event.status_code, headers.get(b"retry-after", b"").decode("latin-1")
        while isinstance(await self._next(), h11.Data):
            continue

    async def _next(self) -> object:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            if self._read >= ANSWER_BYTES_MAX:
                raise h11.RemoteProtocolError("more bytes than are read")
            data = await self._reader.read(READ_BYTES)
            if not data and not self.status:
                raise ConnectionResetError("the connection ended before an answer")
            self._read += len(data)
            self._connection.receive_data(data)
        return event


def _failure(error: Exception) -> Failure | None:
    """What an exception means to the receiver; None for a defect of ours."""
    match error:
        case EndpointRefused() | AddressRefused():
            return Failure.ADDRESS_REFUSED
        case NameUnknown():
            return Failure.NAME_UNKNOWN
        case TimeoutError():
            return Failure.TIMEOUT
        case ssl.SSLError():
            return Failure.TLS_FAILED
        case ConnectionRefusedError():
            return Failure.CONNECTION_REFUSED
        case OSError():
            return Failure.CONNECTION_BROKEN
        case h11.RemoteProtocolError():
            return Failure.ANSWER_INVALID
    return None
