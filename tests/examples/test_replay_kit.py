"""The replay kit: each fault is what it says, and what the client does wrong is told."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from examples.partner.replay_kit.between import between, key_and_certificate
from examples.partner.replay_kit.faults import ASKED_SECONDS, HARMLESS, Deck, Fault
from examples.partner.replay_kit.kit import Kit
from libs.cli.certificates import Authority
from libs.common.clock import now
from libs.common.rpc.errors import reason_of, retry_after_seconds

METHOD = "/shop.v1.Orders/Place"
# Written to a connection that the other side has closed: nothing of it arrived.
REMOVED, CONNECTIONS_GONE_MAX = ("Broken pipe", "Delayed close"), 50
STREAM = "/shop.v1.Orders/PlaceMany"
REFUSE = b"refuse"


class Orders(grpc.GenericRpcHandler):
    """A service of no partner's: keeps what it was sent, in order, and answers each message."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def serve(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for message in requests:
                self.received.append(message)
                if message == REFUSE:
                    await context.abort(grpc.StatusCode.NOT_FOUND, "no such shop", (("why", "closed"),))
                yield b"placed " + message

        handler: Any = serve
        return grpc.stream_stream_rpc_method_handler(handler)


class Planned(Deck):
    """Faults in the order of the test, then none."""

    def __init__(self, *faults: Fault) -> None:
        self._faults = list(faults)

    def draw(self) -> Fault:
        return self._faults.pop(0) if self._faults else Fault.NONE


@dataclass
class Till:
    """A client of the kit, the kit, and the service behind it."""

    channel: grpc.aio.Channel
    kit: Kit
    orders: Orders

    async def place(self, message: bytes, seconds: float | None = 5.0) -> bytes:
        """Call, and again where the channel had not noticed yet that its connection is gone."""
        for _ in range(CONNECTIONS_GONE_MAX):
            try:
                return await self._call(message, seconds)
            except grpc.aio.AioRpcError as error:
                if not any(each in (error.details() or "") for each in REMOVED):
                    raise
                await asyncio.sleep(0.02)  # it may be on its way out still
        return await self._call(message, seconds)

    async def _call(self, message: bytes, seconds: float | None) -> bytes:
        method: Any = self.channel.unary_unary(METHOD)
        answer: bytes = await method(message, timeout=seconds)
        return answer

    async def code_of(self, message: bytes, seconds: float = 5.0) -> grpc.StatusCode:
        try:
            await self._call(message, seconds)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    async def received(self, count: int) -> list[bytes]:
        async with asyncio.timeout(5):
            while len(self.orders.received) < count:
                await asyncio.sleep(0.01)
        return self.orders.received


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    authority.service("orders", now=now())
    for partner in ("till", "other"):
        authority.partner("shop", partner, now=now())
    return folder


Connect = Callable[..., Any]


@pytest.fixture
def connect(tls: Path) -> Connect:
    @asynccontextmanager
    async def connected(*faults: Fault, partner: str = "shop.till") -> AsyncIterator[Till]:
        orders = Orders()
        authority = (tls / "ca.pem").read_bytes()
        server = grpc.aio.server(handlers=[orders])
        demanded = grpc.ssl_server_credentials([key_and_certificate(tls / "orders")], authority, True)
        port = server.add_secure_port("127.0.0.1:0", demanded)
        await server.start()
        _, certificate = key_and_certificate(tls / "partners" / "shop.till")
        kit = Kit(certificate, Planned(*faults), random.Random(1), print)
        shown = grpc.ssl_channel_credentials(authority, *key_and_certificate(tls / "partners" / partner))
        named = [("grpc.ssl_target_name_override", "orders")]
        async with (
            between({"orders": f"127.0.0.1:{port}"}, kit, tls=tls, partner="shop.till") as addresses,
            grpc.aio.secure_channel(addresses["orders"], shown, options=named) as channel,
        ):
            yield Till(channel, kit, orders)
        await server.stop(grace=0)

    return connected


