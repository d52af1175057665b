"""`nodes` and `_entities`: an id that is foreign, of another kind or none costs its own place alone."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from libs.common.policy import policy
from tests.attacks import schema
from tests.attacks.hand.foreign import MISSING
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

NODES = "query($of: [ID!]!) { found: nodes(ids: $of) { id ... on Member { memberId } } }"
ENTITIES = "query($of: [_Any!]!) { found: _entities(representations: $of) { ... on Member { memberId } } }"
AMONG_OWN = "200 BAD_USER_INPUT: own, nothing, own"
TOO_MANY = 101
Listed = Sequence[Any]


def cases(world: World) -> Iterator[Case]:
    """A bad one between two that are good, and more than may be."""
    for name, bad in _no_ids(world).items():
        yield _case(world, f"nodes: {name}", NODES, _around(world, _id, bad), AMONG_OWN)
    for name, bad in _no_entities(world).items():
        yield _case(world, f"entities: {name}", ENTITIES, _around(world, _entity, bad), AMONG_OWN)
    for query, made in ((NODES, _id), (ENTITIES, _entity)):
        many = [made(world.own.members[0])] * TOO_MANY
        yield _case(world, f"{made.__name__}: {TOO_MANY}", query, many, "400 BAD_USER_INPUT: nothing")
        for principal in ("compliance_officer", "partner", "member"):
            for whose, member_id in _foreign(world, principal):
                own = [world.own.members[0]]
                listed = [made(each) for each in (*own, member_id, *own)]
                said = f"{made.__name__}: {whose} between own ones, by {principal}"
                yield _case(world, said, query, listed, "200 OK: own, nothing, own", principal)


def _foreign(world: World, principal: str) -> Iterator[tuple[str, str]]:
    yield "one that is not there", MISSING["member"]
    yield "one of another program", world.other.members[0]
    scope = policy().graph["Query.member"].grants[principal].scope
    if scope in {"self", "store"}:
        yield "one of another partner", world.own.rival_members[0]


def _around(world: World, made: Any, bad: Any) -> Listed:
    own = world.own.members[0]
    return [made(own), bad, made(own)]


def _id(member_id: str) -> str:
    return schema.global_id("Member", member_id)


def _entity(member_id: str) -> dict[str, Any]:
    return {"__typename": "Member", "memberId": member_id}


def _no_ids(world: World) -> dict[str, str]:
    own = world.own
    return {
        "none": "",
        "the platform's own": own.members[0],
        "a program": schema.global_id("Program", own.program_id),
        "a reward as a member": schema.global_id("Member", own.rewards[0]),
        "a query": schema.global_id("Query", own.members[0]),
        "a type that there is not": schema.global_id("__proto__", own.members[0]),
        "no key": schema.global_id("Member", ""),
        "two keys": schema.global_id("Member", f"{own.members[0]}:{own.members[1]}"),
        "an operator": schema.global_id("Member", '{"$gt":""}'),
        "no base64": "=" * 40,
        "bytes that are no text": "////",
        "a thousand characters": "A" * 1_024,
    }


def _no_entities(world: World) -> dict[str, Any]:
    own = world.own
    return {
        "no type": {"memberId": own.members[0]},
        "a type that is no entity": {"__typename": "Query", "memberId": own.members[0]},
        "a type that there is not": {"__typename": "__proto__", "memberId": own.members[0]},
        "no key": {"__typename": "Member"},
        "a key that is a number": {"__typename": "Member", "memberId": 1},
        "a key that is an operator": {"__typename": "Member", "memberId": {"$gt": ""}},
        "a member and another one": _entity(own.members[0]) | {"id": _id(own.members[1])},
        "a member and no id": _entity(own.members[0]) | {"id": None},
        "a text": own.members[0],
        "a list": [_entity(own.members[0])],
    }


def _case(
    world: World, name: str, query: str, listed: Listed, expected: str, principal: str = "compliance_officer"
) -> Case:
    async def ask(_: int) -> Answer:
        body = {"query": query, "variables": {"of": listed}}
        answer = await world.graph.post(body, token=world.token_of(principal))
        return Answer(
            f"{answer.outcome}: {_found(world, answer.text)}", answer.text, answer.refused, answer.seconds
        )

    return Case("nodes", name, ask, (expected,), sent=json.dumps(listed))


def _found(world: World, text: str) -> str:
    """What stands at each place of the answer."""
    data = json.loads(text.partition("\r\n\r\n")[2]).get("data") or {"found": [None]}
    told = {None: "nothing", world.own.members[0]: "own"}
    found = [each and each.get("memberId") for each in data["found"]]
    return ", ".join(told.get(each, "somebody else's") for each in found)
