"""What the graph shows of the terms of benefits: what each is, how much of it there is, and when."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import strawberry

from libs.common import benefit_policy as documents
from libs.common.documents import Text
from services.gateway.values import LocalName, Long, NamedNumber


@strawberry.enum(description="What a benefit is about.")
class BenefitKind(Enum):
    CONSUMPTION = strawberry.enum_value(
        "consumption", description="Makes buying cheaper or opens what may be bought."
    )
    POINTS = strawberry.enum_value("points", description="Changes how points are earned or used.")
    SERVICE = strawberry.enum_value("service", description="Something done for the member.")
    IDENTITY = strawberry.enum_value("identity", description="Shows or honours who the member is.")


@strawberry.enum(description="What a quota is counted in.")
class QuotaUnit(Enum):
    USES = strawberry.enum_value("uses", description="Times that it is used.")
    MINUTES = strawberry.enum_value("minutes", description="Minutes; hours are sixty of them.")
    SEATS = strawberry.enum_value("seats", description="Seats, rooms or pieces at a time.")


@strawberry.enum(description="How often a quota begins anew, by the program's days; weeks begin on Monday.")
class QuotaPeriod(Enum):
    DAY = strawberry.enum_value("day", description="Every day.")
    WEEK = strawberry.enum_value("week", description="Every Monday.")
    MONTH = strawberry.enum_value("month", description="On the first of a month.")
    QUARTER = strawberry.enum_value("quarter", description="On the first of January, April, July, October.")
    YEAR = strawberry.enum_value("year", description="On the first of January.")
    EVER = strawberry.enum_value("ever", description="Never: it is there once.")


@strawberry.type(description="How much of a benefit there is in a period.")
class Quota:
    amount: Long = strawberry.field(description="How much.")
    unit: QuotaUnit | None = strawberry.field(description="What it is counted in.")
    period: QuotaPeriod | None = strawberry.field(description="How often it begins anew.")
    carry_over: Long = strawberry.field(description="The most that goes on of what was left.")


@strawberry.enum(description="What of a birthday a benefit or a coupon is for, by the program's days.")
class BirthdayCare(Enum):
    DAY = strawberry.enum_value("day", description="The day itself.")
    MONTH = strawberry.enum_value("month", description="The whole month.")


@strawberry.type(description="When a benefit may be used; what is null is no bound.")
class BenefitSchedule:
    from_time: datetime | None = strawberry.field(description="From then on, by the program's clock.")
    until_time: datetime | None = strawberry.field(
        description="Until then, that moment not included, by the program's clock."
    )


@strawberry.type(description="What opens a benefit by and by: months in a row of a standard.")
class UnlockTerms:
    standard: str = strawberry.field(description="Key of the standard.")
    months: int = strawberry.field(description="How many months in a row.")


@strawberry.type(description="A benefit that a tier grants, and all tiers above it.")
class TierBenefit:
    key: str = strawberry.field(description="Key, such as `free_shipping`.")
    kind: BenefitKind | None = strawberry.field(description="What it is about.")
    name: LocalName = strawberry.field(description="Name for people.")
    params: list[NamedNumber] = strawberry.field(description="Its numbers, if it has any.")
    form: str = strawberry.field(description="Whether it is worth money: `money` or `non_money`.")
    layer: str = strawberry.field(description="What it is for: `core`, `added`, `emotional` or `social`.")
    floating: bool = strawberry.field(description="Whether it changes with what there is.")
    channels: list[str] = strawberry.field(description="Where it is good; everywhere where none is named.")
    quota: Quota | None = strawberry.field(description="How much there is; null where it has no end.")
    pool: Quota | None = strawberry.field(
        description="How much of it all members share; null where they share nothing."
    )
    schedule: BenefitSchedule | None = strawberry.field(
        description="From when until when it may be used; null when at any time."
    )
    birthday: BirthdayCare | None = strawberry.field(
        description="Whether it is for the member's birthday; null where it is not."
    )
    unlock: UnlockTerms | None = strawberry.field(
        description="What opens it by and by; null where it is open from the tier on."
    )


def name_of(text: Text) -> LocalName:
    """A name of the document."""
    return LocalName(zh=text.zh, en=text.en)


def numbers_of(params: Mapping[str, int]) -> list[NamedNumber]:
    """Numbers by name, in the order of their names."""
    return [NamedNumber(name=name, value=Long(value)) for name, value in sorted(params.items())]


def grant_of(grant: documents.BenefitGrant) -> TierBenefit:
    """A benefit of the document."""
    return TierBenefit(
        key=grant.benefit,
        kind=BenefitKind(grant.kind),
        name=name_of(grant.name),
        params=numbers_of(grant.params),
        form=grant.form,
        layer=grant.layer,
        floating=grant.floating,
        channels=list(grant.channels),
        quota=_quota(grant.quota),
        pool=_quota(grant.pool),
        schedule=_schedule(grant.schedule),
        birthday=None if grant.birthday is None else BirthdayCare(grant.birthday),
        unlock=_unlock(grant.unlock),
    )


def _quota(quota: documents.Quota | None) -> Quota | None:
    if quota is None:
        return None
    return Quota(
        amount=Long(quota.amount),
        unit=QuotaUnit(quota.unit),
        period=QuotaPeriod(quota.period),
        carry_over=Long(quota.carry_over),
    )


def _schedule(schedule: documents.Schedule) -> BenefitSchedule | None:
    if schedule == documents.Schedule():
        return None
    return BenefitSchedule(from_time=schedule.from_time, until_time=schedule.until_time)


def _unlock(unlock: documents.Unlock | None) -> UnlockTerms | None:
    return None if unlock is None else UnlockTerms(standard=unlock.standard, months=unlock.months)
