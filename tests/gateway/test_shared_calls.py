"""Shared calls: when they leave, who is in them, and what those hear whose call fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from opentelemetry.trace import INVALID_SPAN

from laurel.members.v1 import members_pb2 as pb
from libs.common.caller import Principal
from libs.common.errors import DeadlineExceeded, InvalidRequest, Overloaded
from libs.common.rpc.shared import answering
from services.gateway.shared import runs, sharer
from services.gateway.shared.callers import Caller, KnownCallers
from services.gateway.shared.runs import Waiting
from tests.gateway.shared_world import FACTS, IDS, KEYS, MEMBERS, Ask, SharedWorld, shared_world
from tests.support.services import Keys

OFFICER, SHOP = Ask("an officer", MEMBERS.field, KEYS), Ask("shop", MEMBERS.field, KEYS[:2])


@pytest.fixture
async def world(keys_of_services: Keys) -> AsyncIterator[SharedWorld]:
    async with shared_world(keys_of_services) as world:
        yield world


@pytest.fixture
def sent(world: SharedWorld, monkeypatch: pytest.MonkeyPatch) -> list[pb.BatchReadRequest]:
    """The requests of the calls that were made."""
    made: list[pb.BatchReadRequest] = []
    batch_read = world.sharer._batch_read

    def noted(request: pb.BatchReadRequest, **how: Any) -> Any:
        made.append(request)
        return batch_read(request, **how)

    monkeypatch.setattr(world.sharer, "_batch_read", noted)
    return made


async def all_hear(world: SharedWorld, *asks: Ask) -> list[list[object]]:
    return await asyncio.gather(*(world.hears(each) for each in asks))


async def under_way(world: SharedWorld) -> "asyncio.Task[list[object]]":
    """A call that waits at the service until it is let go."""
    world.served.waits = asyncio.Event()
    first = asyncio.create_task(world.hears(Ask("an officer", FACTS.field, [IDS["dan"]])))
    while not world.served.read:
        await asyncio.sleep(0.005)
    return first


def letting_go(world: SharedWorld) -> None:
    assert world.served.waits is not None
    world.served.waits.set()


# When calls leave, and with what


async def test_what_is_asked_at_once_leaves_in_one_call(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    await all_hear(world, OFFICER, SHOP, Ask("ann", MEMBERS.field, [IDS["ann"]]))

    (request,) = sent
    assert list(request.asks.run_length) == [len(KEYS), 2, 1]
    assert list(request.asks.run_caller) == [0, 1, 2]


async def test_what_is_asked_while_a_call_is_under_way_leaves_together_in_the_next(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    first = await under_way(world)
    others = []
    for ask in (OFFICER, SHOP):
        others.append(asyncio.create_task(world.hears(ask)))
        await asyncio.sleep(0.02)

    assert len(sent) == 1
    letting_go(world)
    await asyncio.gather(first, *others)

    assert [len(each.asks.run_caller) for each in sent] == [1, 2]


async def test_all_that_is_asked_of_a_member_is_one_run(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    shared = world.sharer.by(Caller.of(world.principals["ann"]))
    ann = [IDS["ann"]]

    members, facts = await asyncio.gather(
        shared.read(MEMBERS.field, ann, seconds=60), shared.read(FACTS.field, ann, seconds=60)
    )

    assert list(sent[0].keys) == ann
    assert list(sent[0].asks.run_want) == [3]
    assert (type(members[0]), type(facts[0])) == (pb.MemberResult, pb.FactsResult)


async def test_a_token_is_sent_once_and_named_by_its_digest_from_then_on(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    await all_hear(world, OFFICER)
    await all_hear(world, OFFICER, SHOP)
    await all_hear(world, OFFICER, SHOP)

    officer, shop = (world.principals[each].token for each in ("an officer", "shop"))
    assert [list(each.asks.caller_tokens) for each in sent] == [[officer], ["", shop], []]


async def test_a_service_that_forgot_a_caller_is_told_once_more(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    await all_hear(world, OFFICER, SHOP)
    world.forget()

    heard = await all_hear(world, OFFICER, SHOP)

    assert heard == [world.must_hear(OFFICER), world.must_hear(SHOP)]
    assert [len(each.asks.caller_tokens) for each in sent] == [2, 0, 2]


async def test_a_caller_whom_it_never_knows_is_refused_and_others_are_not(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch, sent: list[pb.BatchReadRequest]
) -> None:
    monkeypatch.setattr(KnownCallers, "tokens", lambda *_, **__: [])
    world.server._verifier.principal(world.principals["shop"].token)

    officer, shop = await all_hear(world, OFFICER, SHOP)

    assert officer == ["UNAUTHENTICATED"] * len(KEYS)
    assert shop == world.must_hear(SHOP)
    assert len(sent) == 2


# Who goes, and who is late


async def test_whoever_goes_is_left_out_and_nobody_else_is_told(
    world: SharedWorld, sent: list[pb.BatchReadRequest]
) -> None:
    first = await under_way(world)
    gone, stays = (asyncio.create_task(world.hears(each)) for each in (OFFICER, SHOP))
    await asyncio.sleep(0.02)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    letting_go(world)

    assert await stays == world.must_hear(SHOP)
    await first
    assert [list(each.keys) for each in sent] == [[IDS["dan"]], KEYS[:2]]


async def test_whoever_goes_while_their_call_is_under_way_costs_nobody_in_it_anything(
    world: SharedWorld,
) -> None:
    world.served.waits = asyncio.Event()
    gone, stays = (asyncio.create_task(world.hears(each)) for each in (OFFICER, SHOP))
    while not world.served.read:
        await asyncio.sleep(0.005)
    gone.cancel()
    await asyncio.sleep(0.02)
    letting_go(world)

    assert await stays == world.must_hear(SHOP)


async def test_whoever_is_out_of_time_hears_so_and_the_others_wait_on(world: SharedWorld) -> None:
    world.served.waits = asyncio.Event()
    late = asyncio.create_task(world.hears(OFFICER, seconds=0.05))
    patient = asyncio.create_task(world.hears(SHOP))

    with pytest.raises(DeadlineExceeded):
        await late
    letting_go(world)

    assert await patient == world.must_hear(SHOP)


async def test_a_read_that_takes_too_long_costs_its_part_of_the_call_only(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.served, "BatchGetFacts", never)
    monkeypatch.setattr(answering, "READ_SHARE", 0.02)
    slow = Ask("an officer", FACTS.field, [IDS["ann"]])

    facts, members = await asyncio.gather(
        *(world.hears(each) for each in (slow, OFFICER)), return_exceptions=True
    )

    assert facts == ["DEADLINE_EXCEEDED"]
    assert members == world.must_hear(OFFICER)


# What fails


async def test_a_failure_reaches_those_who_asked_for_what_failed(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overloaded(*_: object) -> None:
        raise Overloaded

    monkeypatch.setattr(world.served, "BatchGetFacts", overloaded)

    facts, members = await all_hear(world, Ask("shop", FACTS.field, [IDS["ann"]]), OFFICER)

    assert facts == ["OVERLOADED"]
    assert members == world.must_hear(OFFICER)


async def test_a_service_that_is_away_is_told_to_all_who_wait(world: SharedWorld) -> None:
    await world.server.drain()

    heard = await all_hear(world, OFFICER, SHOP)

    assert heard == [["UNAVAILABLE"] * len(KEYS), ["UNAVAILABLE"] * 2]
    assert not world.sharer._waiting


async def test_a_replica_of_before_shared_calls_is_one_that_is_not_there(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_read = too_much(world.sharer._batch_read, grpc.StatusCode.UNIMPLEMENTED)
    monkeypatch.setattr(world.sharer, "_batch_read", batch_read)

    assert await world.hears(OFFICER) == ["UNAVAILABLE"] * len(KEYS)


async def test_whom_their_call_does_not_answer_hears_that_it_failed(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharer, "values_of", lambda *_: iter(()))

    heard = await asyncio.wait_for(all_hear(world, OFFICER, SHOP), timeout=30)

    assert heard == [["UNAVAILABLE"] * len(KEYS), ["UNAVAILABLE"] * 2]


def too_much(batch_read: Callable[..., Any], code: grpc.StatusCode) -> Callable[..., Any]:
    """Calls that ask for as many keys as one caller does fail."""

    async def called(request: pb.BatchReadRequest, **how: Any) -> Any:
        if KEYS[-1] in request.keys:
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "too much")
        return await batch_read(request, **how)

    return called


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL])
async def test_who_is_too_much_for_a_call_hears_so_and_the_others_are_answered_apart(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch, code: grpc.StatusCode
) -> None:
    monkeypatch.setattr(world.sharer, "_batch_read", too_much(world.sharer._batch_read, code))
    others = [Ask(who, MEMBERS.field, KEYS[:2]) for who in ("shop", "ann", "a consultant", "rival")]

    officer, *heard = await all_hear(world, OFFICER, *others)

    assert officer == [code.name] * len(KEYS)
    assert heard == [world.must_hear(each) for each in others]


async def test_calls_under_way_end_with_the_gateway(world: SharedWorld) -> None:
    first = await under_way(world)

    await world.sharer.close()

    assert await first == ["UNAVAILABLE"]


@pytest.mark.parametrize("key", ["x" * 1_025, "\ud800"], ids=["too long", "half a pair"])
async def test_what_no_service_takes_is_refused_before_it_is_in_a_call_with_others(
    world: SharedWorld, key: str
) -> None:
    shop = Caller.of(world.principals["shop"])

    with pytest.raises(InvalidRequest):
        await world.sharer.ask(shop, MEMBERS.field, [key], None, seconds=60)

    assert await world.hears(SHOP) == world.must_hear(SHOP)


# Who leaves first


def a_caller(number: int, name: str = "") -> Caller:
    return Caller.of(Principal(name or f"c{number}", "staff", "music_store", token=f"token {number}"))


def asked(waiting: Waiting, caller: Caller, *keys: str) -> runs.Run:
    run = waiting.run(caller, keys, None, INVALID_SPAN)
    run.wants.setdefault(1, []).append(runs.Waiter())
    return run


async def test_callers_take_turns_whoever_asks_how_much() -> None:
    waiting = Waiting()
    much = [asked(waiting, a_caller(1), *(f"{run}.{key}" for key in range(200))) for run in range(4)]
    little = asked(waiting, a_caller(2), "one")

    assert waiting.leave() == [much[0], little, much[1]]
    assert waiting.leave() == much[2:]
    assert not waiting


async def test_tokens_of_one_principal_have_one_turn() -> None:
    waiting = Waiting()
    much = [asked(waiting, a_caller(number, "ann"), *map(str, range(300))) for number in range(3)]
    little = asked(waiting, a_caller(9, "bob"), "one")

    assert waiting.leave() == [much[0], little]


async def test_a_call_has_so_many_callers() -> None:
    waiting = Waiting()
    for number in range(runs.CALLERS_MAX + 1):
        asked(waiting, a_caller(number), "one")

    assert [len(waiting.leave()), len(waiting.leave())] == [runs.CALLERS_MAX, 1]


async def test_what_is_large_leaves_by_itself() -> None:
    waiting = Waiting()
    arguments = pb.ReadArguments(names=["x" * (runs.BYTES_MAX // 2 + 1)])
    large = [waiting.run(a_caller(number), ["one"], arguments, INVALID_SPAN) for number in range(2)]
    for each in large:
        each.wants[1] = [runs.Waiter()]

    assert [waiting.leave(), waiting.leave()] == [[large[0]], [large[1]]]


async def test_more_than_a_caller_may_have_waiting_is_refused_and_room_comes_back() -> None:
    waiting = Waiting()
    greedy = a_caller(1)
    for number in range(runs.WAITING_OF_CALLER_MAX // 500):
        asked(waiting, greedy, *(f"{number}.{key}" for key in range(500)))

    with pytest.raises(Overloaded):
        asked(waiting, greedy, "one more")
    asked(waiting, a_caller(2), "one")
    waiting.leave()

    asked(waiting, greedy, "one more")
    while waiting:
        waiting.leave()
    assert waiting.keys_count == 0
    assert waiting._keys_of == {}


async def test_all_together_may_have_so_much_waiting() -> None:
    waiting = Waiting()
    for number in range(runs.WAITING_MAX // 500):
        asked(waiting, a_caller(number), *map(str, range(500)))

    with pytest.raises(Overloaded):
        asked(waiting, a_caller(1_000), "one")


async def test_who_waits_no_more_does_not_leave() -> None:
    waiting = Waiting()
    gone, there = asked(waiting, a_caller(1), "one"), asked(waiting, a_caller(2), "one")
    gone.wants[1][0].cancel()

    assert waiting.leave() == [there]


def test_what_is_known_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.shared.callers.KNOWN_MAX", 2)
    known, callers = KnownCallers(), [a_caller(number) for number in range(3)]

    known.told(callers, set())

    assert known.tokens(callers, all_new=False) == [callers[0].token, "", ""]


def test_a_caller_is_written_without_their_credentials() -> None:
    caller = a_caller(1)

    assert caller.token not in repr(caller)
    assert caller.digest.hex() not in repr(caller)
    assert repr(caller.digest) not in repr(caller)
