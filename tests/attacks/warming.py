"""Before anything is measured: caches, pools and code as in service, and what is kept of documents full."""

import asyncio

from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type, parse

from services.gateway.plans.kept import WEIGHT_KEPT
from services.gateway.settings import GatewaySettings
from tests.attacks import schema
from tests.attacks.contract import served, valid
from tests.attacks.hand import messages
from tests.attacks.world import World

TIMES = 5
DEPTH, FIELDS_MAX = 3, 300
AT_ONCE = 4


async def warm_up(world: World) -> None:
    """Ask for what is read."""
    for _ in range(TIMES):
        reads = [(service, method) for service, method in served() if not messages.is_write(method)]
        asked = [
            world.rpc.ask(service, method, valid(method, world.own), messages.caller_for(world, method))
            for service, method in reads
        ]
        queries = [
            world.graph.post(schema.asked(world, root, name), token=world.stranger())
            for root, name in schema.entries()
            if root == "Query"
        ]
        await asyncio.gather(*asked, *queries)
    await _fill(world)


async def _fill(world: World) -> None:
    """As many large documents as the gateway keeps, so that it forgets one for each that comes later."""
    numbers = iter(
        range(max(GatewaySettings.model_fields["tokens_kept"].default, WEIGHT_KEPT) // tokens() + 1)
    )

    async def ask() -> None:
        for number in numbers:
            asked = {"query": document(number), "variables": {"id": world.own.members[0]}}
            answer = await world.graph.post(asked, token=world.stranger())
            assert not answer.refused, answer

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


def document(number: int) -> str:
    """A large one, and like no other."""
    member = schema.SCHEMA.type_map["Member"]
    return f"query Kept{number}($id: ID!) {{ member(id: $id) {{ {_fields(member, DEPTH, [FIELDS_MAX])} }} }}"


def tokens() -> int:
    """How many words and signs such a document has."""
    return parse(document(0)).token_count or 0


def _fields(of: GraphQLNamedType, depth: int, left: list[int]) -> str:
    """Every field that needs no argument, and what is in it, as many as are left."""
    assert isinstance(of, GraphQLObjectType)
    chosen = ["__typename"]
    for name, each in of.fields.items():
        inside = get_named_type(each.type)
        if left[0] <= 0 or each.args:
            continue
        if is_leaf_type(inside):
            left[0] -= 1
            chosen.append(name)
        elif depth and isinstance(inside, GraphQLObjectType):
            left[0] -= 1
            chosen.append(f"{name} {{ {_fields(inside, depth - 1, left)} }}")
    return " ".join(chosen)
