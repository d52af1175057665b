"""The contract as an attacker reads it: every RPC with a valid request, and the places in a request."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from laurel.benefits.v1 import notices_pb2
from laurel.members.v1 import events_pb2, members_pb2
from libs.cli.data_folder import STORING_SERVICES
from libs.common.ids import new_id
from libs.common.policy import ROLES, policy
from libs.common.rpc.peer import GATEWAY
from libs.common.rpc.shared.asks import is_shared
from libs.common.rpc.time import timestamp
from libs.common.rpc.transport import area
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
from tests.attacks.world import BENEFIT, Shop
from tests.contracts.test_protos import methods
from tests.support.builders import NOON

Fields = dict[str, Any]
Place = tuple[str | int, ...]
# Who calls a method where several may: those with the least behind them first.
CALLERS = ("partner", "compliance_officer", "system_administrator", "service", "member", *ROLES)


# After these, what is approved cannot be published any more, nor what is proposed be simulated.
LATE = {"RollBackProgram"}


def served() -> list[tuple[str, MethodDescriptor]]:
    """Every RPC with the services that serve it, those last after which others have nothing to be about."""
    ordered = sorted(methods(), key=lambda method: method.name in LATE)
    return [(service, method) for method in ordered for service in servers(method)]


def servers(method: MethodDescriptor) -> tuple[str, ...]:
    """The services that serve an RPC: one, but for what all storing services have."""
    name = area(method.containing_service)
    return STORING_SERVICES if name == "common" else (name,)


def path_of(method: MethodDescriptor) -> str:
    """How the policy table names a method."""
    return f"{method.containing_service.full_name}/{method.name}"


def principal_for(method: MethodDescriptor) -> str:
    """Somebody who may call a method; shared calls are for the gateway, which no row names."""
    if is_shared(path_of(method)):
        return GATEWAY
    grants = policy().rpcs[path_of(method)].grants
    return next(each for each in CALLERS if each in grants)


def valid(method: MethodDescriptor, shop: Shop) -> Message:
    """A request that is answered well in a shop; KeyError for an RPC that has none yet in VALID."""
    named = VALID.get(path_of(method)) or VALID[method.name]
    return GetMessageClass(method.input_type)(**named(shop))


def places(message: Message, kinds: set[int], before: Place = ()) -> Iterator[Place]:
    """Where a request has fields of these kinds, or could have: in its first item of each list."""
    fields: list[Any] = list(message.DESCRIPTOR.fields)
    for field in fields:
        value = getattr(message, field.name)
        if _is_map(field):
            if field.message_type.fields_by_name["value"].type in kinds:
                yield from ((*before, field.name, key) for key in list(value)[:1])
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.is_repeated:
                if len(value):
                    yield from places(value[0], kinds, (*before, field.name, 0))
            elif message.HasField(field.name):
                yield from places(value, kinds, (*before, field.name))
        elif field.type in kinds:
            yield (*before, field.name, 0) if field.is_repeated else (*before, field.name)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def put(message: Message, place: Place, value: Any) -> Message:
    """A copy of a request with another value at a place."""
    changed = copy.deepcopy(message)
    *way, last = place
    owner: Any = changed
    for step in way:
        owner = (
            owner[step] if isinstance(step, int) or not hasattr(owner, "DESCRIPTOR") else getattr(owner, step)
        )
    if hasattr(owner, "DESCRIPTOR"):
        setattr(owner, str(last), value)
    elif isinstance(last, int) and len(owner) <= last:
        owner.append(value)
    else:
        owner[last] = value
    return changed


def name_of(place: Place) -> str:
    """A place as people write it."""
    return ".".join(map(str, place))


def _keys(shop: Shop) -> Fields:
    return {"program_id": shop.program_id, "member_ids": shop.members[:2]}


def _write(shop: Shop) -> Fields:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


def _contract(shop: Shop, place: int) -> Fields:
    return {**_write(shop), "contract_id": shop.contracts[place]}


def _program(shop: Shop) -> Fields:
    return {"program_digest": shop.digest, "program_document": shop.document}


def purchase(shop: Shop) -> Fields:
    """A purchase to record."""
    event = {
        "kind": "EVENT_KIND_PURCHASE",
        "member_id": shop.members[0],
        "external_ref": new_id("ref"),
        "line": 1,
        "occurred_time": timestamp(NOON),
        "store_id": shop.store_id,
        "amount_minor": 100,
        "currency": "USD",
        "quantity": 1,
        "attributes": {"channel": "web"},
    }
    return {**_write(shop), "events": [event]}


def _registration(shop: Shop) -> Fields:
    registration = {
        "external_member_id": new_id("ext"),
        "store_id": shop.store_id,
        "registered_time": timestamp(NOON),
    }
    return {**_write(shop), "registrations": [registration]}


def _reward_terms() -> Fields:
    return {
        "kind": "REWARD_KIND_GOODS",
        "name_zh": "咖啡",
        "name_en": "Coffee",
        "description_zh": "黑",
        "description_en": "Black",
        "price_points": 1,
        "value_minor": 1,
        "tier_set": "main",
        "tier": "normal",
        "window": {
            "from_time": timestamp(NOON),
            "hours": [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "from_minute": 0, "to_minute": 1440}],
        },
        "limits": {"member_period_max": 100_000, "period_days": 7},
        "reserve_minutes": 60,
    }


def _tier_subjects() -> list[Fields]:
    step = {
        "cause": {"event": {"event_id": "evt_1", "seq": 1}},
        "occurred_time": timestamp(NOON),
        "facts": [{"name": "purchase.amount_minor.lifetime", "value": 20_000}],
    }
    return [{"subject_id": "one", "tier_set": "main", "tier": "normal", "steps": [step]}]


def _shared(length: int) -> Fields:
    """One caller who is not known, and asks for the first read of so many keys."""
    return {
        "caller_digests": [b"\0" * 32],
        "run_caller": [0],
        "run_length": [length],
        "run_want": [1],
        "run_arguments": [0],
    }


def _score_subjects() -> list[Fields]:
    facts = [{"name": "purchase.count.lifetime", "value": 3}]
    return [{"subject_id": "one", "as_of": timestamp(NOON), "facts": facts}]


VALID: Mapping[str, Callable[[Shop], Fields]] = {
    "CreateStore": lambda shop: {
        **_write(shop),
        "store_id": new_id("s"),
        "display_name": "Corner",
        "sharing_group": "east",
    },
    "CreatePartner": lambda shop: {
        **_write(shop),
        "partner_id": new_id("p"),
        "display_name": "Till",
        "store_ids": [shop.store_id],
    },
    "RegisterMembers": _registration,
    "SetBirthday": lambda shop: {**_write(shop), "member_id": shop.members[0], "birthday": "05-17"},
    "BatchGetMembers": _keys,
    "ListMembers": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "tier": {"tier_set": "main", "tier": "gold"},
    },
    "RecordEvents": purchase,
    "StreamEvents": lambda shop: {"batch": purchase(shop)},
    "BatchGetFacts": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"member_id": shop.members[0], "as_of": timestamp(NOON), "through_seq": 1}],
        "names": ["purchase.count.lifetime"],
    },
    "ListMemberEvents": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "after_seq": 1,
        "page_size": 2,
    },
    "StreamFactColumns": lambda shop: {
        "program_id": shop.program_id,
        "as_of": timestamp(NOON),
        "facts": ["purchase.days_since_last", "purchase.count.lifetime"],
    },
    "StreamMemberAttributes": lambda shop: {
        "program_id": shop.program_id,
        "attributes": [members_pb2.MEMBER_ATTRIBUTE_STORE],
    },
    "DivideMembers": lambda shop: {"program_id": shop.program_id, "parts_count": 3},
    "BatchGetClocks": lambda shop: {"program_ids": [shop.program_id]},
    "MoveClock": lambda shop: {**_write(shop), "by_seconds": 1},
    "WatchMember": lambda shop: {"program_id": shop.program_id, "member_id": shop.members[0], "after_seq": 1},
    "GetPipelineStatus": lambda shop: {},
    "DecideTiers": lambda shop: {**_program(shop), "subjects": _tier_subjects()},
    "BatchScore": lambda shop: {**_program(shop), "subjects": _score_subjects()},
    "laurel.scoring.v1.ScoringService/BatchRead": lambda shop: {
        "asks": _shared(1) | {"run_arguments": [1]},
        "keys": _score_subjects(),
        "arguments": [_program(shop)],
    },
    "BatchRead": lambda shop: {"asks": _shared(2), "keys": shop.members[:2]},
    "ScoreFrames": lambda shop: {
        "header": {**_program(shop), "facts": ["purchase.count.lifetime"], "score": "rfm"}
    },
    "PublishProgram": lambda shop: {**_write(shop), "document": shop.document},
    "BatchGetPrograms": lambda shop: {"program_ids": [shop.program_id]},
    "BatchGetMemberships": _keys,
    "BatchGetDecisions": lambda shop: {"program_id": shop.program_id, "decision_ids": shop.decisions[:2]},
    "BatchListTierChanges": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"member_id": shop.members[0], "tier_set": "main"}],
        "first": 2,
    },
    "BatchGetPointsAccounts": _keys,
    "BatchListEntries": lambda shop: {**_keys(shop), "first": 2},
    "BatchListEntitlements": _keys,
    "BatchListNotices": lambda shop: {**_keys(shop), "page_size": 2},
    "ListStaffNotices": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "BatchGetNoticePreferences": _keys,
    "SetNoticePreferences": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "marketing": True,
        "muted": [notices_pb2.NOTICE_CODE_WAKE_UP],
    },
    "BatchPreviewPoints": lambda shop: {
        "program_id": shop.program_id,
        "events": [
            {
                "member_id": shop.members[0],
                "kind": events_pb2.EVENT_KIND_PURCHASE,
                "amount_minor": 1000,
                "occurred_time": timestamp(NOON),
                "attributes": {"channel": "offline"},
            }
        ],
    },
    "UseBenefit": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "benefit": BENEFIT,
        "amount": 1,
        "external_ref": new_id("ref"),
        "channel": "app",
    },
    "CancelBenefitUse": lambda shop: {**_write(shop), "use_id": shop.uses[0]},
    "BatchListAllowances": _keys,
    "RecordStanding": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "month": "1998-06",
        "standard": "s",
    },
    "BatchListUnlocks": _keys,
    "SplitValue": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "value_minor": 10_000,
    },
    "BatchListLockedBenefits": _keys,
    "BatchListGrowthPaths": _keys,
    "SellContract": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "plan": "gold_year",
        "payment_reference": new_id("pay"),
        "amount_minor": 100_000,
        "start": "CONTRACT_START_NOW",
    },
    "RenewContract": lambda shop: {
        **_contract(shop, 0),
        "plan": "gold_year",
        "payment_reference": new_id("pay"),
        "amount_minor": 100_000,
    },
    "RefundContract": lambda shop: {
        **_contract(shop, 1),
        "kind": "REFUND_KIND_PRO_RATA",
        "refund_reference": new_id("back"),
        "reason": "changed their mind",
    },
    "CancelRenewal": lambda shop: _contract(shop, 2),
    "SetSatisfaction": lambda shop: {**_contract(shop, 2), "satisfaction": "SATISFACTION_UNMET"},
    "ListContracts": lambda shop: {"program_id": shop.program_id, "page_size": 2, "plan": "gold_year"},
    "BatchListContracts": lambda shop: {**_keys(shop), "first": 2},
    "ListRenewalPool": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "satisfaction": "SATISFACTION_UNMET",
    },
    "VerifyLedger": lambda shop: {"program_id": shop.program_id},
    "BatchGetEntryProofs": lambda shop: {"program_id": shop.program_id, "entry_ids": shop.entries[:2]},
    "ListLedgerRoots": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "after_date": "2026-11-01",
    },
    "ListLedgerHeads": lambda shop: {"program_id": shop.program_id, "after_position": 1, "page_size": 2},
    "ListChainedEntries": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "GetPointsReport": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "GetTierReport": lambda shop: {"program_id": shop.program_id, "months": 2},
    "GetFairnessReport": lambda shop: {"program_id": shop.program_id},
    "ListUsageMonths": lambda shop: {
        "program_id": shop.program_id,
        "before_month": "2026-11",
        "page_size": 2,
    },
    # Under one id, as a program has but twenty.
    "CreateWebhookEndpoint": lambda shop: {
        **_write(shop),
        "request_id": "another_endpoint",
        "url": "https://hooks.example.com/laurel",
        "codes": [notices_pb2.NOTICE_CODE_WAKE_UP],
    },
    "ListWebhookEndpoints": lambda shop: {"program_id": shop.program_id},
    "UpdateWebhookEndpoint": lambda shop: {
        **_write(shop),
        "endpoint_id": shop.endpoints[0],
        "enabled": True,
        "codes": [notices_pb2.NOTICE_CODE_TIER_CHANGED],
        "url": "https://hooks.example.com/laurel",
    },
    "RotateWebhookSecret": lambda shop: {**_write(shop), "endpoint_id": shop.endpoints[0]},
    "ListWebhookDeliveries": lambda shop: {
        "program_id": shop.program_id,
        "endpoint_id": shop.endpoints[0],
        "status": notices_pb2.DELIVERY_STATUS_WAITING,
        "page_size": 2,
    },
    "ReplayWebhookDeliveries": lambda shop: {**_write(shop), "endpoint_id": shop.endpoints[0]},
    "CreateReward": lambda shop: {
        **_write(shop),
        "reward_id": f"r{new_id('x')[-12:]}",
        "terms": _reward_terms(),
        "stock_count": 10,
    },
    "UpdateReward": lambda shop: {
        **_write(shop),
        "reward_id": shop.rewards[0],
        "version": 1,
        "terms": _reward_terms(),
    },
    "RestockReward": lambda shop: {
        **_write(shop),
        "reward_id": shop.rewards[0],
        "added_count": 1,
        "explanation": "delivered",
    },
    "ListRewards": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "kind": "REWARD_KIND_GOODS",
        "include_archived": True,
    },
    "BatchGetRewards": lambda shop: {"program_id": shop.program_id, "reward_ids": shop.rewards},
    "BatchCheckRewards": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"member_id": shop.members[0], "reward_id": shop.rewards[0]}],
    },
    "RedeemReward": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "reward_id": shop.rewards[0],
    },
    "FulfilRedemption": lambda shop: {**_write(shop), "redemption_id": shop.redemptions[0]},
    "CancelRedemption": lambda shop: {
        **_write(shop),
        "redemption_id": shop.redemptions[1],
        "explanation": "changed their mind",
    },
    "ListRedemptions": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "member_id": shop.members[0],
        "reward_id": shop.rewards[0],
        "state": "REDEMPTION_STATE_RESERVED",
    },
    "BatchListRedemptions": lambda shop: {**_keys(shop), "first": 2},
    "BatchGetRedemptions": lambda shop: {
        "program_id": shop.program_id,
        "redemption_ids": shop.redemptions[:2],
    },
    "GrantReward": lambda shop: {
        **_write(shop),
        "member_id": shop.members[0],
        "reward_id": shop.rewards[0],
        "explanation": "an apology",
    },
    "ApproveGrant": lambda shop: {
        **_write(shop),
        "redemption_id": shop.grants[0],
        "explanation": "seen it",
    },
    "RejectGrant": lambda shop: {
        **_write(shop),
        "redemption_id": shop.grants[1],
        "explanation": "too much",
    },
    **coupon_scene.RPCS,
    **point_scene.RPCS,
    **tier_scene.RPCS,
    **badge_scene.RPCS,
    **model_scene.RPCS,
    **reveal_scene.RPCS,
    **program_scene.RPCS,
    **simulation_scene.RPCS,
    "BatchGetRiskProfiles": _keys,
    "BatchListIntegrityChanges": lambda shop: {**_keys(shop), "first": 2},
    "ReportMember": lambda shop: {
        **_write(shop),
        "member_id": shop.members[5],
        "reason": "REPORT_REASON_OTHER",
        "note": "said so",
    },
    "DecideReport": lambda shop: {
        **_write(shop),
        "report_id": shop.reports[0],
        "decision": "REPORT_DECISION_DISMISS",
        "explanation": "nothing found",
    },
    "ListReports": lambda shop: {"program_id": shop.program_id, "page_size": 2, "member_id": shop.members[1]},
    "ListAuditRecords": lambda shop: {
        "program_id": shop.program_id,
        "page_size": 2,
        "object": shop.members[1],
    },
    "ListAuditHeads": lambda shop: {"program_id": shop.program_id, "after_position": 1, "page_size": 2},
}
"""The fields of a request, by the name of its RPC; those that several services have are alike."""
