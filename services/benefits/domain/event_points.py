"""What the events of one member do to their points, one after another: what each earns, what refunds take."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from libs.common.birthdays import Birthday
from libs.common.clock import business_date, months_later
from libs.common.earning_policy import PURCHASE
from libs.common.point_policy import Lifetime
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
    """Movements in the order of the events, and what was earned under caps on the days that changed.

    `birthday_used` is the time of the last event that gave other points for the member's birthday.
    """

    movements: tuple[Movement, ...]
    earned: Mapping[date, Earned]
    birthday_used: datetime | None = None


def event_points(
    program: Program,
    events: Sequence[MemberEvent],
    memberships: Sequence[Membership],
    receipts: Sequence[Sequence[TierReceipt]],
    *,
    contracts: Sequence[Contract],
    earned: Mapping[date, Earned],
    birthday: Birthday | None = None,
) -> EventPoints:
    """What events do to points, given contracts of their time and what was earned before on their days.

    Points are counted at the tiers held before the event, by what was earned
    or by contract, so an upgrade counts from the next event on. So are the
    member's counts.
    """
    first, days = memberships[0], dict(earned)
    tier_sets = {each.key: each for each in program.tier_sets}
    metrics, movements, used = first.metrics, list[Movement](), list[datetime]()
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
            counted = partial(_given, program, event, tiers, metrics, days.get(day, {}))
            given = counted(birthday)
            if birthday is not None and _points(given) != _points(counted(None)):
                used.append(event.occurred_time)
            days[day] = earned_with(program, days.get(day, {}), given)
            movements += _accruals(program, first.member_id, event, given)
        metrics = metrics_of(event.facts)
    changed = {day: each for day, each in days.items() if each != earned.get(day, {})}
    return EventPoints(tuple(movements), changed, max(used, default=None))


def qualifying_points(
    program: Program,
    event: MemberEvent,
    memberships: Sequence[Membership],
    *,
    contracts: Sequence[Contract],
    earned: Mapping[date, Earned],
    birthday: Birthday | None,
) -> dict[str, int]:
    """The points that qualify, with what an event earns of them: the next one of these memberships.

    Counted at the tiers held before it, as they will be posted. What a refund takes back counts afterwards.
    """
    first, sets = memberships[0], {each.key: each for each in program.tier_sets}
    points = Counter(first.tier_points)
    if event.original is None:
        time = event.occurred_time
        tiers = {
            each.tier_set: tier_at(sets[each.tier_set], each.tier, contracts, time) for each in memberships
        }
        day = earned.get(business_date(time, program.time_zone), {})
        for each in _given(program, event, tiers, first.metrics, day, birthday):
            points[each.point_type] += each.points
    return {key: points[key] for key in program.points.qualifying}


def _given(
    program: Program,
    event: MemberEvent,
    tiers: Mapping[str, str],
    metrics: Mapping[str, int],
    earned: Earned,
    birthday: Birthday | None,
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
        birthday=birthday,
    )


def _points(given: Sequence[Earning]) -> list[int]:
    return [each.points for each in given]


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


def active_time(lifetime: Lifetime, occurred_time: datetime) -> datetime:
    """From when on points are active that are earned at a time."""
    return occurred_time + timedelta(days=lifetime.activate_after_days)


def expire_time(lifetime: Lifetime, occurred_time: datetime) -> datetime | None:
    """When points end that are earned at a time; None where they stay."""
    months = lifetime.expire_after_months
    return None if months is None else months_later(occurred_time, months)


def _accruals(
    program: Program, member_id: str, event: MemberEvent, given: Sequence[Earning]
) -> list[Accrual]:
    """What an event earns, an accrual for each currency that a rule for such events gives."""
    by_currency: dict[str, list[Earning]] = defaultdict(list)
    for each in given:
        by_currency[each.point_type or program.points.currency].append(each)
    return [_accrual(program, currency, member_id, event, found) for currency, found in by_currency.items()]


def _accrual(
    program: Program, currency: str, member_id: str, event: MemberEvent, given: Sequence[Earning]
) -> Accrual:
    lifetime = program.points.lifetime(currency)
    return Accrual(
        member_id=member_id,
        source=event.source,
        external_ref=event.external_ref,
        line=event.line,
        occurred_time=event.occurred_time,
        active_time=active_time(lifetime, event.occurred_time),
        expire_time=expire_time(lifetime, event.occurred_time),
        earnings=tuple(given),
        currency=currency,
        event_kind="" if event.kind == PURCHASE else event.kind,
    )
