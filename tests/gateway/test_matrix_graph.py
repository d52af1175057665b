"""Every principal at every field of the graph: what happens is what the policy table says."""

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from google.protobuf.message import Message
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)
from strawberry import relay

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2, members_pb2
from laurel.risk.v1 import risk_pb2
from libs.common.policy import policy
from libs.common.rpc.masking import DOTS
from services.gateway.schema import schema
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_access import BREAK_GLASS_ID
from tests.gateway.fake_contracts import a_contract, contract_id
from tests.gateway.fake_rewards import REDEMPTION_ID
from tests.gateway.sockets import connected
from tests.gateway.world import PROGRAM, member_id, tier_changes
from tests.security.principals import ANONYMOUS, EVERYBODY, kind_of, roles_of

SOMEBODY = member_id(1)
PARTNER, STORE = "cdnow", "online"
TERMS = '{kind: GOODS, name: {zh: "x", en: "x"}, pricePoints: 1, valueMinor: 0}'
# The arguments of fields that cannot do without.
ARGUMENTS = {
    "Query.node": f'(id: "{relay.to_base64("Member", SOMEBODY)}")',
    "Query.nodes": f'(ids: ["{relay.to_base64("Member", SOMEBODY)}"])',
    "Query._entities": f'(representations: [{{__typename: "Program", key: "{PROGRAM}"}}])',
    "Query.member": f'(id: "{SOMEBODY}")',
    "Query.program": f'(key: "{PROGRAM}")',
    "Query.simulation": f'(simulationId: "sim_{"1" * 32}")',
    "Query.decision": '(decisionId: "dec_1")',
    "Query.ledgerProof": '(entryId: "ent_1")',
    "Query.badge": '(key: "founder", serial: 2)',
    "Query.splitValue": f'(memberId: "{SOMEBODY}", valueMinor: 100)',
    "Member.pointsPreview": "(input: {kind: PURCHASE, amountMinor: 100})",
    "Subscription.memberChanged": f'(memberId: "{SOMEBODY}")',
    "Mutation.registerMembers": '(input: {requestId: "R", registrations: [{externalMemberId: "x"}]})',
    "Mutation.recordEvents": (
        '(input: {requestId: "R", events: [{kind: LOGIN, member: {externalMemberId: "x"},'
        ' externalRef: "1", occurredTime: "1998-07-01T00:00:00Z"}]})'
    ),
    "Mutation.setNoticePreferences": f'(input: {{requestId: "R", memberId: "{SOMEBODY}", muted: [WAKE_UP]}})',
    "Mutation.setBirthday": f'(input: {{requestId: "R", memberId: "{SOMEBODY}", birthday: "05-17"}})',
    "Mutation.revealMember": f'(input: {{requestId: "R", memberId: "{SOMEBODY}", reason: "case 4711"}})',
    "Mutation.openBreakGlass": '(input: {requestId: "R", reason: "case 4711"})',
    "Mutation.endBreakGlass": f'(input: {{requestId: "R", breakGlassId: "{BREAK_GLASS_ID}"}})',
    "Mutation.revealByBreakGlass": (
        f'(input: {{requestId: "R", breakGlassId: "{BREAK_GLASS_ID}", memberId: "{SOMEBODY}"}})'
    ),
    "Mutation.useBenefit": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", benefit: "b", externalRef: "1"}})'
    ),
    "Mutation.recordStanding": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", month: "1998-06", standard: "s"}})'
    ),
    "Mutation.cancelBenefitUse": '(input: {requestId: "R", useId: "use_1"})',
    "Mutation.sellContract": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", plan: "gold_year", paymentReference: "1"}})'
    ),
    "Mutation.renewContract": (
        f'(input: {{requestId: "R", contractId: "{contract_id(1)}", paymentReference: "1"}})'
    ),
    "Mutation.refundContract": (
        f'(input: {{requestId: "R", contractId: "{contract_id(1)}", kind: WHOLE, refundReference: "1"}})'
    ),
    "Mutation.cancelRenewal": f'(input: {{requestId: "R", contractId: "{contract_id(1)}"}})',
    "Mutation.setSatisfaction": (
        f'(input: {{requestId: "R", contractId: "{contract_id(1)}", satisfaction: UNMET}})'
    ),
    "Mutation.transferPoints": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", toMemberId: "{member_id(2)}", points: 1}})'
    ),
    "Mutation.adjustPoints": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", points: 1, reason: "goodwill"}})'
    ),
    "Mutation.approveAdjustment": '(input: {requestId: "R", adjustmentId: "adj_1"})',
    "Mutation.rejectAdjustment": '(input: {requestId: "R", adjustmentId: "adj_1", reason: "no case"})',
    "Mutation.overrideTier": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", tierSet: "main", tier: "gold", reason: GOODWILL, '
        'explanation: "case 1"})'
    ),
    "Mutation.approveTierOverride": '(input: {requestId: "R", overrideId: "ovr_1"})',
    "Mutation.endTierOverride": '(input: {requestId: "R", overrideId: "ovr_1", explanation: "no case"})',
    "Mutation.grantBadge": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", key: "founder", explanation: "so"}})'
    ),
    "Mutation.revokeBadge": '(input: {requestId: "R", badgeId: "bdg_1", explanation: "so"})',
    "Query.reward": '(rewardId: "coffee")',
    "Reward.availability": f'(memberId: "{SOMEBODY}")',
    "Mutation.createReward": f'(input: {{requestId: "R", rewardId: "x", terms: {TERMS}}})',
    "Mutation.updateReward": f'(input: {{requestId: "R", rewardId: "x", version: 1, terms: {TERMS}}})',
    "Mutation.restockReward": '(input: {requestId: "R", rewardId: "x", added: 1})',
    "Mutation.redeemReward": f'(input: {{requestId: "R", memberId: "{SOMEBODY}", rewardId: "x"}})',
    "Mutation.fulfilRedemption": f'(input: {{requestId: "R", redemptionId: "{REDEMPTION_ID}"}})',
    "Mutation.cancelRedemption": f'(input: {{requestId: "R", redemptionId: "{REDEMPTION_ID}"}})',
    "Mutation.grantReward": (
        f'(input: {{requestId: "R", memberId: "{SOMEBODY}", rewardId: "x", explanation: "so"}})'
    ),
    "Mutation.approveGrant": f'(input: {{requestId: "R", redemptionId: "{REDEMPTION_ID}"}})',
    "Mutation.rejectGrant": (
        f'(input: {{requestId: "R", redemptionId: "{REDEMPTION_ID}", explanation: "no"}})'
    ),
    "Mutation.reportMember": f'(input: {{requestId: "R", memberId: "{SOMEBODY}", reason: FRAUD}})',
    "Mutation.decideReport": (
        '(input: {requestId: "R", reportId: "rep_1", decision: DISMISS, explanation: "not so"})'
    ),
}
ARGUMENTS |= {
    "Mutation.proposeProgram": '(input: {requestId: "R", documentParts: ["{}"], note: "n"})',
    "Mutation.approveProgramVersion": f'(input: {{requestId: "R", version: 1, digest: "{"0" * 64}"}})',
    "Mutation.rejectProgramVersion": '(input: {requestId: "R", version: 1, reason: "r"})',
    "Mutation.publishProgramVersion": '(input: {requestId: "R", version: 1})',
    "Mutation.simulateProgramVersion": '(input: {requestId: "R", version: 3})',
    "Mutation.rollBackProgram": '(input: {requestId: "R", toVersion: 1, reason: "r"})',
    "Query.quoteCoupons": (
        f'(input: {{memberId: "{SOMEBODY}", currency: "USD", lines: [{{line: 1, amountMinor: 30000}}],'
        ' codes: ["R"]})'
    ),
    "Mutation.createCouponCampaign": (
        '(input: {requestId: "R", key: "k", nameZh: "z", nameEn: "e", terms: {kind: FREE_SHIPPING,'
        ' startTime: "1998-07-01T00:00:00Z", endTime: "1998-07-02T00:00:00Z"}})'
    ),
    "Mutation.voidCoupon": '(input: {requestId: "R", code: "c", reason: "r"})',
    "Query.coupons": '(campaignKey: "summer")',
    "Mutation.issueCoupons": f'(input: {{requestId: "R", campaignKey: "k", memberIds: ["{SOMEBODY}"]}})',
    "Mutation.generateCouponCodes": '(input: {requestId: "R", campaignKey: "k", count: 1})',
    "Mutation.pauseCouponCampaign": '(input: {requestId: "R", campaignKey: "k"})',
    "Mutation.resumeCouponCampaign": '(input: {requestId: "R", campaignKey: "k"})',
}
POSTED = benefits_pb2.PointsPosted(transaction_id="txn_1", currency="points", points=5, kind="accrual")
# Whose service tells of it, and how.
CHANGES: dict[str, tuple[str, dict[str, Message]]] = {
    "MemberJoined": ("members", {"joined": members_pb2.MemberJoined()}),
    "EventsRecorded": ("members", {"events_recorded": members_pb2.EventsRecorded()}),
    "ActivityChanged": ("members", {"activity_changed": events_pb2.ActivityChange()}),
    "MembershipChanged": (
        "benefits",
        {
            "membership_changed": benefits_pb2.MembershipChanged(
                tier_changes=tier_changes(), postings=[POSTED]
            )
        },
    ),
    "PointsChanged": ("benefits", {"points_changed": benefits_pb2.PointsChanged(postings=[POSTED])}),
    "ContractChanged": (
        "benefits",
        {"contract_changed": benefits_pb2.ContractChanged(contract=a_contract(SOMEBODY))},
    ),
    "RedemptionChanged": ("benefits", {"redemption_changed": benefits_pb2.RedemptionChanged()}),
    "NoticeCreated": ("benefits", {"notice_created": benefits_pb2.NoticeCreated()}),
    "StandingChanged": ("risk", {"standing_changed": risk_pb2.StandingChange()}),
}
TYPES = schema._schema.type_map
ROOTS = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True)
class Step:
    """One field on the way, and the type that its parent must be of."""

    kind: str
    field: str

    @property
    def coordinate(self) -> str:
        return f"{self.kind}.{self.field}"


