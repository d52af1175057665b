"""Documents by ids: of none, of another document, of no form, too many; and where a list alone is served."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from services.gateway.admission.persisted import KEPT_BYTES_MAX
from tests.attacks.floods.others import served_beside
from tests.attacks.listing import listing_gateway
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

UNKNOWN, MISMATCH = "200 PERSISTED_QUERY_NOT_FOUND", "400 PERSISTED_QUERY_MISMATCH"
NOT_LISTED, BAD, SERVED = "400 PERSISTED_QUERY_NOT_IN_LIST", "400 BAD_REQUEST", "200 OK"
LISTED, OTHER = "query Listed { __typename }", "query Other { __typename }"
LISTED_ID = "frontend/listed"
MEMBERS = "query Members { members(first: 1) { edges { node { memberId } } } }"
ONLY_TYPES = "query Types { __schema { types { name } } }"
# A comment makes a document long that is quickly read.
PADDING = 30_000

Body = dict[str, Any]
Ask = Callable[[int], Awaitable[Answer]]


def hashed(text: str) -> str:
    """The id of a document, as its client makes it."""
    return hashlib.sha256(text.encode()).hexdigest()


def by_hash(found: object, query: str = "", version: object = 1) -> Body:
    """Apollo's way to ask."""
    text = {"query": query} if query else {}
    return text | {"extensions": {"persistedQuery": {"version": version, "sha256Hash": found}}}


def by_id(found: object, query: str = "") -> Body:
    """The way of GraphQL over HTTP."""
    return ({"query": query} if query else {}) | {"documentId": found}


def cases(world: World) -> Iterator[Case]:
    """At the gateway that takes all documents, and then at one of its own with a list."""
    for name, (body, expected) in _bodies().items():
        yield _case(name, _asked(world, [body]), expected)
    for name, (bodies, expected) in _series().items():
        yield _case(name, _asked(world, bodies), expected)
    yield _case("a document of others, by who may not ask it", _of_others(world), "200 FORBIDDEN")
    yield _case("more documents than are kept", _flood(world), "others are served, the first is forgotten")
    answers: dict[str, Answer] = {}
    for name, (_, expected) in _strictly().items():

        async def ask(_: int, name: str = name) -> Answer:
            if not answers:
                answers.update(await _answered_strictly(world))
            return answers[name]

        yield _case(f"with a list alone: {name}", ask, expected)


def _case(name: str, ask: Ask, expected: str) -> Case:
    return Case("persisted", name, ask, (expected,), timed=False)


def _asked(world: World, bodies: list[Body]) -> Ask:
    """The answer to the last of them."""

    async def ask(_: int) -> Answer:
        return [await world.graph.post(body, token=world.stranger()) for body in bodies][-1]

    return ask


def _bodies() -> dict[str, tuple[Body, str]]:
    ids: dict[str, object] = {
        "a path": "../../etc/passwd",
        "an operator's text": '{"$gt":""}',
        "a prototype": "__proto__",
        "NUL": "a\0b",
        "Unicode": "\u202e\u0000é",
        "128 characters": "a" * 128,
    }
    found = {f"an id that is {name}": (by_id(each), UNKNOWN) for name, each in ids.items()}
    wrong: dict[str, object] = {
        "a number": 1,
        "a list": ["a"],
        "an object": {"$gt": ""},
        "too long": "a" * 129,
    }
    found |= {f"an id that is {name}": (by_id(each), BAD) for name, each in (wrong | {"empty": ""}).items()}
    found |= {
        f"a hash that is {name}": (by_hash(each), BAD) for name, each in (wrong | {"null": None}).items()
    }
    upper = hashed(OTHER).upper()
    return found | {
        "a hash of nothing that was sent": (by_hash("0" * 64), UNKNOWN),
        "another version": (by_hash("0" * 64, version=2), BAD),
        "a version that is a text": (by_hash("0" * 64, version="1"), BAD),
        "the hash of another document": (by_hash(hashed(OTHER), LISTED), MISMATCH),
        "a hash in capitals": (by_hash(upper, OTHER), MISMATCH),
        "half a hash": (by_hash(hashed(OTHER)[:32], OTHER), MISMATCH),
        "a name for one's own document": (by_id("mine", OTHER), MISMATCH),
        "no form of extension": ({"extensions": {"persistedQuery": "x"}}, BAD),
        "extensions that are a list": ({"extensions": []}, BAD),
    }


