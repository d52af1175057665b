"""The graph as an attacker reads it: every query and mutation with valid variables, and the texts in them."""

import base64
import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, build_schema, get_named_type

from libs.common.caller import Grant
from libs.common.ids import new_id
from libs.common.policy import policy
from tests.attacks import (
    badge_scene,
    coupon_scene,
    model_scene,
    point_scene,
    program_scene,
    reveal_scene,
    simulation_scene,
    tier_scene,
)
from tests.attacks.contract import CALLERS
from tests.attacks.world import Shop, World
from tests.contracts.code import ROOT

SCHEMA_FILE: Path = ROOT / "services/gateway/schema.graphql"
SCHEMA = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
# Those with most behind them last; services have no part in the graph.
PRINCIPALS = tuple(each for each in CALLERS if each != "service")
OCCURRED = "1998-03-02T12:00:00Z"
SHOWN_AS = {"_entities": "member"}
OF_ANY_FORM = "_Any"
"""The type of representations: the schema says nothing of their fields."""

Place = tuple[str | int, ...]
Variables = dict[str, Any]


def entries() -> list[tuple[str, str]]:
    """The fields that operations begin with: `Query` or `Mutation`, and the name."""
    roots = [each for each in (SCHEMA.query_type, SCHEMA.mutation_type) if each is not None]
    return [(root.name, name) for root in roots for name in root.fields]


def document(root: str, name: str) -> str:
    """An operation of this field alone, with a variable for each argument."""
    owner = SCHEMA.type_map[root]
    assert isinstance(owner, GraphQLObjectType)
    field: GraphQLField = owner.fields[name]
    declared = ", ".join(f"${each}: {argument.type}" for each, argument in field.args.items())
    given = ", ".join(f"{each}: ${each}" for each in field.args)
    if not given:
        return f"{root.lower()} {{ {name} {{ __typename }} }}"
    return f"{root.lower()}({declared}) {{ {name}({given}) {{ __typename }} }}"


def grants_of(root: str, name: str) -> Mapping[str, Grant]:
    """Who may ask for a field, and how far they see; entities are shown as the query of one shows them."""
    return policy().graph[f"{root}.{SHOWN_AS.get(name, name)}"].grants


def principal_for(root: str, name: str) -> str:
    """Somebody who may ask for a field."""
    grants = grants_of(root, name)
    return next(each for each in PRINCIPALS if each in grants)


def asked(world: World, root: str, name: str, variables: Variables | None = None) -> Variables:
    """The body of a request for a field, with valid variables unless others are given."""
    given = VALID[name](world.own) if variables is None else variables
    return {"query": document(root, name), "variables": given}


def texts(value: Any, before: Place = ()) -> Iterator[Place]:
    """Where variables hold a text."""
    if isinstance(value, str):
        yield before
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield from texts(inside, (*before, name))
    elif isinstance(value, list):
        for index, inside in enumerate(value[:1]):
            yield from texts(inside, (*before, index))


def objects(value: Any, before: Place = ()) -> Iterator[Place]:
    """Where variables hold an input object."""
    if isinstance(value, dict):
        if before:
            yield before
        for name, inside in value.items():
            yield from objects(inside, (*before, name))
    elif isinstance(value, list):
        for index, inside in enumerate(value[:1]):
            yield from objects(inside, (*before, index))


def at(variables: Variables, place: Place) -> Any:
    """What stands at a place."""
    value: Any = variables
    for step in place:
        value = value[step]
    return value


def is_of_any_form(root: str, name: str, place: Place) -> bool:
    """Whether it is the field itself that looks at a place: what is wrong there is an error there."""
    owner = SCHEMA.type_map[root]
    assert isinstance(owner, GraphQLObjectType)
    return bool(get_named_type(owner.fields[name].args[str(place[0])].type).name == OF_ANY_FORM)


def put(variables: Variables, place: Place, value: Any) -> Variables:
    """Variables with something else at a place."""
    changed = copy.deepcopy(variables)
    at(changed, place[:-1])[place[-1]] = value
    return changed


def _event(shop: Shop) -> Variables:
    return {
        "kind": "PURCHASE",
        "member": {"memberId": shop.members[0]},
        "externalRef": new_id("ref"),
        "line": 1,
        "occurredTime": OCCURRED,
        "storeId": shop.store_id,
        "amountMinor": 100,
        "currency": "USD",
        "quantity": 1,
        "attributes": [{"name": "channel", "value": "web"}],
    }


def _registration(shop: Shop) -> Variables:
    return {
        "externalMemberId": new_id("ext"),
        "storeId": shop.store_id,
        "registeredTime": OCCURRED,
        "verification": "VERIFIED",
    }


def _reward_terms() -> Variables:
    return {
        "kind": "GOODS",
        "name": {"zh": "咖啡", "en": "Coffee"},
        "description": {"zh": "黑", "en": "Black"},
        "pricePoints": 1,
        "valueMinor": 1,
        "tierSet": "main",
        "tierKey": "normal",
        "spendMinMinor": 0,
        "window": {"fromTime": OCCURRED, "hours": [{"weekdays": [], "fromMinute": 0, "toMinute": 1440}]},
        "limits": {"memberPeriodMax": 100_000, "periodDays": 7},
        "reserveMinutes": 60,
    }