Way = tuple[Step, ...]


@cache
def ways() -> dict[str, Way]:
    """The shortest way from a root to each type."""
    found: dict[str, Way] = {root: () for root in ROOTS if root in TYPES}
    waiting = deque(found)
    while waiting:
        kind = TYPES[waiting.popleft()]
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            step = Step(kind.name, name)
            if not reachable(step):
                continue
            for each in objects_of(get_named_type(field.type)):
                if each not in found:
                    found[each] = (*found[kind.name], step)
                    waiting.append(each)
    return found


def reachable(step: Step) -> bool:
    field = fields_of(step.kind)[step.field]
    return step.coordinate in ARGUMENTS or not any(map(is_required_argument, field.args.values()))


def fields_of(kind: str) -> dict[str, Any]:
    found = TYPES[kind]
    assert isinstance(found, GraphQLObjectType)
    return dict(found.fields)


def objects_of(kind: Any) -> list[str]:
    if isinstance(kind, GraphQLObjectType):
        return [kind.name]
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return [each.name for each in schema._schema.get_possible_types(kind)]
    return []


def every_field() -> list[Step]:
    return [
        Step(kind.name, name)
        for kind in TYPES.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name in kind.fields
    ]


def query_of(way: Way) -> str:
    """A document that asks for the last field of a way and nothing else."""
    text = ""
    for step in reversed(way):
        field = fields_of(step.kind)[step.field]
        inner = text or ("{ __typename }" if objects_of(get_named_type(field.type)) else "")
        text = f"{{ ... on {step.kind} {{ {step.field}{ARGUMENTS.get(step.coordinate, '')} {inner} }} }}"
    request_id = REFUSED if any(step.kind == "Refused" for step in way) else "r"
    return f"{way[0].kind.lower()} {text}".replace('"R"', f'"{request_id}"')


