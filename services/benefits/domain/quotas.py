"""Quotas: how much of a benefit a member has left in a period of the program's days."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.common.benefit_policy import Quota
from libs.common.birthdays import Birthday
from libs.common.clock import business_date, months_later
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.openings import OPEN, Opening, opening

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Span:
    """The days of one period, up to the first of the next; `end` is None where none comes."""

    first: date
    end: date | None

    @property
    def key(self) -> str:
        """What its uses are counted under."""
        return "ever" if self.end is None else self.first.isoformat()

    def reset_time(self, time_zone: str) -> datetime | None:
        """When the next one begins: midnight in the program, however long that day is."""
        if self.end is None:
            return None
        return datetime.combine(self.end, time(), ZoneInfo(time_zone))


def span_at(quota: Quota, moment: datetime, time_zone: str) -> Span:
    """The period that a moment is in.

    >>> from datetime import UTC
    >>> late = datetime(2026, 11, 30, 17, tzinfo=UTC)  # the first of December in Shanghai
    >>> span_at(Quota(amount=1, period="month"), late, "Asia/Shanghai").key
    '2026-12-01'
    """
    return _span(quota, business_date(moment, time_zone))


def span_before(quota: Quota, span: Span) -> Span | None:
    """The period before, None where there is only one."""
    return None if span.end is None else _span(quota, span.first - timedelta(days=1))


def _span(quota: Quota, day: date) -> Span:
    if quota.period == "ever":
        return Span(date.min, None)
    if quota.period == "day":
        return Span(day, day + timedelta(days=1))
    if quota.period == "week":
        first = day - timedelta(days=day.weekday())
        return Span(first, first + timedelta(days=7))
    months = _MONTHS[quota.period]
    first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return Span(first, months_later(datetime.combine(first, time()), months).date())


@dataclass(frozen=True, slots=True)
class Counted:
    """What was used in a period, and how much there was in it."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        """What was left; nothing when a policy since gives less than was used."""
        return max(0, self.limit - self.used)


Place = tuple[str, str, str]
"""What uses are counted by: member, benefit and period."""

EVERYBODY = ""
"""Stands for the member where all of them share what is counted."""


@dataclass(frozen=True, slots=True)
class HeldBenefit:
    """A benefit as a member has it, and since when they have the tier that they have it by.

    `birthday` is theirs, where the benefit is for it and they told it.
    """

    member_id: str
    entitlement: Entitlement
    since: datetime | None
    birthday: Birthday | None = None

    @property
    def key(self) -> str:
        """Key of the benefit."""
        return self.entitlement.grant.benefit

    def places(self, at: datetime, time_zone: str) -> list[Place]:
        """What was counted that is to be known: in the present period, and in the one before."""
        quota, pool = self.entitlement.grant.quota, self.entitlement.grant.pool
        if quota is None:
            return []
        span = span_at(quota, at, time_zone)
        spans = [span, span_before(quota, span)]
        own = [(self.member_id, self.key, each.key) for each in spans if each is not None]
        return own if pool is None else [*own, (EVERYBODY, self.key, span_at(pool, at, time_zone).key)]

    def opening(self, at: datetime, time_zone: str) -> Opening:
        """Whether it may be used at a time."""
        return opening(self.entitlement.grant, self.birthday, at, time_zone)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of a benefit a member has in a period; `reset_time` is None where no other comes.

    `pool` is what all members together have of it, where they share it.
    """

    benefit: str
    quota: Quota
    place: Place
    counted: Counted
    reset_time: datetime | None
    opening: Opening = OPEN
    pool: "Allowance | None" = None


def allowance(
    held: HeldBenefit, counted: Mapping[Place, Counted], at: datetime, time_zone: str
) -> Allowance | None:
    """What is left of a benefit at a time, given what was counted at its places; None where nothing is."""
    quota = held.entitlement.grant.quota
    if quota is None:
        return None
    span = span_at(quota, at, time_zone)
    before = span_before(quota, span)
    place = (held.member_id, held.key, span.key)
    limit = quota.amount
    if before is not None:
        last = counted.get((held.member_id, held.key, before.key))
        limit += _carried(quota, last, held_before=_since(held, time_zone) < span.first)
    used = counted.get(place, Counted(0, limit)).used
    own = Allowance(held.key, quota, place, Counted(used, limit), span.reset_time(time_zone))
    return replace(own, opening=held.opening(at, time_zone), pool=_pool(held, counted, at, time_zone))


def _pool(
    held: HeldBenefit, counted: Mapping[Place, Counted], at: datetime, time_zone: str
) -> Allowance | None:
    pool = held.entitlement.grant.pool
    if pool is None:
        return None
    span = span_at(pool, at, time_zone)
    place = (EVERYBODY, held.key, span.key)
    used = counted.get(place, Counted(0, pool.amount)).used
    return Allowance(held.key, pool, place, Counted(used, pool.amount), span.reset_time(time_zone))


def _carried(quota: Quota, last: Counted | None, *, held_before: bool) -> int:
    """What goes on from the period before; whoever held the benefit and used nothing then had all left."""
    if last is not None:
        return min(quota.carry_over, last.left)
    return min(quota.carry_over, quota.amount) if held_before else 0


def _since(held: HeldBenefit, time_zone: str) -> date:
    return date.max if held.since is None else business_date(held.since, time_zone)


@dataclass(frozen=True, slots=True)
class UseKey:
    """What makes a use the same use, for ever; the source is whoever told of it."""

    program_id: str
    source: str
    external_ref: str
    benefit: str


@dataclass(frozen=True, slots=True)
class BenefitUse:
    """A use of a benefit; `period` is what it is counted in, empty where nothing is counted.

    `pool_period` is what it is counted in among all members.
    """

    use_id: str
    key: UseKey
    member_id: str
    amount: int
    used_time: datetime
    period: str
    cancelled: bool = False
    pool_period: str = ""

    @property
    def places(self) -> list[Place]:
        """Where it was counted."""
        counted = [(self.member_id, self.period), (EVERYBODY, self.pool_period)]
        return [(whose, self.key.benefit, period) for whose, period in counted if period]
