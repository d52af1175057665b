"""Who is at the other end: no certificate, a bad one, a good one with another's token or name."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from cryptography import x509
from google.protobuf.descriptor import MethodDescriptor

from libs.cli.certificates import Authority
from libs.common import clock
from libs.common.tls import TlsFiles
from tests.attacks.certificates import DAY, issued, uri
from tests.attacks.contract import valid
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World
from tests.contracts.test_protos import methods

CLOSED, DOWN = "closed", "UNAVAILABLE"
DENIED, UNKNOWN = "PERMISSION_DENIED FORBIDDEN", "UNAUTHENTICATED UNAUTHENTICATED"
READ = next(each for each in methods() if each.name == "BatchGetMembers")
NAMES: dict[str, list[x509.GeneralName]] = {
    "no name": [],
    "a host and no URI": [x509.DNSName("members")],
    "a name of another domain": [uri("spiffe://elsewhere/service/members")],
    "a name of no kind of ours": [uri("spiffe://laurel/nobody/members")],
    "a name that goes on": [uri("spiffe://laurel/service/members/more")],
    "a name with a query": [uri("spiffe://laurel/service/members?x")],
    "a partner of no program": [uri("spiffe://laurel/partner/till")],
    "two names": [uri("spiffe://laurel/service/members"), uri("spiffe://laurel/service/risk")],
    "a name in capitals": [uri("spiffe://laurel/SERVICE/members")],
    "another scheme": [uri("https://laurel/service/members")],
}


def cases(world: World) -> Iterator[Case]:
    """At the members service; all services have the same edge."""
    yield from _handshakes(world)
    yield from _names(world)
    yield from _tokens(world)


def asking(
    world: World,
    name: str,
    caller: Caller,
    *expected: str,
    method: MethodDescriptor = READ,
    server: str = "",
    timed: bool = True,
) -> Case:
    """The case that this caller asks for a member."""

    async def ask(_: int) -> Answer:
        return await world.rpc.ask("members", method, valid(method, world.own), caller, name=server)

    return Case("peers", name, ask, expected=expected, timed=timed)


def _handshakes(world: World) -> Iterator[Case]:
    scratch = world.folder.path / "attacks"
    good = world.caller("partner").files
    partner = uri(f"spiffe://laurel/partner/{world.own.program_id}/{world.own.partner_id}")
    stranger = Authority(scratch / "stranger").partner(
        world.own.program_id, world.own.partner_id, now=clock.now()
    )
    expired = issued(scratch / "expired", ca(world), [partner], now=clock.now(), begin=-9 * DAY, end=-DAY)
    early = issued(scratch / "early", ca(world), [partner], now=clock.now(), begin=DAY, end=9 * DAY)
    for name, files in {
        "no certificate": None,
        "a certificate of another authority": TlsFiles(stranger.certificate, stranger.key, good.authority),
        "an expired certificate": expired,
        "a certificate that is not good yet": early,
    }.items():
        yield Case("peers", f"{name}: TLS", handshake(world, files), expected=(CLOSED,))
    yield asking(
        world, "a server that is another service", Caller(good), DOWN, server="benefits", timed=False
    )


def handshake(world: World, files: TlsFiles | None) -> Callable[[int], Awaitable[Answer]]:
    """Shake hands with this certificate, and say something; TLS 1.3 refuses it only then."""
    context = ssl.create_default_context(cafile=world.caller("partner").files.authority)
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    host, port = world.rpc.address("members").split(":")

    async def ask(_: int) -> Answer:
        started = time.perf_counter()
        said = await _say(host, int(port), context)
        return Answer(CLOSED if not said else "answered", repr(said), seconds=time.perf_counter() - started)

    return ask


async def _say(host: str, port: int, context: ssl.SSLContext) -> bytes:
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="members")
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        async with asyncio.timeout(5):
            return await reader.read(100)
    except (ssl.SSLError, ConnectionError):
        return b""


def _names(world: World) -> Iterator[Case]:
    for number, (name, names) in enumerate(NAMES.items()):
        folder = world.folder.path / "attacks" / f"name{number}"
        caller = Caller(issued(folder, ca(world), names, now=clock.now()))
        yield asking(world, f"a good certificate with {name}", caller, DENIED)


def ca(world: World) -> TlsFiles:
    """The authority's own files, to make what it would never issue."""
    tls: Path = world.folder.tls
    return TlsFiles(tls / "ca.pem", tls / "ca.key", tls / "ca.pem")


def _tokens(world: World) -> Iterator[Case]:
    own, other = world.own, world.other
    files = world.authority.files
    partner = world.caller("partner").files
    rival = world.token("partner", own.rival_id)
    for name, caller, expected in (
        ("a partner with the token of a rival", Caller(partner, rival), DENIED),
        ("a partner with the token of staff", Caller(partner, world.token_of("compliance_officer")), DENIED),
        ("a partner with the token of a member", Caller(partner, world.token_of("member")), DENIED),
        (
            "a partner with its token of another program",
            Caller(partner, world.token("partner", own.partner_id, shop=other)),
            DENIED,
        ),
        ("the operator without a token", Caller(files("operator")), UNKNOWN),
        ("the operator with the token of a partner", Caller(files("operator"), rival), DENIED),
        ("the gateway without a token", Caller(files("gateway")), UNKNOWN),
        ("the gateway with the token of a service", Caller(files("gateway"), _service(world)), DENIED),
        ("a service with the token of staff", Caller(files("risk"), world.token_of("analyst")), DENIED),
        ("a service with the token of a service", Caller(files("risk"), _service(world)), DENIED),
        ("a service with no token at all", Caller(files("risk"), "none"), UNKNOWN),
    ):
        yield asking(world, name, caller, expected)


def _service(world: World) -> str:
    return world.token("service", "members")
