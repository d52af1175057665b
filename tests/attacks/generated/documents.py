"""Requests to the graph that nobody wrote: drawn from the schema, and good ones with something broken."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
from graphql import NameNode, ObjectFieldNode, ObjectValueNode
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from libs.common.policy import ROLES
from tests.attacks import schema
from tests.attacks.generated.mutation import mutated_bytes, mutated_text
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World
from tests.gateway.queries import IDS, MEMBER, PAGE, PARTS


def representation(keys: Mapping[str, str]) -> ObjectValueNode:
    """An entity as a router names it."""
    fields = [
        ObjectFieldNode(name=NameNode(value=name), value=nodes.String(value)) for name, value in keys.items()
    ]
    return nodes.Object(fields)


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "DateTime": st.sampled_from(["1998-03-02T12:00:00Z", "yesterday", ""]).map(nodes.String),
    "Long": st.integers(-(2**63), 2**63).map(nodes.Int),
    "AmountMinor": st.integers(-1, 10**13).map(nodes.Int),
    "_Any": st.sampled_from(["", "Member", "Program", "Query", "_Any"]).flatmap(
        lambda kind: st.dictionaries(st.sampled_from(["id", "memberId", "key"]), st.text(max_size=50)).map(
            lambda keys: representation({"__typename": kind, **keys})
        )
    ),
}
# Words that parsers and resolvers give a meaning to.
WORDS = (
    *"{}()[]:!$@|&=#,.",
    *("...", '"""', "\\u", "\ufeff", "fragment F on Member", "...F", "query", "mutation", "subscription"),
    *(
        "__typename",
        "__schema",
        "@include(if:true)",
        "@skip(if:$x)",
        "@defer",
        "null",
        "-0",
        "1e400",
        "9" * 50,
    ),
    *('"mem_"', "first:2147483647", 'after:"AAAA"', "input:{}", "a:", "on Query", "__proto__", '"\ud83d"'),
)
WHO = ("compliance_officer", "partner", "store_manager", "member", "operations_manager")
ASKED_BY_ONE = 20
"""Requests until somebody else asks, so that nobody's budget runs out."""


def cases(world: World, *, seed: int, count: int) -> Iterator[Case]:
    """So many: three tenths from the schema, two that break it, three broken texts, two broken bytes."""
    bodies = [
        *_drawn(Mode.POSITIVE, seed, count * 3 // 10),
        *_drawn(Mode.NEGATIVE, seed, count * 2 // 10),
        *_broken_texts(world, seed, count * 3 // 10),
    ]
    bodies += _broken_bytes(world, seed, count - len(bodies))
    token = ""
    for number, body in enumerate(bodies):
        if number % ASKED_BY_ONE == 0:
            who = WHO[number // ASKED_BY_ONE % len(WHO)]
            token = world.stranger(who) if who in ROLES else world.token_of(who)
        yield _case(world, f"document {number} of seed {seed}", body, token)


def _case(world: World, name: str, body: bytes, token: str) -> Case:
    async def ask(_: int) -> Answer:
        return await world.graph.post(body, token=token)

    return Case("generated graph", name, ask, sent=body.decode("utf-8", "replace"))


def _drawn(mode: Mode, seed: int, count: int) -> list[bytes]:
    """Documents of the schema, or nearly."""
    drawn: list[bytes] = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(from_schema(schema.SCHEMA_FILE.read_text(), custom_scalars=SCALARS, mode=mode))
    def draw(document: Any) -> None:
        drawn.append(json.dumps({"query": str(document)}).encode())

    draw()
    return drawn[:count]


def _good(world: World) -> list[dict[str, Any]]:
    """Requests that are answered well."""
    member = {"id": world.own.members[0]}
    return [
        {"query": MEMBER, "variables": member},
        {"query": PARTS, "variables": member | {"program": world.own.program_id}},
        {"query": PAGE, "variables": {"first": 2}},
        {"query": IDS, "variables": {"first": 2, "tier": "gold"}},
        *(schema.asked(world, root, name) for root, name in schema.entries()),
    ]


def _broken_texts(world: World, seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(f"texts {seed}")
    good = _good(world)
    for _ in range(count):
        body = dict(chance.choice(good))
        part = chance.choice(["query", "query", "variables"])
        if part == "query":
            yield json.dumps(body | {part: mutated_text(body[part], WORDS, chance)}).encode()
        else:
            broken = mutated_text(json.dumps(body[part]), WORDS, chance)
            query = json.dumps(body["query"])
            yield f'{{"query":{query},"variables":{broken}}}'.encode("utf-8", "surrogatepass")


def _broken_bytes(world: World, seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(f"bytes {seed}")
    good = [json.dumps(body).encode() for body in _good(world)]
    for _ in range(count):
        yield mutated_bytes(chance.choice(good), chance)
