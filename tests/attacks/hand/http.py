"""HTTP at the gateway that is none, means two things, or does not end."""

from collections.abc import Iterator

from tests.attacks.graph import JSON
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

QUERY = b'{"query":"{__typename}"}'
LENGTH = f"content-length: {len(QUERY)}\r\n"
CHUNKED = "transfer-encoding: chunked\r\n"
MEGABYTE = 1024 * 1024
LARGE = b" " * (10 * MEGABYTE)
CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
REFUSED = ("400", "400 BAD_REQUEST", "closed")
TOO_LARGE = ("413 BODY_TOO_LARGE",)
OTHER_HOST = ("400 HOST_NOT_ALLOWED", "400")


def cases(world: World) -> Iterator[Case]:
    """Bytes at the port, each over a connection of its own."""
    for name, request in _no_requests().items():
        yield _case(world, name, request, REFUSED)
    for name, (rest, expected) in _doubtful().items():
        yield _case(world, name, _head(world) + rest, expected)
    elsewhere = _head(world).replace(b"/graphql", b"http://evil.example/graphql")
    served = ("200 OK", "404 NOT_FOUND", *OTHER_HOST)
    yield _case(world, "an address as target", elsewhere + LENGTH.encode() + b"\r\n" + QUERY, served)


def _no_requests() -> dict[str, bytes]:
    return {
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 200,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        "an unknown method": b"BREW /graphql HTTP/1.1\r\n\r\n",
        "a line without end": b"POST /" + b"a" * MEGABYTE,
        "a header without end": b"POST /graphql HTTP/1.1\r\nx: " + b"a" * MEGABYTE,
        "headers without end": b"POST /graphql HTTP/1.1\r\n" + b"x: a\r\n" * (MEGABYTE // 6),
    }


def _doubtful() -> dict[str, tuple[bytes, tuple[str, ...]]]:
    """What comes after a good head, and what is right to answer."""
    texts = {
        "a length that is no number": "content-length: 1e3\r\n",
        "a length below zero": "content-length: -1\r\n",
        "two lengths": f"{LENGTH}content-length: 3\r\n",
        "an unknown coding": "transfer-encoding: chunked, x\r\n",
        "NUL in a header": f"{LENGTH}x: a\x00b\r\n",
    }
    found = {name: (f"{text}\r\n".encode() + QUERY, REFUSED) for name, text in texts.items()}
    return found | {
        "a length and chunks": (f"{LENGTH}{CHUNKED}\r\n0\r\n\r\n".encode(), REFUSED),
        "a chunk of no size": (f"{CHUNKED}\r\nzz\r\n".encode(), REFUSED),
        "two hosts": (f"host: evil.example\r\n{LENGTH}\r\n".encode() + QUERY, OTHER_HOST),
        "a header over two lines": (f"x: a\r\n b\r\n{LENGTH}\r\n".encode() + QUERY, (*REFUSED, "200 OK")),
        "ten megabytes": (f"content-length: {len(LARGE)}\r\n\r\n".encode() + LARGE, TOO_LARGE),
        "ten megabytes of chunks": (f"{CHUNKED}\r\n".encode() + CHUNK * 160, TOO_LARGE),
    }


def _head(world: World) -> bytes:
    host = f"host: {world.graph.host}:{world.graph.port}\r\n"
    bearer = f"authorization: Bearer {world.stranger()}\r\n"
    return f"POST /graphql HTTP/1.1\r\n{host}content-type: {JSON}\r\n{bearer}".encode()


def _case(world: World, name: str, request: bytes, expected: tuple[str, ...]) -> Case:
    async def ask(_: int) -> Answer:
        return await world.graph.send(request)

    return Case("http", name, ask, expected)
