"""Decisions of a running platform, explained: decided again, what reaches a tier, what keeps one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from babel.numbers import get_currency_precision

from laurel.benefits.v1 import benefits_pb2, decisions_pb2, earning_pb2
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from laurel.scoring.v1 import explanations_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError, RefusedError
from libs.cli.retries import patiently
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from libs.common.tier_policy import TierSet

A = TypeVar("A")
AMOUNT_MINOR_MAX = 10**12


async def decision(
    clients: Clients, program_id: str, decision_id: str
) -> tuple[benefits_pb2.Decision, explanations_pb2.Replay]:
    """A stored decision, and the same decided again."""
    stored = benefits_pb2.BatchGetDecisionsRequest(program_id=program_id, decision_ids=[decision_id])
    again = decisions_pb2.BatchReplayDecisionsRequest(program_id=program_id, decision_ids=[decision_id])
    found = (await patiently(lambda: clients.benefits.BatchGetDecisions(stored))).results[0]
    if found.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise CommandError(
            f"{program_id} has no decision {decision_id!r}. Ids begin with dec_: in the graph, "
            "`memberships { decision { id } }` of a member says the latest."
        )
    replayed = (await patiently(lambda: clients.decisions.BatchReplayDecisions(again))).results[0]
    return found.decision, replayed.replay


def ladders(program: Program, *, tier_set: str, tier: str = "") -> Sequence[TierSet]:
    """The ladders that are meant: the named one, or those that have a tier, or all."""
    found = [
        each
        for each in program.tier_sets
        if tier_set in {"", each.key} and (not tier or tier in {step.key for step in each.tiers})
    ]
    if not found:
        wanted = " with ".join([tier_set or "ladder", *([f"tier {tier}"] if tier else [])])
        known = "; ".join(
            f"{each.key}: {', '.join(step.key for step in each.tiers)}" for each in program.tier_sets
        )
        raise CommandError(f"{program.key} has no {wanted}. Its ladders are {known}.")
    return found


async def paths(
    clients: Clients, program_id: str, member_id: str, tier_set: str, *, target: str, by: datetime | None
) -> decisions_pb2.FindPathsResponse | None:
    """What reaches a tier; None where there is none above the one that is held."""
    request = decisions_pb2.FindPathsRequest(
        program_id=program_id,
        member_id=member_id,
        tier_set=tier_set,
        target_tier=target,
        by_time=None if by is None else timestamp(by),
    )
    try:
        return await _of_member(program_id, member_id, lambda: clients.decisions.FindPaths(request))
    except RefusedError as refusal:
        if refusal.reason != "TIER_UNKNOWN":
            raise
        return None


async def keeping(
    clients: Clients, program_id: str, member_id: str, tier_set: str
) -> decisions_pb2.GetKeepingResponse:
    """What keeps the tier that a member earned."""
    request = decisions_pb2.GetKeepingRequest(program_id=program_id, member_id=member_id, tier_set=tier_set)
    return await _of_member(program_id, member_id, lambda: clients.decisions.GetKeeping(request))


def amount_minor(text: str, currency: str) -> int:
    """An amount as people write it, such as 199.90, in minor units of a currency."""
    try:
        minor = Decimal(text).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        minor = Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor <= AMOUNT_MINOR_MAX:
        raise CommandError(f"AMOUNT {text}: expected an amount in {currency}, such as 199.90.")
    return int(minor)


async def order(
    clients: Clients, program_id: str, member_id: str, amount: int, *, store_id: str, at: datetime | None
) -> earning_pb2.PointsPreview:
    """What a purchase that did not happen would earn, and do to tiers."""
    event = earning_pb2.PossibleEvent(
        member_id=member_id,
        kind=events_pb2.EVENT_KIND_PURCHASE,
        amount_minor=amount,
        quantity=1,
        store_id=store_id,
        occurred_time=None if at is None else timestamp(at),
    )
    request = earning_pb2.BatchPreviewPointsRequest(program_id=program_id, events=[event])
    found = (await patiently(lambda: clients.earning.BatchPreviewPoints(request))).results[0]
    if found.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise _unknown(program_id, member_id)
    return found.preview


async def _of_member(program_id: str, member_id: str, call: Callable[[], Awaitable[A]]) -> A:
    try:
        return await patiently(call)
    except RefusedError as refusal:
        if refusal.reason != "MEMBER_UNKNOWN":
            raise
        raise _unknown(program_id, member_id) from refusal


def _unknown(program_id: str, member_id: str) -> CommandError:
    return CommandError(
        f"{program_id} has no member {member_id!r}, or has not decided on them yet. Ids begin with mem_: "
        "`{ members(first: 5) { edges { node { memberId } } } }` in GraphiQL lists some."
    )
