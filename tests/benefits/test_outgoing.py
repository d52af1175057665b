"""Requests outside, to real receivers: what is sent, what counts, and whom nobody makes us talk to."""

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rrset
import pytest
import trustme

from libs.cli.ports import Ports
from libs.common.clock import now
from services.benefits.domain.addresses import Address
from services.benefits.domain.webhooks import Answer, Failure
from services.benefits.outgoing import ANSWER_BYTES_MAX, NameUnknown, Poster, resolve, tls_context
from tests.benefits.receivers import Connection, Serve, answering, receiving

NAME = "hooks.example.com"
BODY = b'{"type":"notice.wake_up"}'


@dataclass
class Resolver:
    """Answers what it is told to, another thing each time; the last again and again."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, name: str) -> Sequence[Address]:
        self.asked.append(name)
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not found:
            raise NameUnknown(name)
        return [ipaddress.ip_address(each) for each in found]


def a_poster(
    *answers: list[str], loopback: bool = True, ca_file: Path | None = None, seconds: float = 5.0
) -> tuple[Poster, Resolver]:
    """A poster whose names lead where a test wants."""
    resolver = Resolver(list(answers) or [["127.0.0.1"]])
    poster = Poster(tls=tls_context(ca_file), now=now, resolve=resolver, loopback=loopback, seconds=seconds)
    return poster, resolver


async def post(url: str, *, seconds: float = 5.0) -> Answer:
    poster, _ = a_poster(seconds=seconds)
    return await poster.post(url, {"webhook-id": "dlv_1"}, BODY)


async def test_a_request_is_one_post_with_our_headers_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/")
    async with receiving(answering(204)) as receiver:
        answer = await post(receiver.url("/hook?key=1"))

    (request,) = receiver.received
    assert answer == Answer(204)
    assert (request.head, request.body) == ("POST /hook?key=1 HTTP/1.1", BODY)
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "Laurel-Webhooks/1",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "connection": "close",
        "webhook-id": "dlv_1",
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with (
        receiving(answering(200)) as inside,
        receiving(answering(status, f"Location: {inside.url()}")) as receiver,
    ):
        answer = await post(receiver.url())

    assert answer == Answer(status, Failure.REDIRECTED)
    assert inside.received == []


async def test_a_receiver_says_when_to_come_again() -> None:
    async with receiving(answering(429, "Retry-After: 90")) as receiver:
        answer = await post(receiver.url())

    assert (answer.http_status, answer.retry_after.total_seconds()) == (429, 90)


async def silent(connection: Connection) -> None:
    await connection.read()
    await connection.reader.read()


async def dripping(connection: Connection) -> None:
    await connection.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await connection.write(b"X: y\r\n")
        await asyncio.sleep(0.05)


async def deaf(connection: Connection) -> None:
    await asyncio.sleep(30)


@pytest.mark.parametrize("serve", [silent, dripping, deaf], ids=lambda each: each.__name__)
async def test_who_does_not_answer_in_time_is_left(serve: Serve) -> None:
    started = time.monotonic()
    async with receiving(serve) as receiver:
        answer = await post(receiver.url(), seconds=0.3)

    assert answer == Answer(failure=Failure.TIMEOUT)
    assert time.monotonic() - started < 5


async def hanging_up(connection: Connection) -> None:
    await connection.read()


async def resetting(connection: Connection) -> None:
    connection.writer.transport.abort()


async def babbling(connection: Connection) -> None:
    await connection.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await connection.reader.read()


async def boasting(connection: Connection) -> None:
    await connection.read()
    await connection.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000)


async def informing(connection: Connection) -> None:
    await connection.read()
    while True:
        await connection.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


@pytest.mark.parametrize(
    ("serve", "failure"),
    [
        (hanging_up, Failure.CONNECTION_BROKEN),
        (resetting, Failure.CONNECTION_BROKEN),
        (babbling, Failure.ANSWER_INVALID),
        (boasting, Failure.ANSWER_INVALID),
        (informing, Failure.ANSWER_INVALID),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
async def test_what_is_no_answer_is_told_as_what_it_is(serve: Serve, failure: Failure) -> None:
    async with receiving(serve) as receiver:
        assert await post(receiver.url()) == Answer(failure=failure)


async def test_a_port_where_nobody_listens_refuses() -> None:
    with Ports() as ports:
        assert await post(f"http://127.0.0.1:{ports.any()}/") == Answer(failure=Failure.CONNECTION_REFUSED)


async def test_of_an_endless_answer_the_status_counts_and_little_is_read() -> None:
    written = 0

    async def endless(connection: Connection) -> None:
        nonlocal written
        await connection.read()
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
            written += 0x2000

    async with receiving(endless) as receiver:
        answer = await post(receiver.url())

    assert answer == Answer(200)
    assert written < ANSWER_BYTES_MAX + 16 * 1024 * 1024  # and what the kernel buffers


async def test_of_an_answer_that_does_not_end_the_status_counts_when_time_is_up() -> None:
    async def stalling(connection: Connection) -> None:
        await connection.read()
        await connection.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nab")
        await asyncio.sleep(30)

    async with receiving(stalling) as receiver:
        assert await post(receiver.url(), seconds=0.3) == Answer(202)


# Whom we talk to.


@pytest.mark.parametrize("private", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1", "64:ff9b::7f00:1"])
async def test_a_name_that_leads_to_us_is_refused_although_others_of_its_addresses_do_not(
    private: str,
) -> None:
    async with receiving(answering(200)) as receiver:
        poster, resolver = a_poster(["93.184.215.14", private], loopback=False)
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(failure=Failure.ADDRESS_REFUSED)
    assert resolver.asked == [NAME]
    assert receiver.received == []


async def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with (
        receiving(answering(200), host="127.0.0.2", tls=a_tls(authority, NAME)) as receiver,
        receiving(answering(200), port=receiver.port, tls=a_tls(authority, NAME)) as inside,
    ):
        poster, resolver = a_poster(["127.0.0.2"], ["127.0.0.1"], ca_file=tmp_path / "ca.pem")
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(200)
    assert (len(receiver.received), len(inside.received), resolver.asked) == (1, 0, [NAME])


async def test_a_name_that_was_public_is_refused_as_soon_as_it_is_not() -> None:
    poster, resolver = a_poster(["10.0.0.1"], loopback=False)

    answers = [await poster.post(f"https://{NAME}/", {}, BODY) for _ in range(2)]

    assert answers == [Answer(failure=Failure.ADDRESS_REFUSED)] * 2
    assert len(resolver.asked) == 2


async def test_the_next_address_is_tried_where_the_first_does_not_answer(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with receiving(answering(200), host="127.0.0.2", tls=a_tls(authority, NAME)) as receiver:
        poster, _ = a_poster(["127.0.0.3", "127.0.0.2"], ca_file=tmp_path / "ca.pem")
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(200)


async def test_a_name_without_an_address_is_told_as_that() -> None:
    poster, _ = a_poster([])

    assert await poster.post(f"https://{NAME}/", {}, BODY) == Answer(failure=Failure.NAME_UNKNOWN)


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://[::1]/", "file:///"]
)
async def test_what_may_not_be_an_endpoint_is_not_sent_to_even_if_it_is_stored(url: str) -> None:
    poster, resolver = a_poster(loopback=False)

    assert await poster.post(url, {}, BODY) == Answer(failure=Failure.ADDRESS_REFUSED)
    assert resolver.asked == []


# With whom we believe to talk.


def a_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """The TLS of a receiver with a certificate for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_is_for_the_name_of_the_url(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with receiving(answering(200), tls=a_tls(authority, NAME)) as receiver:
        poster, _ = a_poster(ca_file=tmp_path / "ca.pem")
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(200)
    assert receiver.names == [NAME]
    assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize("whose", ["another name", "another authority"])
async def test_a_certificate_that_is_not_the_hosts_is_not_believed(tmp_path: Path, whose: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = a_tls(authority, "other.example.com") if whose == "another name" else a_tls(trustme.CA(), NAME)
    async with receiving(answering(200), tls=tls) as receiver:
        poster, _ = a_poster(ca_file=tmp_path / "ca.pem")
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(failure=Failure.TLS_FAILED)
    assert receiver.received == []


async def test_who_speaks_no_tls_is_not_spoken_to() -> None:
    async with receiving(babbling) as receiver:
        poster, _ = a_poster()
        answer = await poster.post(f"https://{NAME}:{receiver.port}/", {}, BODY)

    assert answer == Answer(failure=Failure.TLS_FAILED)


# How names are looked up.


class NameServer(asyncio.DatagramProtocol):
    """Knows some records, and remembers what it was asked for."""

    def __init__(self, records: dict[tuple[str, str], list[str]]) -> None:
        self._records = records
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(name)
        answer = dns.message.make_response(query)
        if found := self._records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        self._transport.sendto(answer.to_wire(), addr)


async def asked(
    records: dict[tuple[str, str], list[str]], name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], list[str]]:
    """The addresses that a name server's records lead to, and the names it was asked for."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(records), local_addr=("127.0.0.1", 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    resolver.search = [dns.name.from_text("svc.cluster.local.")]
    monkeypatch.setattr("dns.asyncresolver.Resolver", lambda: resolver)
    try:
        return [str(each) for each in await resolve(name)], server.asked
    finally:
        transport.close()


async def test_a_name_has_the_addresses_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    records = {(f"{NAME}.", "A"): ["93.184.215.14"], (f"{NAME}.", "AAAA"): ["2606:4700::1111"]}

    found, _ = await asked(records, NAME, monkeypatch)

    assert found == ["93.184.215.14", "2606:4700::1111"]


async def test_a_name_with_addresses_of_one_kind_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = await asked({(f"{NAME}.", "AAAA"): ["2606:4700::1111"]}, NAME, monkeypatch)

    assert found == ["2606:4700::1111"]


async def test_no_search_domain_makes_another_name_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    records = {("kubernetes.default.svc.cluster.local.", "A"): ["10.96.0.1"]}

    with pytest.raises(NameUnknown):
        await asked(records, "kubernetes.default", monkeypatch)


async def test_without_a_name_server_no_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Callable[[], None]:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.asyncresolver.Resolver", missing)

    with pytest.raises(NameUnknown):
        await resolve(NAME)
