"""Texts that mean something else, in every text of a write and every variable of the graph."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from tests.attacks import schema
from tests.attacks.contract import name_of, path_of, places, principal_for, put, served, valid
from tests.attacks.hand.evil_texts import EVIL, HALF_A_PAIR
from tests.attacks.hand.messages import TEXTS, is_write
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

OPERATORS: dict[str, Any] = {
    "an operator": {"$gt": ""},
    "where": {"$where": "sleep(5000)"},
    "a list": ["x"],
    "a truth": True,
    "a prototype": {"__proto__": {"isAdmin": True}},
}
BAD_INPUT = "400 BAD_USER_INPUT"
BAD_AT_ITS_PLACE = "200 BAD_USER_INPUT"
SMUGGLED = ("programId", "program_id", "isAdmin", "roles", "__proto__", "$set", "integrity", "points")


def cases(world: World, *, all_texts: bool = True) -> Iterator[Case]:
    """Every field with every text; or each field with some of them, and all of them somewhere."""
    for service, method in served():
        if is_write(method):
            yield from _writes(world, service, method, all_texts=all_texts)
    for root, name in schema.entries():
        yield _control(world, root, name)
        yield from _variables(world, root, name, all_texts=all_texts)
        yield from _objects(world, root, name)


def some(number: int, *, all_texts: bool) -> list[tuple[str, str]]:
    """The texts for the field of this number."""
    every = list(EVIL.items())
    return every if all_texts else [every[(number * 3 + offset) % len(every)] for offset in range(3)]


def _writes(world: World, service: str, method: MethodDescriptor, *, all_texts: bool) -> Iterator[Case]:
    caller = world.caller(principal_for(method))
    for number, place in enumerate(places(valid(method, world.own), TEXTS)):
        for what, text in some(number, all_texts=all_texts):

            async def ask(_: int, place: Any = place, text: str = text) -> Answer:
                message = put(valid(method, world.own), place, text)
                return await world.rpc.ask(service, method, message, caller)

            yield Case("inputs", f"{service} {path_of(method)}: {name_of(place)} = {what}", ask, sent=text)


def _control(world: World, root: str, name: str) -> Case:
    token = world.token_of(schema.principal_for(root, name))

    async def ask(_: int) -> Answer:
        return await world.graph.post(schema.asked(world, root, name), token=token)

    return Case("control", f"graph {root}.{name}", ask, ("200 OK",), timed=False)


def _variables(world: World, root: str, name: str, *, all_texts: bool) -> Iterator[Case]:
    token = world.token_of(schema.principal_for(root, name))
    variables = schema.VALID[name](world.own)

    def case(place: schema.Place, what: str, value: Any, *expected: str, body: bytes = b"") -> Case:
        async def ask(_: int) -> Answer:
            changed = schema.put(schema.VALID[name](world.own), place, value)
            return await world.graph.post(body or schema.asked(world, root, name, changed), token=token)

        said = f"graph {root}.{name}: {name_of(place)} = {what}"
        return Case("inputs", said, ask, expected, sent=str(value))

    for number, place in enumerate(schema.texts(variables)):
        for what, text in some(number, all_texts=all_texts):
            yield case(place, what, text)
        bad = BAD_AT_ITS_PLACE if schema.is_of_any_form(root, name, place) else BAD_INPUT
        for what, value in OPERATORS.items():
            yield case(place, what, value, bad)
        yield _half(world, root, name, place, token)


def _half(world: World, root: str, name: str, place: schema.Place, token: str) -> Case:
    """Half of a pair, which JSON can spell and no text may hold."""

    async def ask(_: int) -> Answer:
        changed = schema.put(schema.VALID[name](world.own), place, HALF_A_PAIR)
        return await world.graph.post(schema.asked(world, root, name, changed), token=token)

    said = f"graph {root}.{name}: {name_of(place)} = half a pair"
    return Case("inputs", said, ask, ("400 BAD_REQUEST",))


def _objects(world: World, root: str, name: str) -> Iterator[Case]:
    """Fields that no input has; those that are answers must not be taken for inputs.

    Routers may send more of an entity than its key, which changes nothing.
    """
    token = world.token_of(schema.principal_for(root, name))
    for place in schema.objects(schema.VALID[name](world.own)):
        known = schema.at(schema.VALID[name](world.own), place)
        expected = "200 OK" if schema.is_of_any_form(root, name, place) else BAD_INPUT
        for smuggled in (each for each in SMUGGLED if each not in known):

            async def ask(_: int, place: Any = place, smuggled: str = smuggled) -> Answer:
                variables = schema.VALID[name](world.own)
                changed = schema.put(variables, place, {**schema.at(variables, place), smuggled: 1})
                return await world.graph.post(schema.asked(world, root, name, changed), token=token)

            yield Case("inputs", f"graph {root}.{name}: {name_of(place)} with {smuggled}", ask, (expected,))
