"""Facts are sums over days, whatever the order in which the events arrived."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.facts import Counts, added, facts_at, tally_facts, total

TODAY = date(1998, 3, 2)
KINDS = ("purchase", "refund", "login", "invite")


def bought(count: int, amount_minor: int, quantity: int = 1) -> dict[str, Counts]:
    return {"purchase": Counts(count, amount_minor, quantity)}


def test_purchases_are_net_of_refunds_and_gross_stands_beside() -> None:
    facts = facts_at({TODAY: {**bought(2, 5000, 3), "refund": Counts(1, 1200, 1)}}, TODAY)

    assert facts["purchase.amount_minor.lifetime"] == 3800
    assert facts["purchase.quantity.lifetime"] == 2
    assert facts["purchase_gross.amount_minor.lifetime"] == 5000
    assert facts["refund.amount_minor.lifetime"] == 1200
    assert facts["purchase.count.lifetime"] == 2


@pytest.mark.parametrize(
    ("days_ago", "inside"),
    [(0, True), (6, True), (7, False)],
    ids=["today", "last day of the window", "the day before the window"],
)
def test_a_window_of_seven_days_ends_with_today(days_ago: int, inside: bool) -> None:
    facts = facts_at({TODAY - timedelta(days=days_ago): bought(1, 100)}, TODAY)

    assert ("purchase.count.7d" in facts) is inside
    assert facts["purchase.count.lifetime"] == 1


def test_distinct_days_and_days_since_count_days_and_not_events() -> None:
    facts = facts_at(
        {TODAY - timedelta(days=3): bought(5, 500), TODAY - timedelta(days=1): bought(2, 10)}, TODAY
    )

    assert facts["purchase.distinct_days.lifetime"] == 2
    assert facts["purchase.days_since_last"] == 1
    assert facts["purchase.days_since_first"] == 3


def test_what_never_happened_has_no_fact() -> None:
    assert facts_at({}, TODAY) == {}


events = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=400),
        st.sampled_from(KINDS),
        st.integers(min_value=0, max_value=10_000),
    ),
    max_size=40,
)


@given(events)
def test_facts_of_days_equal_a_recount_of_the_events(told: list[tuple[int, str, int]]) -> None:
    days: dict[date, dict[str, Counts]] = {}
    for ago, kind, amount in told:
        day = TODAY - timedelta(days=ago)
        days[day] = added(days.get(day, {}), kind, Counts(1, amount, 1))

    facts = facts_at(days, TODAY)

    for window, length in (("7d", 7), ("30d", 30), ("90d", 90), ("365d", 365), ("lifetime", 10_000)):
        within = [(kind, amount) for ago, kind, amount in told if ago < length]
        for kind in KINDS:
            assert facts.get(f"{kind}.count.{window}", 0) == sum(1 for each, _ in within if each == kind)
        spent = sum(amount for kind, amount in within if kind == "purchase")
        returned = sum(amount for kind, amount in within if kind == "refund")
        assert facts.get(f"purchase.amount_minor.{window}", 0) == spent - returned


@given(events)
def test_lifetime_facts_after_the_last_event_equal_those_of_the_days(
    told: list[tuple[int, str, int]],
) -> None:
    lifetime: dict[str, Counts] = {}
    for _, kind, amount in told:
        lifetime = added(lifetime, kind, Counts(1, amount, 1))

    by_day = facts_at({TODAY: lifetime}, TODAY) if lifetime else {}

    assert tally_facts(lifetime, "lifetime").items() <= by_day.items()
    assert total([lifetime]) == lifetime
