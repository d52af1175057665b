"""Event streams: badly asked for, too many, by clients that take nothing, and how they end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

from libs.cli.clients import signer
from libs.common import clock
from libs.common.policy import PRINCIPALS, policy
from libs.common.tokens import LEEWAY
from services.gateway.settings import GatewaySettings
from tests.attacks.contract import served, valid
from tests.attacks.floods.others import served_beside
from tests.attacks.graph import EVENTS, JSON, NEWER, STREAM, EventStream
from tests.attacks.hand.foreign import MISSING, foreign
from tests.attacks.hand.graph import request_of
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import STREAMS, World
from tests.gateway.attack import Attack
from tests.gateway.attacks import ATTACKS

FIELD = "Subscription.memberChanged"
SUBSCRIPTION = "subscription($id: ID!) { memberChanged(memberId: $id) { cursor member { memberId } } }"
# So much in every event that few of them fill what is kept for a client.
ENTRY = "id transactionId digest externalRef source"
ENTRIES = " ".join(f"e{number}: entries(first: 50) {{ {ENTRY} }}" for number in range(10))
SHOWN = f"cursor member {{ points {{ {ENTRIES} }} }}"
LARGE = f"subscription($id: ID!) {{ memberChanged(memberId: $id) {{ {SHOWN} }} }}"
OF_ONE = GatewaySettings.model_fields["subscriptions_per_principal_max"].default
SLOW_SECONDS = GatewaySettings.model_fields["websocket_slow_seconds"].default
TOO_MANY, TOO_MANY_OF_ALL = "200 SUBSCRIPTION_LIMIT", "400 SUBSCRIPTION_LIMIT"
LET_IN, KEPT_OUT = "200 OK", "200 FORBIDDEN"
ENDING_SECONDS = timedelta(seconds=4)
(RECORD,) = {method.name: method for _, method in served() if method.name == "RecordEvents"}.values()
ACCEPTED = {
    "nothing": "",
    "JSON": JSON,
    "the newer JSON": NEWER,
    "text": "text/plain",
    "noise": "\\;,=" * 500,
}


def cases(world: World) -> Iterator[Case]:
    """At the path of their own."""
    yield from _asked(world)
    yield from _seen(world)
    yield _case(world, "a token that ends", _ending(world), "200 OK, then 200 UNAUTHENTICATED, then closed")
    yield _case(world, f"the last of {OF_ONE + 1} of one principal", _of_one(world), TOO_MANY)
    yield _case(world, f"the last of {STREAMS + 1} of many", _of_all(world), TOO_MANY_OF_ALL)
    yield _case(world, "one when they have gone", _afterwards(world), LET_IN)
    yield _case(world, "clients that take nothing", _not_taken(world), "others are served, cut off")


def _case(world: World, name: str, ask: Callable[[int], Awaitable[Answer]], *expected: str) -> Case:
    return Case("streams", name, ask, expected, timed=False)


def body_of(member_id: str, query: str = SUBSCRIPTION) -> dict[str, object]:
    """A subscription to one member."""
    return {"query": query, "variables": {"id": member_id}}


async def _first(world: World, member_id: str, token: str, accept: str = EVENTS) -> Answer:
    async with world.graph.stream(body_of(member_id), token=token, accept=accept) as stream:
        return await stream.first()


def _asked(world: World) -> Iterator[Case]:
    """Whatever is no subscription; how it is refused is one of the documented ways."""
    for name, accept in ACCEPTED.items():

        async def accepted(_: int, accept: str = accept) -> Answer:
            return await _first(world, world.own.members[0], world.stranger(), accept)

        yield _case(world, f"accepts {name}", accepted, LET_IN)
    for method in ("GET", "PUT", "DELETE"):

        async def by_method(_: int, method: str = method) -> Answer:
            attack = Attack(method, "", b"", method=method, path=STREAM)
            return await world.graph.send(request_of(world, attack, NEWER))

        yield _case(world, f"by {method}", by_method, "405 METHOD_NOT_ALLOWED", "405")
    for attack in ATTACKS:
        if attack.path == "/graphql" and attack.method == "POST":
            sent = attack.content.decode("utf-8", "replace") + " ".join(attack.headers.values())
            ask = _attacked(world, replace(attack, path=STREAM))
            yield Case("streams", attack.name, ask, sent=sent, timed=False)


def _attacked(world: World, attack: Attack) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        async with world.graph.streamed(request_of(world, attack, NEWER)) as stream:
            return await stream.first()

    return ask


def _seen(world: World) -> Iterator[Case]:
    """By everybody who may and may not; whom they do not see is like one that is not there."""
    grants = policy().graph[FIELD].grants
    for principal in (each for each in PRINCIPALS if each != "service"):

        async def ask(_: int, principal: str = principal) -> Answer:
            return await _first(world, world.own.members[0], world.token_of(principal))

        yield _case(world, f"by {principal}", ask, LET_IN if principal in grants else KEPT_OUT)
        scope = grants[principal].scope if principal in grants else ""
        for whose, value in foreign(world, "member", scope) if scope else ():
            yield _case(
                world, f"by {principal}: {whose}", _foreign(world, principal, value), "like a missing one"
            )


def _foreign(world: World, principal: str, member_id: str) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        token = world.token_of(principal)
        found, missing = [await _first(world, each, token) for each in (member_id, MISSING["member"])]
        alike = found.outcome == missing.outcome and member_id not in found.text
        return (
            Answer("like a missing one")
            if alike
            else Answer(f"{found.outcome} BUT {missing.outcome}", found.text)
        )

    return ask


def _ending(world: World) -> Callable[[int], Awaitable[Answer]]:
    """A token that is good for some seconds more, by what clocks may differ."""

    async def ask(_: int) -> Answer:
        begun = clock.now() - LEEWAY
        token = signer(world.run).token(
            *("an_ending_one", "staff"),
            now=begun,
            ttl=ENDING_SECONDS,
            program_id=world.own.program_id,
            roles=["compliance_officer"],
        )
        async with world.graph.stream(body_of(world.own.members[0]), token=token) as stream:
            told = [await stream.first(), await stream.next(), await stream.next()]
        return Answer(", then ".join(each.outcome for each in told), told[1].text)

    return ask


def _of_one(world: World) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        token = world.token("staff", "a_collector", ["compliance_officer"])
        async with AsyncExitStack() as held:
            answers = await _held(world, held, [token] * OF_ONE)
            answers += await _held(world, held, [token])
        return _last(answers)

    return ask


def _of_all(world: World) -> Callable[[int], Awaitable[Answer]]:
    """Streams of so many principals, beside which others are served."""

    async def ask(_: int) -> Answer:
        async with AsyncExitStack() as held:
            answers: list[Answer] = []
            for _ in range(STREAMS // OF_ONE):
                answers += await _held(world, held, [world.stranger()] * OF_ONE)
            answers += await _held(world, held, [world.stranger()])
            query = await world.graph.post({"query": "{ __typename }"}, token=world.stranger())
        return _last([*answers[:-1], query, answers[-1]])

    return ask


def _last(answers: Sequence[Answer]) -> Answer:
    """What the last heard, or whoever was refused before."""
    return next((each for each in answers if each.outcome != LET_IN), answers[-1])


def _afterwards(world: World) -> Callable[[int], Awaitable[Answer]]:
    async def ask(_: int) -> Answer:
        await asyncio.sleep(1)  # until what they held is let go
        return await _first(world, world.own.members[0], world.stranger())

    return ask


async def _held(world: World, held: AsyncExitStack, tokens: Sequence[str]) -> list[Answer]:
    body = body_of(world.own.members[0])
    streams = [await held.enter_async_context(world.graph.stream(body, token=token)) for token in tokens]
    return list(await asyncio.gather(*(each.first() for each in streams)))


def _not_taken(world: World) -> Callable[[int], Awaitable[Answer]]:
    """Changes of a member, again and again, for clients that have read the first and read no more."""

    async def attack() -> str:
        async with AsyncExitStack() as held:
            asked = body_of(world.own.members[0], LARGE)
            opened = [world.graph.stream(asked, token=world.stranger(), bytes_taken=4_096) for _ in range(5)]
            streams = [await held.enter_async_context(each) for each in opened]
            first = await asyncio.gather(*(each.first() for each in streams))
            if bad := [each.outcome for each in first if each.outcome != LET_IN]:
                return f"not begun: {bad[0]}"
            for _ in range(30):
                await world.rpc.ask("members", RECORD, valid(RECORD, world.own), world.caller("partner"))
                await asyncio.sleep(0.1)
            await asyncio.sleep(SLOW_SECONDS + 1)
            endings = {await _ending_of(each) for each in streams}
        return " ".join(sorted(endings))

    async def ask(_: int) -> Answer:
        return await served_beside(world, attack)

    return ask


async def _ending_of(stream: EventStream) -> str:
    """How a stream ends when all that came of it is read."""
    while True:
        answer = await stream.next(seconds=2)
        if answer.outcome != LET_IN:
            return "cut off" if answer.outcome == "closed" else answer.outcome
