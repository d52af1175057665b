"""Watches as tests look at them: the first answers, or what there is instead."""

import asyncio
from typing import Any

import grpc

from libs.common.rpc.errors import reason_of


async def first_answers(call: Any, count: int) -> list[Any]:
    """So many answers of a watch, which is then left."""
    found = []
    async with asyncio.timeout(20):
        async for answer in call:
            found.append(answer)
            if len(found) == count:
                break
    call.cancel()
    return found


async def watch_outcome(call: Any) -> tuple[str, str]:
    """OK when a watch begins, else status and reason that it is refused with."""
    try:
        await first_answers(call, 1)
    except grpc.aio.AioRpcError as error:
        return error.code().name, reason_of(error)
    return "OK", ""
