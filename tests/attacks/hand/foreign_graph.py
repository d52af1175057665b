"""Ids of what is not the caller's, in every argument and input of the graph that takes one."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.attacks import schema
from tests.attacks.contract import name_of
from tests.attacks.hand.foreign import MISSING, foreign
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

IDS = re.compile(r"ids?|key|.*Ids?")
NAMES = {"requestId", "externalMemberId"}
KINDS = {
    "id": "member",
    "ids": "member",
    "memberId": "member",
    "memberIds": "member",
    "decisionId": "decision",
    "reportId": "report",
    "key": "program",
    "storeId": "store",
    "rewardId": "reward",
    "redemptionId": "redemption",
    "toMemberId": "recipient",
    "adjustmentId": "adjustment",
    "overrideId": "override",
    "badgeId": "badge",
    "breakGlassId": "break_glass",
    "simulationId": "simulation",
    "aboutDecisionId": "decision",
    "contractId": "contract",
    "couponId": "coupon",
    "couponIds": "coupon",
    "entryId": "entry",
    "useId": "use",
}
"""What each field is the id of; a field that is not here yet is a KeyError."""
OF_NODES = {"node", "nodes"}
"""What takes ids of the graph alone."""


def cases(world: World) -> Iterator[Case]:
    """Every principal that may ask at all."""
    for root, name in schema.entries():
        variables = schema.VALID[name](world.own)
        for place in (each for each in schema.texts(variables) if takes_an_id(name, each)):
            kind = KINDS[field_at(place)]
            for principal, grant in schema.grants_of(root, name).items():
                for whose, value in foreign(world, kind, grant.scope):
                    yield _case(world, (root, name), principal, place, kind, whose, value)


def field_at(place: schema.Place) -> str:
    """The field that a place is in, of which it may be an item."""
    return next(each for each in reversed(place) if isinstance(each, str))


def takes_an_id(name: str, place: schema.Place) -> bool:
    field = field_at(place)
    of_its_own = {"key", f"{name.removeprefix('create').lower()}id"}
    is_new = name.startswith("create") and field.lower() in of_its_own
    return bool(IDS.fullmatch(field)) and field not in NAMES and not is_new


def _case(
    world: World,
    entry: tuple[str, str],
    principal: str,
    place: schema.Place,
    kind: str,
    whose: str,
    value: str,
) -> Case:
    root, name = entry

    async def told(given: str) -> Answer:
        given = schema.global_id("Member", given) if name in OF_NODES else given
        variables = schema.put(schema.VALID[name](world.own), place, given)
        asked = schema.asked(world, root, name, variables)
        answer = await world.graph.post(asked, token=world.token_of(principal))
        body = answer.text.partition("\r\n\r\n")[2].replace(given, "ID")
        return replace(answer, text=re.sub(r'"requestId":"[^"]*"', "", body))

    async def ask(_: int) -> Answer:
        found, missing = await told(value), await told(MISSING[kind])
        if (found.outcome, found.text) == (missing.outcome, missing.text):
            return replace(found, outcome="like a missing one")
        said = f"{found.outcome} {found.text} BUT {missing.outcome} {missing.text}"
        return Answer("unlike a missing one", said)

    said = f"graph {root}.{name} by {principal}: {name_of(place)} {whose}"
    return Case("foreign ids", said, ask, ("like a missing one",), timed=False)
