"""Many calls at once: above the cap they are told when to come back, and nobody takes all places."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc

from tests.attacks.contract import path_of, served, valid
from tests.attacks.hand.peers import READ
from tests.attacks.rpc import Caller, refused
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

STREAMS, STREAMS_ABOVE = 90, 260
"""What one connection takes, and what it does not, whose client hears in gRPC's words of the rest."""
(STREAM,) = {method.name: method for _, method in served() if method.name == "StreamEvents"}.values()
# gRPC's client says so of a refusal that comes while it still writes the request.
LOST, TRIES = "Internal error from Core", 5
TOO_MANY = "RESOURCE_EXHAUSTED OVERLOADED and when to retry"


def cases(world: World) -> Iterator[Case]:
    """A partner that opens streams and leaves them open."""

    async def the_last(_: int) -> Answer:
        async with AsyncExitStack() as held:
            await _held(world, held, world.caller("partner"), STREAMS - 1)
            last = await _one_more(world, held, world.caller("partner"))
        retry = " and when to retry" if "RetryInfo" in last.text else ""
        return Answer(last.outcome + retry, last.text)

    async def somebody_else(_: int) -> Answer:
        async with AsyncExitStack() as held:
            await _held(world, held, world.caller("partner"), STREAMS_ABOVE)
            return await world.rpc.ask(
                "members", READ, valid(READ, world.own), world.partner(world.own.rival_id)
            )

    async def afterwards(_: int) -> Answer:
        return await world.rpc.ask("members", STREAM, valid(STREAM, world.own), world.caller("partner"))

    yield Case("crowds", f"the last of {STREAMS} streams", the_last, (TOO_MANY,), timed=False)
    yield Case("crowds", f"somebody else beside {STREAMS_ABOVE} streams", somebody_else, ("OK",), timed=False)
    yield Case("crowds", "a stream when they have ended", afterwards, ("OK",), timed=False)


async def _one_more(world: World, held: AsyncExitStack, caller: Caller) -> Answer:
    """What another stream hears; tried again where gRPC's client lost it."""
    for _ in range(TRIES):
        (answer,) = await _held(world, held, caller, 1)
        if LOST not in answer.text:
            break
    return answer


async def _held(world: World, held: AsyncExitStack, caller: Caller, count: int) -> list[Answer]:
    """Streams that were answered once, or refused; those that were not stay open until the end."""
    channel: Any = world.rpc.channel("members", caller.files)
    waiting = []
    for _ in range(count):
        requests = _one_and_no_end(valid(STREAM, world.own).SerializeToString())
        stream = channel.stream_stream(f"/{path_of(STREAM)}")(requests, timeout=60)
        held.callback(stream.cancel)
        waiting.append(_first(stream))
    return list(await asyncio.gather(*waiting))


async def _one_and_no_end(payload: bytes) -> AsyncIterator[bytes]:
    yield payload
    await asyncio.Event().wait()


async def _first(stream: Any) -> Answer:
    try:
        async for _ in stream:
            return Answer("OK", refused=False)
    except grpc.aio.AioRpcError as error:
        return refused(error, 0)
    return Answer("ended")