def value_at(data: Any, way: Way) -> Any:
    """What an answer holds at the end of a way, in the first of each list."""
    for step in way:
        while isinstance(data, list):
            data = data[0]
        data = data[step.field]
    return data


async def told(graph: Graph, token: str, way: Way) -> dict[str, Any]:
    """What a subscription tells first, of a change where the way leads to one; or why it is refused."""
    change = next((step.kind for step in way if step.kind in CHANGES), None)
    async with connected(graph, token) as socket:
        socket.subscribe(query=query_of(way))
        message = await socket.heard()
        if change is not None and message["type"] == "next":
            service, changed = CHANGES[change]
            getattr(graph.services, service).fake.told.tell(SOMEBODY, **changed)
            message = await socket.heard()
    payload = message["payload"]
    answer: dict[str, Any] = {"errors": payload} if message["type"] == "error" else payload
    return answer


async def asked(graph: Graph, principal: str, way: Way) -> dict[str, Any]:
    subjects = {"member": SOMEBODY, "partner": PARTNER}
    token = graph.token(
        kind_of(principal),
        subject=subjects.get(principal, "ann"),
        roles=roles_of(principal),
        stores=[STORE],
    )
    if way[0].kind == "Subscription":
        return await told(graph, token, way)
    response = await graph.post({"query": query_of(way)}, token=token)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def finding(graph: Graph, principal: str, step: Step) -> str:
    """How an answer differs from what the table says; nothing when it does not."""
    way = (*ways()[step.kind], step)
    refused = next((each for each in way if principal not in policy().graph[each.coordinate].grants), None)
    answer = await asked(graph, principal, way)
    errors = answer.get("errors", [])
    forbidden = [error for error in errors if error["extensions"]["code"] == "FORBIDDEN"]
    if refused is None:
        if errors:
            return f"{step.coordinate}: {errors}"
        mask = policy().graph[step.coordinate].grants[principal].mask
        # Only what is masked has to be there: a list may be empty, a field null.
        shown = value_at(answer["data"], way) if mask else DOTS
        return "" if str(shown).startswith(DOTS) else f"{step.coordinate} shows {shown}"
    if len(forbidden) != 1 or len(errors) != 1:
        return f"{refused.coordinate} is not refused: {answer}"
    path = [each for each in forbidden[0]["path"] if isinstance(each, str)]
    return "" if path == [each.field for each in way[: way.index(refused) + 1]] else f"refused at {path}"


@pytest.mark.timeout(600)
async def test_a_field_is_open_to_those_whom_the_table_names_and_to_nobody_else(graph: Graph) -> None:
    # Field by field, so that everybody asks with a document that is held already.
    found = [
        f"{principal}: {differs}"
        for step in every_field()
        for principal in EVERYBODY
        if principal not in {ANONYMOUS, "service"} and (differs := await finding(graph, principal, step))
    ]

    assert found == []


def test_fields_are_looked_at() -> None:
    assert len(every_field()) > 1_000
