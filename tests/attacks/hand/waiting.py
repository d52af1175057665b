"""Calls that wait: a deadline ends the work behind them, and whoever names none is given one."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import httpx

from libs.common.mongo import connect
from tests.attacks.contract import path_of, valid
from tests.attacks.hand.revocations import CREATE_STORE
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

SHORT_SECONDS, IMPOSED_SECONDS = 0.05, 5.0
LATE_SECONDS = 1.0
LATE = "DEADLINE_EXCEEDED"


def cases(world: World) -> Iterator[Case]:
    """While the database takes no writes."""
    # The client or the server is first to see that time is up; the server says why.
    short = tuple(f"{status} in time, work cancelled, nothing written" for status in (LATE, f"{LATE} {LATE}"))
    imposed = f"{LATE} {LATE} after five seconds"
    yield Case("waiting", "50 ms for what takes longer", _short(world), short, timed=False)
    yield Case("waiting", "no deadline", _imposed(world), (imposed,), timed=False)


def _short(world: World) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        request, caller = valid(CREATE_STORE, world.own), world.caller("system_administrator")
        await world.rpc.ask("members", CREATE_STORE, request, caller)  # connects
        request = valid(CREATE_STORE, world.own)
        before = await _cancelled(world)
        async with _no_writes(world):
            started = time.monotonic()
            answer = await world.rpc.ask("members", CREATE_STORE, request, caller, deadline=SHORT_SECONDS)
            late = time.monotonic() - started > SHORT_SECONDS + LATE_SECONDS
            cancelled = await _soon(lambda: _is_more(world, before))
        await asyncio.sleep(LATE_SECONDS)
        client = connect(world.run.mongodb_uri)
        written = await client.laurel_members.stores.count_documents(
            {"store_id": request.store_id}  # type: ignore[attr-defined]
        )
        client.close()
        when, work = "late" if late else "in time", "cancelled" if cancelled else "goes on"
        return Answer(
            f"{answer.outcome} {when}, work {work}, {'written' if written else 'nothing written'}",
            answer.text,
        )

    return ask


async def _cancelled(world: World) -> float:
    """How many calls of the method the service counts as ended by their caller or their deadline."""
    async with httpx.AsyncClient(trust_env=False) as http:
        metrics = await http.get(f"http://{world.run.processes['members'].metrics_address}/metrics")
    method = re.escape(path_of(CREATE_STORE))
    counted = rf'laurel_rpc_seconds_count{{method="{method}",status="(?:CANCELLED|{LATE})"}} (\S+)'
    return sum(map(float, re.findall(counted, metrics.text)))


async def _is_more(world: World, before: float) -> bool:
    return await _cancelled(world) > before


async def _soon(true: Callable[[], Awaitable[bool]]) -> bool:
    for _ in range(20):
        if await true():
            return True
        await asyncio.sleep(LATE_SECONDS / 20)
    return False


def _imposed(world: World) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        async with _no_writes(world):
            started = time.monotonic()
            answer = await world.rpc.ask(
                "members",
                CREATE_STORE,
                valid(CREATE_STORE, world.own),
                world.caller("system_administrator"),
                deadline=None,
            )
            waited = time.monotonic() - started
        when = "five" if abs(waited - IMPOSED_SECONDS) < LATE_SECONDS else f"{waited:.1f}"
        return Answer(f"{answer.outcome} after {when} seconds", answer.text)

    return ask


@asynccontextmanager
async def _no_writes(world: World) -> AsyncIterator[None]:
    """The database takes no writes: whoever writes waits."""
    client = connect(world.run.mongodb_uri)
    await client.admin.command("fsync", lock=True)
    try:
        yield
    finally:
        await client.admin.command("fsyncUnlock")
        client.close()
