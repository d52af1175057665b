"""What the events of one member do to their points, one after another: what each earns, what refunds take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from libs.common.clock import business_date, months_later
from libs.common.earning_policy import PURCHASE
from libs.common.program import Program
from services.benefits.domain.accruals import Accrual
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning import Earning, earned_with, earnings
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.ledger import EventKey
from services.benefits.domain.memberships import MemberEvent, Membership, TierReceipt, metrics_of
from services.benefits.domain.movements import Movement
from services.benefits.domain.reversals import Refund
from services.benefits.domain.standing import tier_at


@dataclass(frozen=True, slots=True)
class EventPoints:
    """Movements in the order of the events, and what was earned under caps on the days that changed."""

    movements: tuple[Movement, ...]
    earned: Mapping[date, Earned]


def event_points(
    program: Program,
    events: Sequence[MemberEvent],
    memberships: Sequence[Membership],
    receipts: Sequence[Sequence[TierReceipt]],
    *,
    contracts: Sequence[Contract],
    earned: Mapping[date, Earned],
) -> EventPoints:
    """What events do to points, given contracts of their time and what was earned before on their days.

    Points are counted at the tiers held before the event, by what was earned
    or by contract, so an upgrade counts from the next event on. So are the
    member's counts.
    """
    first, days = memberships[0], dict(earned)
    tier_sets = {each.key: each for each in program.tier_sets}
    metrics, movements = first.metrics, list[Movement]()
    for place, event in enumerate(events):
        taken = {each.tier_set: receipt[place] for each, receipt in zip(memberships, receipts, strict=True)}
        tiers = {
            key: tier_at(tier_sets[key], receipt.from_tier, contracts, event.occurred_time)
            for key, receipt in taken.items()
        }
        if event.original is not None:
            movements.append(_refund(first.member_id, event, event.original, receipts[0][place]))
        else:
            day = business_date(event.occurred_time, program.time_zone)
            given = _given(program, event, tiers, metrics, days.get(day, {}))
            days[day] = earned_with(program, days.get(day, {}), given)
            movements += [_accrual(program, first.member_id, event, given)] if given else []
        metrics = metrics_of(event.facts)
    changed = {day: each for day, each in days.items() if each != earned.get(day, {})}
    return EventPoints(tuple(movements), changed)


def _given(
    program: Program,
    event: MemberEvent,
    tiers: Mapping[str, str],
    metrics: Mapping[str, int],
    earned: Earned,
) -> list[Earning]:
    return earnings(
        program,
        event_kind=event.kind,
        amount_minor=event.amount_minor,
        tier=tiers[program.tier_sets[0].key],
        tiers=tiers,
        occurred_time=event.occurred_time,
        store_id=event.store_id,
        source=event.source,
        attributes=event.attributes,
        metrics=metrics,
        earned=earned,
    )


def _refund(member_id: str, event: MemberEvent, original: EventKey, tier: TierReceipt) -> Refund:
    return Refund(
        member_id=member_id,
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=event.occurred_time,
        as_of=tier.as_of,
        original=original,
        amount_minor=event.amount_minor,
    )


def active_time(program: Program, occurred_time: datetime) -> datetime:
    """From when on points may be spent that are earned at a time."""
    return occurred_time + timedelta(days=program.points.activate_after_days)


def expire_time(program: Program, occurred_time: datetime) -> datetime | None:
    """When points end that are earned at a time; None where they stay."""
    months = program.points.expire_after_months
    return None if months is None else months_later(occurred_time, months)


def _accrual(program: Program, member_id: str, event: MemberEvent, given: Sequence[Earning]) -> Accrual:
    return Accrual(
        member_id=member_id,
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=event.occurred_time,
        active_time=active_time(program, event.occurred_time),
        expire_time=expire_time(program, event.occurred_time),
        earnings=tuple(given),
        event_kind="" if event.kind == PURCHASE else event.kind,
    )
