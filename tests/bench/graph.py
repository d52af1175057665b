"""Rows of the gateway: everything on, against hand-written fan-out, both on the same canned services."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from laurel.members.v1 import members_pb2, members_pb2_grpc
from libs.cli.launch import bound
from libs.cli.ports import HOST, Ports
from tests.bench.measure import ROUNDS, Measured, p50, ratio
from tests.bench.processes import ENVIRONMENT
from tests.bench.rows import Row
from tests.gateway import world
from tests.support.services import Keys

NODE = """{
  memberId
  memberships { tierSet tierKey }
  scores { name valueBp label }
  points { available }
  benefits { key }
  risk { integrity }
}"""
ONE = f"query One($id: ID!) {{ member(id: $id) {NODE} }}"
LIST = f"query List($first: Int!) {{ members(first: $first) {{ edges {{ node {NODE} }} }} }}"
CALLERS, QUERIES_EACH = 64, 12
LISTERS, LISTS_EACH, PAGE = 8, 6, 50
SINGLE = 300
# The rows measure speed; how often one may ask is another's test.
UNLIMITED = {"LAUREL_COST_PER_MINUTE": "1000000000"}
SERVE_SECONDS = 60.0

Ask = Callable[[], Awaitable[bytes]]


class Connection:
    """One keep-alive connection of HTTP/1.1, at next to no cost of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, request: bytes) -> bytes:
        """The body of the answer to a whole request."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        name, length = b"content-length:", 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(name):
                length = int(line[len(name) :])
                return await self._reader.readexactly(length)
        return await self._chunked()

    async def _chunked(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Side:
    """A gateway to measure."""

    pid: int
    port: int
    token: str

    def request(self, query: str, **variables: object) -> bytes:
        """A whole HTTP request."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {HOST}:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\nauthorization: Bearer {self.token}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def connection(self) -> Connection:
        """A new connection."""
        return Connection(*await asyncio.open_connection(HOST, self.port))

    async def seconds(self, callers: int, each: int, query: str, *variables: dict[str, object]) -> float:
        """How long some callers at once take for some queries each."""
        connections = [await self.connection() for _ in range(callers)]
        requests = [self.request(query, **each) for each in variables]

        async def caller(number: int) -> None:
            for place in range(each):
                body = await connections[number].post(requests[(number * each + place) % len(requests)])
                assert b'"errors"' not in body, body[:500]

        started = time.perf_counter()
        await asyncio.gather(*(caller(number) for number in range(callers)))
        took = time.perf_counter() - started
        for connection in connections:
            connection.close()
        return took


@dataclass(frozen=True, slots=True)
class Sides:
    """Our gateway and the raw one, on the same services."""

    ours: Side
    raw: Side
    stubs: str


@asynccontextmanager
async def sides(folder: Path) -> AsyncIterator[Sides]:
    """Both gateways and the services behind them, each a process of its own."""
    keys = Keys.made_in(folder)
    token = keys.token("staff", "bench", world.PROGRAM, roles=("compliance_officer",))()
    async with AsyncExitStack() as stack:
        ports = stack.enter_context(Ports())
        stubs = f"{HOST}:{await stack.enter_async_context(_stubs())}"
        ours, metrics, raw = ports.any(), ports.any(), ports.any()
        services = {f"LAUREL_{each}_ADDRESS": stubs for each in ("MEMBERS", "SCORING", "BENEFITS", "RISK")}
        settings = {
            **services,
            **UNLIMITED,
            "LAUREL_PORT": str(ours),
            "LAUREL_METRICS_PORT": str(metrics),
            "LAUREL_DEVELOPMENT": "true",
            "LAUREL_KEY_SET_FILE": str(keys.key_set_file),
        }
        gateway = await stack.enter_async_context(_process(["tests.bench.gateway"], settings))
        by_hand = await stack.enter_async_context(_process(["tests.bench.raw", stubs, str(raw)], {}))
        found = Sides(Side(gateway.pid, ours, token), Side(by_hand.pid, raw, token), stubs)
        await _same_answers(found)
        yield found


