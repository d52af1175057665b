"""The same request_id again: with the same payload, with another, by somebody else, while one is at work."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from libs.common.audit.trail import OUR_ID
from libs.common.clock import now
from libs.common.mongo import MAJORITY, connect
from tests.attacks.contract import Place, path_of, places, principal_for, put, served, valid
from tests.attacks.hand.messages import TEXTS, is_write
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

PAYLOAD = TEXTS | {FieldDescriptor.TYPE_BYTES}
SWITCHES = {FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_INT64}
DAY_OF_A_YEAR = re.compile(r"[01]\d-[0-3]\d")
# What stays, so that the other payload is about the same thing.
KEYS = {"program_id", "request_id", "store_id", "store_ids", "partner_id", "member_id", "report_id"}
KEYS |= {"to_member_id", "coupon", "month"}
INDEPENDENT = (
    "OK",
    "OK STORE_UNKNOWN",
    "OK MEMBER_UNKNOWN",
    "NOT_FOUND MEMBER_UNKNOWN",
    "FAILED_PRECONDITION REPORT_ALREADY_DECIDED",
    "ALREADY_EXISTS REWARD_EXISTS",
    "FAILED_PRECONDITION REWARD_CHANGED",
    "NOT_FOUND REDEMPTION_UNKNOWN",
    "FAILED_PRECONDITION REDEMPTION_ENDED",
    "FAILED_PRECONDITION ADJUSTMENT_DECIDED",
    # What one partner does, another hears nothing of.
    "NOT_FOUND HOLD_UNKNOWN",
    "NOT_FOUND CONTRACT_UNKNOWN",
    "NOT_FOUND COUPON_RESERVATION_UNKNOWN",
    "NOT_FOUND BENEFIT_USE_UNKNOWN",
)
REUSED, IN_FLIGHT = "ALREADY_EXISTS IDEMPOTENCY_KEY_REUSED", "ABORTED REQUEST_IN_FLIGHT"


def cases(world: World) -> Iterator[Case]:
    """Every write, and one that is held at work."""
    for service, method in served():
        if is_write(method):
            yield from _replays(world, service, method)
    yield _in_flight(world)


def _replays(world: World, service: str, method: MethodDescriptor) -> Iterator[Case]:
    caller = world.caller(principal_for(method))
    request = _once(world, method)
    name = path_of(method)

    async def again(_: int) -> Answer:
        first = await world.rpc.ask(service, method, request, caller)
        second = await world.rpc.ask(service, method, request, caller)
        same = "the same" if first.text == second.text else "another answer"
        return Answer(f"{second.outcome} {same}", second.text, refused=False)

    async def changed(_: int) -> Answer:
        return await world.rpc.ask(service, method, another(request), caller)

    async def by_another(_: int) -> Answer:
        return await world.rpc.ask(service, method, request, _another_caller(world, method))

    yield Case("replays", f"{name}: the same again", again, ("OK the same",), timed=False)
    yield Case("replays", f"{name}: another payload", changed, (REUSED,))
    yield Case("replays", f"{name}: by somebody else", by_another, INDEPENDENT, timed=False)


def _once(world: World, method: MethodDescriptor) -> Message:
    """A request that was not asked before, and can be done but once."""
    message = valid(method, world.own)
    match method.name:
        case "ReportMember":
            return put(message, ("member_id",), world.own.members[6])
        case "SellContract":
            return put(message, ("member_id",), world.own.members[11])
        case "RenewContract":
            return put(message, ("contract_id",), world.own.contracts[3])
        case "RefundContract":
            return put(message, ("contract_id",), world.own.contracts[4])
        case "UpdateReward":
            return put(message, ("reward_id",), world.own.rewards[1])
        case "RedeemReward":
            return put(message, ("member_id",), world.own.members[9])
        case "FulfilRedemption" | "CancelRedemption":
            place = 3 if method.name == "FulfilRedemption" else 4
            return put(message, ("redemption_id",), world.own.redemptions[place])
        case "ApproveGrant" | "RejectGrant":
            place = 3 if method.name == "ApproveGrant" else 4
            return put(message, ("redemption_id",), world.own.grants[place])
        case "ApproveAdjustment" | "RejectAdjustment":
            place = 4 if method.name == "ApproveAdjustment" else 5
            return put(message, ("adjustment_id",), world.own.adjustments[place])
        case "DecideReport":
            return put(message, ("report_id",), world.own.reports[1])
    return message


def another(message: Message) -> Message:
    """Another payload under the same keys."""
    found = [each for each in places(message, PAYLOAD | SWITCHES) if not KEYS.intersection(each)]
    # A switch only where there is no text, as the words of a request are what is compared.
    found.sort(key=lambda each: isinstance(_at(message, each), int))
    place = next(each for each in found if _at(message, each) is not None)
    return put(message, place, _other(_at(message, place)))


def _other(value: Any) -> Any:
    """Another value that keeps to the rules that this one keeps to."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case bytes():
            return value + b" "
        case str() if DAY_OF_A_YEAR.fullmatch(value):
            return "12-24" if value != "12-24" else "12-25"
        case str() if OUR_ID.fullmatch(value):
            return value[:-1] + ("1" if value[-1] == "0" else "0")
    return f"{value}x"


def _at(message: Any, place: Place) -> Any:
    """The value at a place; None where a list has nothing yet."""
    for step in place:
        if isinstance(step, int) and len(message) <= step:
            return None
        message = getattr(message, str(step)) if hasattr(message, "DESCRIPTOR") else message[step]
    return message


def _another_caller(world: World, method: MethodDescriptor) -> Caller:
    principal = principal_for(method)
    if principal == "partner":
        return world.partner(world.own.rival_id)
    if principal == "member":
        return Caller(world.authority.files("gateway"), world.token("member", world.own.members[1]))
    return Caller(world.authority.files("gateway"), world.token("staff", "a_colleague", [principal]))


def _in_flight(world: World) -> Case:
    """A write whose key somebody else has claimed, and does not let go of."""
    (method,) = {method.name: method for _, method in served() if method.name == "CreateStore"}.values()
    principal = principal_for(method)

    async def ask(_: int) -> Answer:
        request = valid(method, world.own)
        request_id = request.request_id  # type: ignore[attr-defined]
        key = "\0".join((world.own.program_id, "staff", f"a_{principal}", method.name, request_id))
        claim = {"_id": hashlib.sha256(key.encode()).hexdigest(), "request_digest": "", "expires": now()}
        client = connect(world.run.mongodb_uri)
        session = await client.start_session()
        async with session, session.start_transaction(write_concern=MAJORITY):
            await client.laurel_members.idempotency.insert_one(claim, session=session)
            answer = await world.rpc.ask("members", method, request, world.caller(principal))
            await session.abort_transaction()
        client.close()
        retry = " and when to retry" if "RetryInfo" in answer.text else ""
        return Answer(answer.outcome + retry, answer.text)

    return Case("replays", "in flight", ask, (f"{IN_FLIGHT} and when to retry",), timed=False)