def _series() -> dict[str, tuple[list[Body], str]]:
    """What is sent one after the other, and what the last hears."""
    broken, closed = "query Broken {", hashed(ONLY_TYPES)
    mismatched = by_hash(hashed(OTHER), LISTED)
    return {
        "a document, and then its hash": (
            [by_hash(hashed(MEMBERS), MEMBERS), by_hash(hashed(MEMBERS))],
            SERVED,
        ),
        "a broken document, and then its hash": (
            [by_hash(hashed(broken), broken), by_hash(hashed(broken))],
            UNKNOWN,
        ),
        "one that may not be asked, by its hash": (
            [by_hash(closed, ONLY_TYPES), by_hash(closed)],
            "400 INTROSPECTION_CLOSED",
        ),
        "another's place, and then its hash": ([mismatched, by_hash(hashed(OTHER))], UNKNOWN),
    }


def _of_others(world: World) -> Ask:
    """An id is no right: what it stands for is asked as whoever sends it."""

    async def ask(_: int) -> Answer:
        known = await world.graph.post(by_hash(hashed(MEMBERS), MEMBERS), token=world.stranger())
        assert not known.refused, known
        return await world.graph.post(by_hash(hashed(MEMBERS)), token=world.token_of("member"))

    return ask


def _flood(world: World) -> Ask:
    """As many documents as fill the room for them half again."""

    def document(number: int) -> str:
        return f"query Flood{number} {{ __typename }} #{'x' * PADDING}"

    async def attack() -> str:
        for number in range(3 * KEPT_BYTES_MAX // 2 // PADDING):
            text = document(number)
            answer = await world.graph.post(by_hash(hashed(text), text), token=world.stranger())
            if answer.outcome != SERVED:
                return answer.outcome
        last = await world.graph.post(by_hash(hashed(text)), token=world.stranger())
        first = await world.graph.post(by_hash(hashed(document(0))), token=world.stranger())
        ended = (last.outcome, first.outcome)
        return (
            "the first is forgotten"
            if ended == (SERVED, UNKNOWN)
            else f"the last {ended[0]}, the first {ended[1]}"
        )

    async def ask(_: int) -> Answer:
        return await served_beside(world, attack)

    return ask


def _strictly() -> dict[str, tuple[Body, str]]:
    """What a gateway answers that serves a list alone."""
    return {
        "a listed one by its id": (by_id(LISTED_ID), SERVED),
        "a listed one by its id, as Apollo asks": (by_hash(LISTED_ID), SERVED),
        "a listed one by its text": ({"query": LISTED}, SERVED),
        "its id with another document": (by_id(LISTED_ID, OTHER), MISMATCH),
        "an id that is not listed": (by_id("frontend/other"), NOT_LISTED),
        "another document": ({"query": OTHER}, NOT_LISTED),
        "another document with its hash": (by_hash(hashed(OTHER), OTHER), NOT_LISTED),
        "the hash of another document": (by_hash(hashed(OTHER)), NOT_LISTED),
        "a listed one with a space more": ({"query": f"{LISTED} "}, NOT_LISTED),
        "a broken document": ({"query": "{"}, NOT_LISTED),
    }


async def _answered_strictly(world: World) -> dict[str, Answer]:
    async with listing_gateway(world, {LISTED_ID: LISTED}) as graph:
        return {
            name: await graph.post(body, token=world.stranger()) for name, (body, _) in _strictly().items()
        }
