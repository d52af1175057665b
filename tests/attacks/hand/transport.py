"""What gRPC itself is asked for badly: sizes, paths, headers, times, compression."""

import gzip
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from hyperframe.frame import PingFrame

from tests.attacks.contract import path_of, valid
from tests.attacks.frames import Http2, connected, message_frame, request_head
from tests.attacks.hand.messages import varint
from tests.attacks.hand.peers import READ
from tests.attacks.hand.revocations import CREATE_STORE
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
TOO_LARGE, UNKNOWN_METHOD = "RESOURCE_EXHAUSTED", "UNIMPLEMENTED"
DENIED = "PERMISSION_DENIED"
BROKEN = ("RST_STREAM INTERNAL_ERROR", "RST_STREAM PROTOCOL_ERROR", "GOAWAY PROTOCOL_ERROR", "closed")
# What gRPC itself says to a head that it cannot read, before there is a call of ours.
BY_GRPC = ("told by gRPC",)
WRITE = path_of(CREATE_STORE)

# A busy machine takes its time to unpack 128 MiB before it may say that they are too many.
ANSWERED_SECONDS = 30.0


def cases(world: World) -> Iterator[Case]:
    """At the members service; all services are served alike."""
    yield from _sizes(world)
    yield from _paths(world)
    yield from _raw_paths(world)
    yield from _raw_heads(world)


def _sizes(world: World) -> Iterator[Case]:
    caller = world.caller("partner")
    request = valid(READ, world.own)

    def sized(name: str, payload: bytes, *expected: str, metadata: Any = ()) -> Case:
        async def ask(_: int) -> Answer:
            return await world.rpc.ask("members", READ, payload, caller, metadata=metadata)

        return Case("transport", name, ask, expected)

    content = request.SerializeToString()
    yield sized("a message above the cap", bytes(MESSAGE_BYTES_MAX + 1), TOO_LARGE)
    text = b"\x0a" + varint(3_000_000) + b"x" * 3_000_000
    yield sized("a text of three megabytes", text, "INVALID_ARGUMENT INVALID_REQUEST")
    many = b"\x12\x01m" * 500_000
    yield sized("half a million ids", content + many, "INVALID_ARGUMENT INVALID_REQUEST")
    yield sized("16 KiB of metadata", content, TOO_LARGE, metadata=(("x-large", "x" * 20_000),))
    yield sized(
        "a thousand keys of metadata",
        content,
        TOO_LARGE,
        metadata=tuple((f"x-{number}", "x" * 40) for number in range(1_000)),
    )
    unknown = "UNAUTHENTICATED UNAUTHENTICATED"
    yield sized("two tokens", content, unknown, metadata=(("authorization", "Bearer a"),) * 2)
    yield sized("metadata of bytes", content, "OK", metadata=(("x-bytes-bin", b"\xff\x00\xfe"),))
    yield sized("a trace that is none", content, "OK", metadata=(("traceparent", "00-zz-~-01"),))


def _paths(world: World) -> Iterator[Case]:
    service, method = WRITE.split("/")
    for path in (
        f"/{service}/NoSuchMethod",
        f"/laurel.members.v1.NoSuchService/{method}",
        f"/{service.lower()}/{method}",
        f"/{service}/{method.lower()}",
        f"/{service}/{method}/",
        f"/{service}//{method}",
        f"//{service}/{method}",
        f"/{service}/{method}?x=1",
        f"/x/../{service}/{method}",
        f"/{service}/%43reateStore",
        f"/{method}",
        "/",
    ):
        yield Case("transport", f"the path {path}", _knock(world, path), (UNKNOWN_METHOD,), sent=path)


def _knock(world: World, path: str) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        payload = valid(CREATE_STORE, world.own).SerializeToString()
        return await world.rpc.knock("members", path, payload, world.caller("system_administrator"))

    return ask


def _raw_paths(world: World) -> Iterator[Case]:
    """Paths that gRPC's own clients do not send; none may reach a handler past the table (CVE-2026-33186)."""
    for path in (WRITE, "", "*", f"https://localhost/{WRITE}", f" /{WRITE}", f"/{WRITE} ", f"\\{WRITE}"):
        yield _raw(world, f"the raw path {path!r}", request_head(path), UNKNOWN_METHOD)
    both = [*request_head(f"/{path_of(READ)}"), (":path", f"/{WRITE}")]
    yield _raw(world, "the path of a read, and of a write", both, DENIED, *BROKEN)


def _raw_heads(world: World) -> Iterator[Case]:
    path = f"/{WRITE}"
    for name, head, expected in (
        ("no method", request_head(path, **{":method": None}), BROKEN),
        ("GET", request_head(path, **{":method": "GET"}), BROKEN),
        ("no path", request_head(path, **{":path": None}), BROKEN),
        ("no scheme", request_head(path, **{":scheme": None}), BROKEN),
        ("no trailers", request_head(path, te=None), BROKEN),
        ("a type that is not gRPC", request_head(path, content_type="application/json"), (DENIED,)),
        ("a header of a connection", [*request_head(path), ("connection", "close")], (DENIED,)),
        ("a time that is none", request_head(path, grpc_timeout="abc"), BY_GRPC),
        ("a time below zero", request_head(path, grpc_timeout="-1S"), BY_GRPC),
        ("an unknown compression", request_head(path, grpc_encoding="zip"), BY_GRPC),
        ("a header in capitals", [*request_head(path), ("X-Upper", "x")], BY_GRPC),
        ("no time at all", request_head(path, grpc_timeout="0n"), ("DEADLINE_EXCEEDED",)),
        ("a time without end", request_head(path, grpc_timeout="99999999H"), (DENIED,)),
    ):
        yield _raw(world, f"a head with {name}", head, *expected)
    read = request_head(f"/{path_of(READ)}", grpc_encoding="gzip")
    bomb = gzip.compress(bytes(128 * 1024 * 1024), 9)
    yield _raw(world, "128 MiB of nothing", read, TOO_LARGE, *BROKEN, payload=bomb, packed=True)


def _raw(
    world: World,
    name: str,
    head: list[tuple[str, str]],
    *expected: str,
    payload: bytes | None = None,
    packed: bool = False,
) -> Case:
    """The case of a request by a partner, who may not write there."""
    content = valid(CREATE_STORE, world.own).SerializeToString() if payload is None else payload

    async def ask(_: int) -> Answer:
        async with connected(world.rpc.address("members"), world.caller("partner").files) as connection:
            await send(connection, head, content, packed=packed)
            answer = await connection.answer(1, ANSWERED_SECONDS)
        by_grpc = answer.outcome == "INTERNAL" and "grpc-status-details-bin" not in answer.text
        return replace(answer, outcome=BY_GRPC[0]) if by_grpc else answer

    return Case("transport", name, ask, expected, sent=str(head))


async def send(
    connection: Http2, head: list[tuple[str, str]], content: bytes, *, packed: bool = False
) -> None:
    """A request in frames that are small enough."""
    whole = message_frame(1, content, compressed=packed).serialize()[9:]
    await connection.write(connection.headers(1, head))
    for start in range(0, len(whole), 16_000):
        part = whole[start : start + 16_000]
        end = start + 16_000 >= len(whole)
        frame = message_frame(1, b"", end=end)
        frame.data = part
        await connection.write(frame)
    # gRPC keeps what it says of a stream until it writes something else, such as the answer to this.
    await connection.write(PingFrame(0, opaque_data=b"answered"))