@pytest.mark.parametrize(
    ("fault", "code", "deliveries"),
    [
        (Fault.NONE, grpc.StatusCode.OK, 1),
        (Fault.TWICE, grpc.StatusCode.OK, 2),
        (Fault.AGAIN, grpc.StatusCode.OK, 2),
        (Fault.LOST, grpc.StatusCode.UNAVAILABLE, 1),
        (Fault.CUT, grpc.StatusCode.UNAVAILABLE, 0),
        (Fault.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, 0),
        (Fault.EXHAUSTED, grpc.StatusCode.RESOURCE_EXHAUSTED, 0),
        (Fault.LATE, grpc.StatusCode.DEADLINE_EXCEEDED, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
async def test_each_fault_does_what_it_says(
    connect: Connect, fault: Fault, code: grpc.StatusCode, deliveries: int
) -> None:
    async with connect(fault) as till:
        assert await till.code_of(b"a", seconds=1) == code

        assert await till.received(deliveries) == [b"a"] * deliveries
        assert await till.place(b"b") == b"placed b"
    assert till.kit.done == {fault: 1, Fault.NONE: 1 + (fault is Fault.NONE)}


async def test_a_request_that_nothing_overtakes_is_cut_off_and_arrives_after_later_ones(
    connect: Connect,
) -> None:
    async with connect(Fault.HELD) as till:
        assert await till.code_of(b"early") == grpc.StatusCode.UNAVAILABLE
        for message in (b"1", b"2", b"3"):
            await till.place(message)

        received = await till.received(4)

    assert b"early" in received[1:]


async def test_a_request_that_others_overtake_is_answered_after_them(connect: Connect) -> None:
    async with connect(Fault.HELD) as till:
        early = asyncio.create_task(till.place(b"early"))
        await asyncio.sleep(0.05)
        for message in (b"1", b"2", b"3"):
            await till.place(message)

        assert await early == b"placed early"
        assert till.orders.received.count(b"early") == 1
        assert till.orders.received[0] == b"1"


async def test_what_is_held_back_at_the_end_still_arrives(connect: Connect) -> None:
    async with connect(Fault.HELD) as till:
        await till.code_of(b"early")
        assert till.orders.received == []

    assert till.orders.received == [b"early"]


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.TWICE])
async def test_what_the_service_refuses_is_passed_on_with_its_details(connect: Connect, fault: Fault) -> None:
    async with connect(fault) as till:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await till.place(REFUSE)

    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.NOT_FOUND, "no such shop")
    assert ("why", "closed") in tuple(refused.value.trailing_metadata())


async def test_a_refusal_can_be_lost_like_an_answer(connect: Connect) -> None:
    async with connect(Fault.LOST) as till:
        assert await till.code_of(REFUSE) == grpc.StatusCode.UNAVAILABLE


async def test_a_stream_is_passed_on_message_by_message(connect: Connect) -> None:
    async with connect() as till:
        method: Any = till.channel.stream_stream(STREAM)
        call = method(timeout=5)
        answers = []
        for message in (b"a", b"b", b"c"):
            await call.write(message)
            answers.append(await call.read())
        await call.done_writing()

        assert answers == [b"placed a", b"placed b", b"placed c"]
        assert await call.code() == grpc.StatusCode.OK


async def test_a_client_that_comes_again_too_early_is_told_of(connect: Connect) -> None:
    async with connect(Fault.EXHAUSTED, Fault.NONE, Fault.EXHAUSTED) as till:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await till.place(b"a")
        await till.place(b"a")
        await till.code_of(b"b")
        await asyncio.sleep(ASKED_SECONDS)
        await till.place(b"b")

    assert (reason_of(refused.value), retry_after_seconds(refused.value)) == ("OVERLOADED", ASKED_SECONDS)
    assert till.kit.complaints == {"a call came again before the time that RetryInfo gave": 1}


async def test_a_client_without_deadlines_is_told_of_and_never_waits_for_one(connect: Connect) -> None:
    async with connect(Fault.LATE) as till:
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await till.place(b"a", seconds=None)

    assert lost.value.code() == grpc.StatusCode.UNAVAILABLE
    assert till.kit.complaints == {"a call had no deadline": 1}


async def test_another_partner_is_not_passed_on_as_this_one(connect: Connect) -> None:
    async with connect(partner="shop.other") as till:
        assert await till.code_of(b"a") == grpc.StatusCode.UNAUTHENTICATED

    assert till.orders.received == []


def test_a_seed_gives_the_same_order_again() -> None:
    one, same, other = (Deck(random.Random(seed), in_a_row_max=3) for seed in (1, 1, 2))

    drawn = [one.draw() for _ in range(64)]

    assert [same.draw() for _ in range(64)] == drawn
    assert [other.draw() for _ in range(64)] != drawn


@pytest.mark.parametrize("seed", range(20))
def test_each_fault_comes_early_and_never_too_many_in_a_row(seed: int) -> None:
    deck = Deck(random.Random(seed), in_a_row_max=2)

    drawn = [deck.draw() for _ in range(200)]

    assert set(drawn[:20]) == set(Fault)
    costs = "".join("." if fault in HARMLESS else "x" for fault in drawn)
    assert "xx" in costs
    assert "xxx" not in costs
