"""The same request_id again: with the same payload, with another, by somebody else, while one is at work."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from libs.common.audit.trail import OUR_ID
from libs.common.clock import now
from libs.common.mongo import MAJORITY, connect
from tests.attacks.contract import LATE, Place, path_of, places, principal_for, put, served, valid
from tests.attacks.hand.messages import TEXTS, is_write
from tests.attacks.program_scene import AGAIN, RETIRED
from tests.attacks.rpc import Caller
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import Shop, World

PAYLOAD = TEXTS | {FieldDescriptor.TYPE_BYTES}
SWITCHES = {FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_INT64}
DIGEST = re.compile(r"[0-9a-f]{64}")
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
    "FAILED_PRECONDITION PROGRAM_VERSION_STATE",
    "FAILED_PRECONDITION PROGRAM_UNCHANGED",
    "FAILED_PRECONDITION TIER_OVERRIDE_ENDED",
    "FAILED_PRECONDITION BADGE_HELD",
    "FAILED_PRECONDITION BADGE_REVOKED",
    # What one partner does, another hears nothing of.
    "NOT_FOUND HOLD_UNKNOWN",
    "NOT_FOUND CONTRACT_UNKNOWN",
    "NOT_FOUND COUPON_RESERVATION_UNKNOWN",
    "NOT_FOUND BENEFIT_USE_UNKNOWN",
    # A break-glass is its opener's alone.
    "NOT_FOUND BREAK_GLASS_UNKNOWN",
)
# What a request is about that nobody else asks about.
ABOUT: Mapping[str, Callable[[Shop], Mapping[str, Any]]] = {
    "ReportMember": lambda shop: {"member_id": shop.members[6]},
    "SellContract": lambda shop: {"member_id": shop.members[11]},
    "RenewContract": lambda shop: {"contract_id": shop.contracts[3]},
    "RefundContract": lambda shop: {"contract_id": shop.contracts[4]},
    "UpdateReward": lambda shop: {"reward_id": shop.rewards[1]},
    "RedeemReward": lambda shop: {"member_id": shop.members[9]},
    "FulfilRedemption": lambda shop: {"redemption_id": shop.redemptions[3]},
    "CancelRedemption": lambda shop: {"redemption_id": shop.redemptions[4]},
    "ApproveGrant": lambda shop: {"redemption_id": shop.grants[3]},
    "RejectGrant": lambda shop: {"redemption_id": shop.grants[4]},
    "ApproveAdjustment": lambda shop: {"adjustment_id": shop.adjustments[4]},
    "RejectAdjustment": lambda shop: {"adjustment_id": shop.adjustments[5]},
    "ApproveTierOverride": lambda shop: {"override_id": shop.overrides[4]},
    "EndTierOverride": lambda shop: {"override_id": shop.overrides[5]},
    "GrantBadge": lambda shop: {"member_id": shop.members[9]},
    "RevokeBadge": lambda shop: {"badge_id": shop.badges[5]},
    "ApproveProgramVersion": lambda shop: {
        "version": shop.versions.simulated[AGAIN],
        "digest": shop.versions.digests[AGAIN],
    },
    "RejectProgramVersion": lambda shop: {"version": shop.versions.drafts[AGAIN]},
    "PublishProgramVersion": lambda shop: {"version": shop.versions.approved[AGAIN]},
    "RollBackProgram": lambda shop: {"to_version": RETIRED[AGAIN]},
    "DecideReport": lambda shop: {"report_id": shop.reports[1]},
}
REUSED, IN_FLIGHT = "ALREADY_EXISTS IDEMPOTENCY_KEY_REUSED", "ABORTED REQUEST_IN_FLIGHT"


def cases(world: World) -> Iterator[Case]:
    """Every write, and one that is held at work."""
    for service, method in served():
        if is_write(method) and method.name not in LATE:
            yield from _replays(world, service, method)
    yield _in_flight(world)


def late_cases(world: World) -> Iterator[Case]:
    """Those after which others have nothing to be about."""
    for service, method in served():
        if method.name in LATE:
            yield from _replays(world, service, method)


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
    message, about = valid(method, world.own), ABOUT.get(method.name)
    for field, value in (about(world.own) if about else {}).items():
        message = put(message, (field,), value)
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
        case bytes():  # documents of models have one form alone, and name the data that they are of
            told = DIGEST.search(value.decode())
            return value.replace(told[0].encode(), _other(told[0]).encode()) if told else value + b" "
        case str() if DAY_OF_A_YEAR.fullmatch(value):
            return "12-24" if value != "12-24" else "12-25"
        case str() if OUR_ID.fullmatch(value) or DIGEST.fullmatch(value):
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
