"""Ids of what is not the caller's: every RPC and every field that takes one answers as if there were none."""

import re
from collections.abc import Iterator
from dataclasses import replace

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from libs.common.policy import policy
from tests.attacks.contract import Place, name_of, path_of, places, put, served, valid
from tests.attacks.hand.messages import TEXTS
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import Shop, World

IDS = re.compile(r"(.*_)?ids?|.*_digest")
# What looks like an id of a record, and is a name that the caller gives, or a place in the order of ids.
NAMES = {"request_id", "subject_id", "event_id", "run_id", "external_member_id"}
NAMES |= {"after_member_id", "through_member_id", "facts_digest"}
MISSING = {
    "member": "mem_" + "0" * 32,
    "decision": "dec_" + "0" * 32,
    "report": "rep_" + "0" * 32,
    "endpoint": "whk_" + "0" * 32,
    "delivery": "dlv_" + "0" * 32,
    "use": "use_" + "0" * 32,
    # Whoever knows the id of a member of the program may pass points on to them.
    "recipient": "mem_" + "0" * 32,
    "adjustment": "adj_" + "0" * 32,
    "override": "ovr_" + "0" * 32,
    "badge": "bdg_" + "0" * 32,
    "break_glass": "bgl_" + "0" * 32,
    "simulation": "sim_" + "0" * 32,
    "entry": "ent_" + "0" * 32,
    "coupon": "cpn_" + "0" * 32,
    "contract": "ctr_" + "0" * 32,
    "reward": "no_such_reward",
    "redemption": "rdm_" + "0" * 32,
    "program": "no_such_program",
    "store": "no_such_store",
    "partner": "no_such_partner",
    "digest": "0" * 64,
}
KINDS = {
    "member_id": "member",
    "member_ids": "member",
    "decision_ids": "decision",
    "report_id": "report",
    "endpoint_id": "endpoint",
    "delivery_ids": "delivery",
    "use_id": "use",
    "to_member_id": "recipient",
    "adjustment_id": "adjustment",
    "override_id": "override",
    "badge_id": "badge",
    "break_glass_id": "break_glass",
    "decision_id": "decision",
    "simulation_id": "simulation",
    "simulation_ids": "simulation",
    "entry_ids": "entry",
    "coupon_id": "coupon",
    "contract_id": "contract",
    "reward_id": "reward",
    "reward_ids": "reward",
    "redemption_id": "redemption",
    "redemption_ids": "redemption",
    "program_id": "program",
    "program_ids": "program",
    "store_id": "store",
    "store_ids": "store",
    "partner_id": "partner",
    "program_digest": "digest",
}
"""What each field is the id of; a field that is not here yet is a KeyError."""


def cases(world: World) -> Iterator[Case]:
    """Every id of another program, and every member of the own one whom the caller's scope does not reach."""
    for service, method in served():
        row = policy().rpcs[path_of(method)]
        for principal, grant in row.grants.items():
            if principal != "service":
                for place in ids_in(world, method):
                    kind = KINDS[str(place[-1] if isinstance(place[-1], str) else place[-2])]
                    for whose, value in foreign(world, kind, grant.scope):
                        yield _case(world, service, method, principal, place, kind, whose, value)


def ids_in(world: World, method: MethodDescriptor) -> list[Place]:
    """The places of a request that hold an id of a record."""
    message = valid(method, world.own)
    found = []
    for place in places(message, TEXTS | {FieldDescriptor.TYPE_BYTES}):
        name = str(place[-1] if isinstance(place[-1], str) else place[-2])
        is_new = method.name.lower() == f"create{name.removesuffix('_id')}"
        if IDS.fullmatch(name) and name not in NAMES and not is_new:
            found.append(place)
    return found


def foreign(world: World, kind: str, scope: str) -> Iterator[tuple[str, str]]:
    """Ids of this kind beyond a scope, and whose they are."""
    yield "of another program", _of(world.other, kind)
    if kind == "member" and scope != "program":
        yield "of another partner", world.own.rival_members[0]
    if kind == "member" and scope == "self":
        yield "of another member", world.own.members[1]


def _of(shop: Shop, kind: str) -> str:
    return {
        "member": shop.members[0],
        "decision": shop.decisions[0],
        "report": shop.reports[2],
        "endpoint": shop.endpoints[0],
        "delivery": shop.deliveries[0],
        "use": shop.uses[0],
        "recipient": shop.members[0],
        "adjustment": shop.adjustments[0],
        "override": shop.overrides[0],
        "badge": shop.badges[0],
        "break_glass": shop.break_glasses[0],
        "simulation": shop.simulations[0],
        "entry": shop.entries[0],
        "coupon": shop.coupons[0],
        "contract": shop.contracts[0],
        "reward": shop.rewards[0],
        "redemption": shop.redemptions[0],
        "program": shop.program_id,
        "store": shop.store_id,
        "partner": shop.partner_id,
        "digest": shop.digest,
    }[kind]


def _case(
    world: World,
    service: str,
    method: MethodDescriptor,
    principal: str,
    place: Place,
    kind: str,
    whose: str,
    value: str,
) -> Case:
    async def told(given: str) -> Answer:
        message = put(valid(method, world.own), place, given)
        if kind == "digest":
            message = put(message, (*place[:-1], "program_document"), b"")
        answer = await world.rpc.ask(service, method, message, world.caller(principal))
        return replace(answer, text=as_one(answer.text, given, message))

    async def ask(_: int) -> Answer:
        found, missing = await told(value), await told(MISSING[kind])
        if (found.outcome, found.text) == (missing.outcome, missing.text):
            return replace(found, outcome="like a missing one")
        said = f"{found.outcome} {found.text} BUT {missing.outcome} {missing.text}"
        return Answer("unlike a missing one", said)

    name = f"{service} {path_of(method)} by {principal}: {name_of(place)} {whose}"
    return Case("foreign ids", name, ask, ("like a missing one",), timed=False)


def as_one(text: str, value: str, message: object) -> str:
    """The answer without the id, and without what is different in each."""
    request_id = getattr(message, "request_id", "")
    text = text.replace(value, "ID")
    if request_id:
        text = text.replace(request_id, "REQUEST")
    text = re.sub(r"\b(rep|sto|par|evt|aud)_[0-9a-f]{32}", "NEW", text)
    return re.sub(r"(seconds|nanos|position|position_last): \d+", r"\1", text)
