"""Watches in a server: who may go on watching, who is too slow or too many, and how they end."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from libs.common.clock import now
from libs.common.rpc import watching
from libs.common.rpc.errors import reason_of, retry_after_seconds
from libs.common.telemetry import RPC_SECONDS, WATCHERS
from libs.common.tokens import TokenSigner
from tests.common.rpc_world import METHOD, Change, EdgeWorld, a_request, a_watch_request, an_edge, error_of
from tests.support.builders import PROGRAM
from tests.support.services import Keys

CHANGES = 10_000
# Of a field that nobody knows.
TEN_THOUSAND_BYTES = b"\xfa\x07" + b"\x90\x4e" + b"x" * 10_000
WATCH = "laurel.risk.v1.RiskService/WatchMember"


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    async with an_edge(keys, concurrent_calls_max=4, watchers_max=5, watchers_per_principal_max=2) as world:
        yield world


async def begun(call: Any) -> Any:
    """A watch that was answered once."""
    assert await call.read() == Change(seq=0)
    return call


async def ended(call: Any) -> grpc.aio.AioRpcError:
    """How a watch ends."""
    async with asyncio.timeout(10):
        return await error_of(call.read())


def watchers() -> float:
    value: float = WATCHERS.labels(WATCH)._value.get()
    return value


async def test_one_who_watches_has_some_places_and_gets_them_back(edge: EdgeWorld) -> None:
    held = [await begun(edge.watch("ann")) for _ in range(2)]

    error = await ended(edge.watch("ann"))
    await begun(edge.watch("bob"))
    held[0].cancel()
    async with asyncio.timeout(10):
        while watchers() > 2:
            await asyncio.sleep(0.01)
    await begun(edge.watch("ann"))

    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert retry_after_seconds(error) == 1


async def test_all_who_watch_have_a_share_of_their_own_and_calls_are_answered_beside(edge: EdgeWorld) -> None:
    held = [await begun(edge.watch(name)) for name in ("ann", "ann", "bob", "bob", "cid")]

    error = await ended(edge.watch("cid"))
    answers = await asyncio.gather(*(edge.stub().BatchGetRiskProfiles(a_request()) for _ in range(2)))

    assert reason_of(error) == "OVERLOADED"
    assert len(answers) == 2
    assert not any(each.done() for each in held)


async def test_a_watch_ends_soon_after_its_token(edge: EdgeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "ADMIT_SECONDS", 0.05)
    # Good for a second more: clocks may differ by half a minute.
    issued, ttl = now() - timedelta(seconds=60), timedelta(seconds=31)
    token = TokenSigner(edge.keys.key_file).token(
        "ann", "staff", now=issued, ttl=ttl, program_id=PROGRAM, roles=["compliance_officer"]
    )
    method = edge.raw().unary_stream(f"/{WATCH}")
    call = method(a_watch_request().SerializeToString(), metadata=(("authorization", f"Bearer {token}"),))
    assert await call.read() == b""

    error = await ended(call)

    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_a_watch_ends_soon_after_its_token_was_revoked(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ADMIT_SECONDS", 0.05)
    revocations = tmp_path / "revocations.json"
    revocations.write_text('{"revoked": []}')
    async with an_edge(keys, revocations_file=revocations) as edge:
        call = await begun(edge.watch("ann"))
        revoked = {
            "subject": "ann",
            "kind": "staff",
            "issued_before": (now() + timedelta(minutes=1)).isoformat(),
        }
        revocations.write_text(json.dumps({"revoked": [revoked]}))

        error = await ended(call)

    assert reason_of(error) == "UNAUTHENTICATED"


async def test_who_drains_ends_watches_at_once_and_answers_calls_to_their_end(keys: Keys) -> None:
    async with an_edge(keys, drain_seconds=20) as edge:
        answering, answered = asyncio.Event(), asyncio.Event()

        async def slow(request: Any, context: Any) -> Any:
            answering.set()
            await answered.wait()
            return await edge.profiles.nothing(request, context)

        edge.profiles.answer = slow
        method = edge.raw().unary_unary(METHOD)
        under_way = asyncio.ensure_future(method(a_request().SerializeToString(), metadata=edge.metadata))
        await answering.wait()
        call = await begun(edge.watch("ann"))
        draining = asyncio.create_task(edge.server.drain())

        error = await ended(call)

        assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert not draining.done()
        answered.set()
        assert await under_way == b""
        await draining


async def test_a_watch_whose_first_answer_is_cut_short_is_told_how_it_ends(keys: Keys) -> None:
    # Next to no time: the write has begun, grpc does not know yet that it is done.
    async with an_edge(keys, watcher_slow_seconds=1e-9) as edge:
        call = edge.watch("ann")

        with suppress(grpc.aio.AioRpcError):
            await call.read()

        assert reason_of(await ended(call)) == "WATCHER_TOO_SLOW"


async def test_who_takes_nothing_is_dropped_and_told_so_when_they_take_again(keys: Keys) -> None:
    async def much() -> AsyncGenerator[Change, None]:
        for seq in range(CHANGES):
            change = Change(seq=seq)
            change.MergeFromString(TEN_THOUSAND_BYTES)
            yield change

    async with an_edge(keys, watcher_slow_seconds=0.2) as edge:
        edge.profiles.changes = much
        before = watchers()
        dropped = RPC_SECONDS.labels(WATCH, "WATCHER_TOO_SLOW")
        dropped_before = dropped._sum.get()
        call = edge.watch("ann")
        first = await call.read()
        async with asyncio.timeout(30):
            while dropped._sum.get() == dropped_before:
                await asyncio.sleep(0.05)
        places = watchers()

        taken = [first.seq]
        with suppress(grpc.aio.AioRpcError):
            while (change := await call.read()) is not grpc.aio.EOF:
                taken.append(change.seq)
        error = await error_of(call.read())

    assert places == before
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")
    assert taken == list(range(len(taken)))
    assert len(taken) < CHANGES


async def test_a_defect_in_a_watch_is_told_as_one(edge: EdgeWorld) -> None:
    async def broken() -> AsyncGenerator[Change, None]:
        yield Change(seq=0)
        raise LookupError("of ours")

    edge.profiles.changes = broken

    error = await ended(await begun(edge.watch()))

    assert (error.code(), reason_of(error)) == (grpc.StatusCode.INTERNAL, "INTERNAL")


async def test_a_client_that_goes_ends_what_works_for_it(edge: EdgeWorld) -> None:
    gone = asyncio.Event()

    async def watched() -> AsyncGenerator[Change, None]:
        try:
            yield Change(seq=0)
            await asyncio.Event().wait()
        finally:
            gone.set()

    edge.profiles.changes = watched
    call = await begun(edge.watch())

    call.cancel()

    async with asyncio.timeout(10):
        await gone.wait()