async def _same_answers(found: Sides) -> None:
    """Wait until both serve; both must say the same, or the figures mean nothing."""
    asked: list[tuple[str, dict[str, object]]] = [(ONE, {"id": world.member_id(7)}), (LIST, {"first": PAGE})]
    for query, variables in asked:
        ours, raw = [await answer(side, query, variables) for side in (found.ours, found.raw)]
        assert ours == raw, (ours, raw)


async def answer(side: Side, query: str, variables: dict[str, object]) -> object:
    """The data of an answer, as soon as there is one."""
    async with asyncio.timeout(SERVE_SECONDS):
        while True:
            try:
                connection = await side.connection()
                return json.loads(await connection.post(side.request(query, **variables)))["data"]
            except OSError:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _stubs() -> AsyncIterator[int]:
    async with _process(["tests.bench.stubs"], {}) as process:
        assert process.stdout is not None
        async with asyncio.timeout(SERVE_SECONDS):
            port = int(await process.stdout.readline())
        yield port


@asynccontextmanager
async def _process(command: list[str], settings: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *bound([sys.executable, "-m", *command]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT, **settings},
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


def ids() -> list[dict[str, object]]:
    """Variables of ONE, of two hundred members."""
    return [{"id": world.member_id(number)} for number in range(1, 201)]


async def query64_vs_raw(folder: Path) -> Measured:
    """Queries a second at 64 callers."""
    async with sides(folder) as found:
        return await ratio(
            lambda: found.raw.seconds(CALLERS, QUERIES_EACH, ONE, *ids()),
            lambda: found.ours.seconds(CALLERS, QUERIES_EACH, ONE, *ids()),
        )


async def query1_p50_vs_raw(folder: Path) -> Measured:
    """The time of one query of one caller."""

    async def single(side: Side) -> float:
        connection = await side.connection()
        request = side.request(ONE, id=world.member_id(1))
        took = await p50(lambda: connection.post(request), calls=SINGLE)
        connection.close()
        return took

    async with sides(folder) as found:
        return await ratio(lambda: single(found.ours), lambda: single(found.raw))


async def list50_vs_raw(folder: Path) -> Measured:
    """Lists of fifty a second at eight callers."""
    async with sides(folder) as found:
        page: dict[str, object] = {"first": PAGE}
        return await ratio(
            lambda: found.raw.seconds(LISTERS, LISTS_EACH, LIST, page),
            lambda: found.ours.seconds(LISTERS, LISTS_EACH, LIST, page),
        )


async def calls_per_query_64(folder: Path) -> Measured:
    """Calls that the services get for a query at 64 callers."""
    async with sides(folder) as found, grpc.aio.insecure_channel(found.stubs) as channel:
        members = members_pb2_grpc.MembersServiceStub(channel)

        async def called() -> int:
            answer = await members.GetPipelineStatus(members_pb2.GetPipelineStatusRequest())
            return int(answer.status.outbox_unsent)

        rounds = []
        for _ in range(ROUNDS):
            before = await called()
            await found.ours.seconds(CALLERS, QUERIES_EACH, ONE, *ids())
            rounds.append((await called() - before) / (CALLERS * QUERIES_EACH))
    return Measured(statistics.median(rounds), min(rounds), max(rounds))


WHAT = "one member with tier, score, points, benefits and risk, everything on, on canned services"
ROWS = [
    Row(
        "query64_vs_raw",
        good=4.0,
        goal=8.0,
        lower_is_better=False,
        how=f"{WHAT}: queries a second of {CALLERS} callers, by those of hand-written fan-out on raw ASGI",
        measure=query64_vs_raw,
    ),
    Row(
        "query1_p50_vs_raw",
        good=1.25,
        goal=1.0,
        lower_is_better=True,
        how=f"{WHAT}: p50 of {SINGLE} queries of one caller, by that of hand-written fan-out on raw ASGI",
        measure=query1_p50_vs_raw,
    ),
    Row(
        "list50_vs_raw",
        good=0.9,
        goal=1.3,
        lower_is_better=False,
        how=f"{PAGE} members with the same objects: lists a second of {LISTERS} callers, by those of "
        "hand-written fan-out on raw ASGI",
        measure=list50_vs_raw,
    ),
    Row(
        "calls_per_query_64",
        good=0.5,
        goal=0.2,
        lower_is_better=True,
        how=f"{WHAT}: calls that the services got, by queries of {CALLERS} callers",
        measure=calls_per_query_64,
    ),
]
