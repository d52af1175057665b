"""Ahead: a member on the way through events that did not happen, as through those that do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.conditions import METRICS, TOLD_BY_EVENTS
from libs.common.earning_policy import PURCHASE
from libs.common.program import Program
from services.benefits.domain.earning import Earning, earned_with, earnings
from services.benefits.domain.earning_previews import Earner, PossibleEvent
from services.benefits.domain.memberships import (
    REGISTRATION_SEQ,
    Look,
    Membership,
    Step,
    TierReceipt,
    metrics_of,
    point_facts,
)
from services.benefits.domain.standing import tier_at

_SPEND = METRICS["spend"]


@dataclass(frozen=True, slots=True)
class TierAhead:
    """What events would do to a tier: what is held before and after, and the decision on the earned one."""

    tier_set: str
    tier: str
    tier_after: str
    decision: TierReceipt


def memberships_of(program: Program, member_id: str, before: Earner) -> dict[str, Membership]:
    """The memberships of a member by tier set; one who was not decided on yet begins with the first tier."""
    return {
        each.key: before.memberships.get(each.key)
        or Membership(program.key, member_id, each.key, tier=each.tiers[0].key, applied_seq=REGISTRATION_SEQ)
        for each in program.tier_sets
    }


def overdue(memberships: Mapping[str, Membership], at: datetime) -> bool:
    """Whether a tier is looked at again before anything that happens at a time."""
    return any(each.review_time is not None and each.review_time <= at for each in memberships.values())


def earned_by_event(program: Program, event: PossibleEvent, at: datetime, before: Earner) -> list[Earning]:
    """What each rule for such events gives."""
    return earnings(
        program,
        event_kind=event.kind,
        amount_minor=event.amount_minor,
        tier=before.tier,
        tiers=before.tiers,
        occurred_time=at,
        store_id=event.store_id,
        source=event.source,
        attributes=event.attributes,
        metrics=before.metrics,
        earned=before.earned,
        birthday=before.birthday,
    )


def told_after(metrics: Mapping[str, int], event: PossibleEvent) -> dict[str, int]:
    """The facts that an event would tell, of the member's counts before it."""
    counted = f"{event.kind}.count.lifetime"
    told = {METRICS[name]: value for name, value in metrics.items()}
    if counted in TOLD_BY_EVENTS:
        told[counted] = told.get(counted, 0) + 1
    if event.kind == PURCHASE:
        told[_SPEND] = told.get(_SPEND, 0) + event.amount_minor
    return told


def step_of(told: Mapping[str, int], points: Mapping[str, int], at: datetime, seq: int) -> Step:
    """What is to be decided of an event, without the facts that others know."""
    return Step(Look.EVENT, at, {**told, **point_facts(points)}, seq=seq)


def points_after(
    program: Program, memberships: Mapping[str, Membership], given: Sequence[Earning]
) -> dict[str, int]:
    """The points that qualify, with what an event earns of them."""
    points = Counter(memberships[program.tier_sets[0].key].tier_points)
    for each in given:
        points[each.point_type] += each.points
    return {key: points[key] for key in program.points.qualifying}


def after_event(
    program: Program,
    event: PossibleEvent,
    at: datetime,
    before: Earner,
    given: Sequence[Earning],
    receipts: Mapping[str, TierReceipt],
) -> Earner:
    """The member after an event and the decisions on it by tier set; without one a tier stays."""
    told = told_after(before.metrics, event)
    points = points_after(program, before.memberships, given) if receipts else {}
    memberships = {
        key: _moved(each, receipts[key], told, points) if key in receipts else each
        for key, each in before.memberships.items()
    }
    tiers = {
        each.key: tier_at(each, receipts[each.key].to_tier, before.contracts, at)
        if each.key in receipts
        else before.tiers.get(each.key, "")
        for each in program.tier_sets
    }
    first = program.tier_sets[0].key
    return replace(
        before,
        tier=tiers[first] or before.tier,
        tiers=tiers,
        metrics=metrics_of(told),
        earned=earned_with(program, before.earned, given),
        memberships=memberships,
    )


def _moved(
    membership: Membership, receipt: TierReceipt, told: Mapping[str, int], points: Mapping[str, int]
) -> Membership:
    return replace(
        membership,
        tier=receipt.to_tier,
        as_of=receipt.as_of,
        applied_seq=membership.applied_seq + 1,
        metrics=metrics_of(told),
        review_time=receipt.review_time,
        in_grace=receipt.in_grace,
        override=receipt.override,
        held=receipt.held,
        tier_points={**membership.tier_points, **points},
    )