VALID: Mapping[str, Callable[[Shop], Variables]] = {
    "node": lambda shop: {"id": global_id("Member", shop.members[0])},
    "nodes": lambda shop: {"ids": [global_id("Member", shop.members[0])]},
    "_service": lambda _: {},
    "_entities": lambda shop: {"representations": [{"__typename": "Member", "memberId": shop.members[0]}]},
    "member": lambda shop: {"id": shop.members[0]},
    "members": lambda shop: {"first": 2, "after": None, "tier": "gold"},
    "program": lambda shop: {"key": shop.program_id},
    "splitValue": lambda shop: {"memberId": shop.members[0], "valueMinor": 10_000},
    "reports": lambda shop: {"first": 2, "after": None, "status": "OPEN", "memberId": shop.members[1]},
    "registerMembers": lambda shop: {
        "input": {"requestId": new_id("req"), "registrations": [_registration(shop)]}
    },
    "recordEvents": lambda shop: {"input": {"requestId": new_id("req"), "events": [_event(shop)]}},
    **coupon_scene.FIELDS,
    **model_scene.FIELDS,
    **point_scene.FIELDS,
    **tier_scene.FIELDS,
    **badge_scene.FIELDS,
    **reveal_scene.FIELDS,
    **program_scene.FIELDS,
    **simulation_scene.FIELDS,
    "setNoticePreferences": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "marketing": True,
            "muted": ["WAKE_UP"],
        }
    },
    "staffNotices": lambda shop: {"first": 2, "after": None},
    "contractPlans": lambda shop: {},
    "contracts": lambda shop: {"first": 2, "after": None, "plan": "gold_year"},
    "renewalPool": lambda shop: {"first": 2, "after": None, "satisfaction": "UNMET"},
    "sellContract": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "plan": "private_album",
            "paymentReference": new_id("pay"),
            "amountMinor": 100,
            "start": "NOW",
        }
    },
    "renewContract": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "contractId": shop.contracts[5],
            "plan": "gold_year",
            "paymentReference": new_id("pay"),
            "amountMinor": 100_000,
        }
    },
    "refundContract": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "contractId": shop.contracts[6],
            "kind": "WHOLE",
            "refundReference": new_id("back"),
            "reason": "changed their mind",
        }
    },
    "cancelRenewal": lambda shop: {"input": {"requestId": new_id("req"), "contractId": shop.contracts[7]}},
    "setSatisfaction": lambda shop: {
        "input": {"requestId": new_id("req"), "contractId": shop.contracts[7], "satisfaction": "UNMET"}
    },
    "setBirthday": lambda shop: {
        "input": {"requestId": new_id("req"), "memberId": shop.members[0], "birthday": "05-17"}
    },
    "useBenefit": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "benefit": "new_release_letter",
            "amount": 1,
            "externalRef": new_id("ref"),
            "channel": "app",
        }
    },
    "recordStanding": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "month": "1998-06",
            "standard": "s",
        }
    },
    "cancelBenefitUse": lambda shop: {"input": {"requestId": new_id("req"), "useId": shop.uses[0]}},
    "reward": lambda shop: {"rewardId": shop.rewards[0]},
    "ledgerProof": lambda shop: {"entryId": shop.entries[0]},
    "ledgerRoots": lambda shop: {"first": 2, "after": None},
    "pointsReport": lambda shop: {"first": 2},
    "tierReport": lambda shop: {"months": 2},
    "fairnessReport": lambda _: {},
    "usageMonths": lambda _: {"first": 2, "after": None},
    "rewards": lambda shop: {"first": 2, "after": None, "kind": "GOODS", "includeArchived": True},
    "redemptions": lambda shop: {
        "first": 2,
        "after": None,
        "memberId": shop.members[0],
        "rewardId": shop.rewards[0],
        "state": "RESERVED",
    },
    "createReward": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "rewardId": f"r{new_id('x')[-12:]}",
            "terms": _reward_terms(),
            "stock": 10,
        }
    },
    "updateReward": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "rewardId": shop.rewards[0],
            "version": 1,
            "terms": _reward_terms(),
            "archived": False,
        }
    },
    "restockReward": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "rewardId": shop.rewards[0],
            "added": 1,
            "explanation": "delivered",
        }
    },
    "redeemReward": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "rewardId": shop.rewards[0],
        }
    },
    "fulfilRedemption": lambda shop: {
        "input": {"requestId": new_id("req"), "redemptionId": shop.redemptions[0]}
    },
    "cancelRedemption": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "redemptionId": shop.redemptions[2],
            "explanation": "changed their mind",
        }
    },
    "grantReward": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[0],
            "rewardId": shop.rewards[0],
            "explanation": "an apology",
        }
    },
    "approveGrant": lambda shop: {
        "input": {"requestId": new_id("req"), "redemptionId": shop.grants[2], "explanation": "seen it"}
    },
    "rejectGrant": lambda shop: {
        "input": {"requestId": new_id("req"), "redemptionId": shop.grants[1], "explanation": "too much"}
    },
    "reportMember": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "memberId": shop.members[8],
            "reason": "OTHER",
            "note": "said so",
        }
    },
    "decideReport": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "reportId": shop.reports[2],
            "decision": "DISMISS",
            "explanation": "nothing found",
        }
    },
}
"""By the name of the field; one that is not here yet is a KeyError."""


def global_id(kind: str, key: str) -> str:
    """An id of the graph."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()
