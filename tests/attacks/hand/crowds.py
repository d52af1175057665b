"""Many calls at once: above the cap they are told when to come back, and nobody takes all places."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc

from tests.attacks.contract import path_of, served, valid
from tests.attacks.hand.peers import READ
from tests.attacks.rpc import Caller, refused
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

STREAMS = 260
(STREAM,) = {method.name: method for _, method in served() if method.name == "StreamEvents"}.values()
TOO_MANY = "RESOURCE_EXHAUSTED OVERLOADED and when to retry"


def cases(world: World) -> Iterator[Case]:
    """A partner that opens streams and leaves them open."""

    async def the_last(_: int) -> Answer:
        async with AsyncExitStack() as held:
            answers = await _held(world, held, world.caller("partner"))
        last = answers[-1]
        retry = " and when to retry" if "RetryInfo" in last.text else ""
        return Answer(last.outcome + retry, last.text)

    async def somebody_else(_: int) -> Answer:
        async with AsyncExitStack() as held:
            await _held(world, held, world.caller("partner"))
            return await world.rpc.ask(
                "members", READ, valid(READ, world.own), world.partner(world.own.rival_id)
            )

    async def afterwards(_: int) -> Answer:
        return await world.rpc.ask("members", STREAM, valid(STREAM, world.own), world.caller("partner"))

    yield Case("crowds", f"the last of {STREAMS} streams", the_last, (TOO_MANY,), timed=False)
    yield Case("crowds", f"somebody else beside {STREAMS} streams", somebody_else, ("OK",), timed=False)
    yield Case("crowds", "a stream when they have ended", afterwards, ("OK",), timed=False)


async def _held(world: World, held: AsyncExitStack, caller: Caller) -> list[Answer]:
    """Streams that were answered once, or refused; those that were not stay open until the end."""
    channel: Any = world.rpc.channel("members", caller.files)
    answers = []
    for _ in range(STREAMS):
        stream = channel.stream_stream(f"/{path_of(STREAM)}")(timeout=60)
        held.callback(stream.cancel)
        answers.append(asyncio.create_task(_first(stream, valid(STREAM, world.own).SerializeToString())))
    return list(await asyncio.gather(*answers))


async def _first(stream: Any, payload: bytes) -> Answer:
    try:
        await stream.write(payload)
        await stream.read()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass
    if not stream.done():
        return Answer("OK", refused=False)
    try:
        await stream.read()
        await stream
    except grpc.aio.AioRpcError as error:
        return refused(error, 0)
    except Exception as error:
        return Answer(f"no answer {error!r}")
    return Answer("ended", refused=False)
