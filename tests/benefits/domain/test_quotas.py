"""Periods of quotas by the program's days, what is carried over, and what is locked."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.benefit_policy import BenefitGrant, Quota
from libs.common.documents import Text
from libs.common.program import preset
from services.benefits.domain.entitlements import Entitlement, entitlements, granting_tier, locked
from services.benefits.domain.quotas import Counted, HeldBenefit, allowance, span_at, span_before

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
PERIODS = ("day", "week", "month", "quarter", "year")
TIER_SET = preset("ecommerce_five").tier_sets[0]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quota(amount: int = 10, period: Any = "day", carry_over: int = 0) -> Quota:
    return Quota(amount=amount, period=period, carry_over=carry_over)


def held(rule: Quota | None, since: str = "2020-01-01") -> HeldBenefit:
    grant = BenefitGrant(benefit="profiles", kind="service", name=Text(zh="资料", en="Profiles"), quota=rule)
    return HeldBenefit("mem_1", Entitlement(grant, "main", "silver", inherited=False), at(since))


@pytest.mark.parametrize(
    ("period", "moment", "first", "end"),
    [
        ("day", "2026-11-22T15:59:59", "2026-11-22", "2026-11-23"),
        ("day", "2026-11-22T16:00:00", "2026-11-23", "2026-11-24"),  # midnight in Shanghai
        ("week", "2026-11-23T00:00:00", "2026-11-23", "2026-11-30"),
        ("week", "2026-11-22T00:00:00", "2026-11-16", "2026-11-23"),  # a Sunday
        ("month", "2028-02-29T00:00:00", "2028-02-01", "2028-03-01"),
        ("quarter", "2026-12-31T00:00:00", "2026-10-01", "2027-01-01"),
        ("year", "2026-12-31T16:00:00", "2027-01-01", "2028-01-01"),
    ],
)
def test_a_period_has_the_days_of_the_program(period: str, moment: str, first: str, end: str) -> None:
    span = span_at(quota(period=period), at(moment), SHANGHAI)

    assert (span.first, span.end) == (date.fromisoformat(first), date.fromisoformat(end))


def test_a_quota_for_ever_never_begins_anew() -> None:
    rule = quota(period="ever")
    span = span_at(rule, at("2026-11-22"), SHANGHAI)

    assert (span.key, span.reset_time(SHANGHAI), span_before(rule, span)) == ("ever", None, None)


def test_a_day_of_23_hours_ends_at_midnight_as_well() -> None:
    span = span_at(quota(), at("2026-03-08T12:00:00"), NEW_YORK)  # the clocks went forward that night

    assert span.reset_time(NEW_YORK) == at("2026-03-09T04:00:00")


@given(
    period=st.sampled_from(PERIODS),
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_periods_follow_each_other_without_gap_or_overlap(period: str, moment: datetime) -> None:
    rule = quota(period=period)
    span = span_at(rule, moment.replace(tzinfo=UTC), SHANGHAI)
    before = span_before(rule, span)

    assert before is not None
    assert before.end == span.first
    assert span.end is not None
    assert before.first < span.first < span.end


@pytest.mark.parametrize(
    ("carry_over", "last", "since", "limit"),
    [
        (0, None, "2020-01-01", 10),
        (4, None, "2020-01-01", 14),  # nothing used: all was left
        (40, None, "2020-01-01", 20),  # no more than there was
        (4, Counted(used=8, limit=10), "2020-01-01", 12),
        (4, Counted(used=10, limit=10), "2020-01-01", 10),
        (4, Counted(used=12, limit=10), "2020-01-01", 10),  # a policy since gives less
        (4, None, "2026-11-22", 10),  # they have it since today
    ],
)
def test_what_was_left_goes_on_up_to_the_bound(
    carry_over: int, last: Counted | None, since: str, limit: int
) -> None:
    counted = {} if last is None else {("mem_1", "profiles", "2026-11-21"): last}

    left = allowance(held(quota(carry_over=carry_over), since), counted, at("2026-11-22T01:00:00"), SHANGHAI)

    assert left is not None
    assert left.counted == Counted(0, limit)


def test_what_is_used_counts_in_its_own_period_alone() -> None:
    rule, moment = held(quota()), at("2026-11-22T01:00:00")
    counted = {place: Counted(7, 10) for place in rule.places(moment, SHANGHAI)[:1]}

    today = allowance(rule, counted, moment, SHANGHAI)
    tomorrow = allowance(rule, counted, moment + timedelta(days=1), SHANGHAI)

    assert today is not None
    assert tomorrow is not None
    assert (today.counted.left, tomorrow.counted.left) == (3, 10)
    assert today.reset_time == at("2026-11-22T16:00:00")


def test_a_benefit_without_quota_is_not_counted() -> None:
    moment = at("2026-11-22")

    assert held(None).places(moment, SHANGHAI) == []
    assert allowance(held(None), {}, moment, SHANGHAI) is None


def test_a_quota_for_ever_carries_nothing_over() -> None:
    with pytest.raises(ValidationError, match="nothing to carry over"):
        quota(period="ever", carry_over=1)


def test_gold_holds_all_of_silver_and_normal_and_lacks_the_rest() -> None:
    have = {each.grant.benefit for each in entitlements(TIER_SET, "gold")}
    lack = [(each.grant.benefit, each.tier, each.steps) for each in locked(TIER_SET, "gold")]

    assert {"member_discount", "free_shipping", "one_to_one_service"} <= have
    assert lack[0][1:] == ("platinum", 1)
    assert {tier for _, tier, _ in lack} == {"platinum", "diamond"}
    assert have.isdisjoint(benefit for benefit, _, _ in lack)


def test_a_tier_that_is_no_more_has_nothing_and_lacks_nothing() -> None:
    assert (entitlements(TIER_SET, "bronze"), locked(TIER_SET, "bronze")) == ([], [])


def test_the_lowest_tier_that_grants_a_benefit_is_named() -> None:
    assert granting_tier(TIER_SET, "free_shipping") == "silver"
    assert granting_tier(TIER_SET, "a_yacht") is None
