"""Facts one by one are the facts that are worked out of a member at once, whichever are asked for."""

import math
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.errors import FactUnknown
from services.members.domain.fact_columns import facts_asked, facts_named
from services.members.domain.facts import Counts, facts_at

TODAY = date(1998, 6, 30)
KINDS = ("purchase", "refund", "login", "custom")
WINDOWS = ("7d", "30d", "90d", "365d", "lifetime")
NAMES = [
    *(
        f"{kind}.{measure}.{window}"
        for kind in KINDS
        for measure in ("count", "distinct_days")
        for window in WINDOWS
    ),
    *(f"{kind}.days_since_{end}" for kind in KINDS for end in ("first", "last")),
    *(
        f"{kind}.{measure}.{window}"
        for kind in ("purchase", "purchase_gross", "refund")
        for measure in ("amount_minor", "quantity")
        for window in WINDOWS
    ),
]
TALLIES = st.dictionaries(
    st.sampled_from(KINDS),
    st.builds(Counts, st.integers(1, 3), st.integers(0, 900), st.integers(0, 9)),
    min_size=1,
)
# Days at the edges of the windows, and far from them.
AGES = st.sampled_from([0, 1, 6, 7, 8, 29, 30, 89, 90, 364, 365, 366, 2000]) | st.integers(0, 400)


@given(st.dictionaries(AGES, TALLIES, max_size=8))
def test_every_fact_is_the_same(tallies: Mapping[int, Mapping[str, Counts]]) -> None:
    days = {TODAY - timedelta(days=age): tally for age, tally in sorted(tallies.items(), reverse=True)}
    kept = [
        (
            day,
            {
                kind: {"count": each.count, "amount_minor": each.amount_minor, "quantity": each.quantity}
                for kind, each in tally.items()
            },
        )
        for day, tally in days.items()
    ]

    found = {name: fact(kept) for name, fact in zip(NAMES, facts_asked(NAMES, KINDS, TODAY), strict=True)}

    assert {name: value for name, value in found.items() if not math.isnan(value)} == facts_at(days, TODAY)


ASKED = ("8d", "400d", "month", "quarter", "year", "month_avg_1", "month_avg_3", "lifetime")


def _within(window: str, day: date) -> bool:
    """Whether a day is in a window on TODAY, the last of a June."""
    if window.endswith("d"):
        return 0 <= (TODAY - day).days < int(window[:-1])
    months_ago = (TODAY.year - day.year) * 12 + TODAY.month - day.month
    last = {"lifetime": 10**6, "month": 0, "quarter": 2, "year": 5}
    return 1 <= months_ago <= int(window[-1]) if "avg" in window else months_ago <= last[window]


@given(st.dictionaries(AGES, TALLIES, max_size=8), st.sampled_from(ASKED))
def test_windows_are_recounted_day_by_day(tallies: Mapping[int, Mapping[str, Counts]], window: str) -> None:
    days = {TODAY - timedelta(days=age): tally for age, tally in tallies.items()}
    within = [tally for day, tally in days.items() if _within(window, day)]
    bought = [tally["purchase"] for tally in within if "purchase" in tally]
    returned = [tally["refund"].amount_minor for tally in within if "refund" in tally]
    net, count = sum(each.amount_minor for each in bought) - sum(returned), sum(each.count for each in bought)
    divisor = int(window[-1]) if "avg" in window else 1

    found = facts_named(
        [f"purchase.{measure}.{window}" for measure in ("amount_minor", "count")], KINDS, days, TODAY
    )

    expected = {f"purchase.amount_minor.{window}": net // divisor} if bought or returned else {}
    assert found == expected | ({f"purchase.count.{window}": count // divisor} if bought else {})


def test_an_average_order_is_what_purchases_come_to_net_of_refunds_rounded_down() -> None:
    days = {TODAY: {"purchase": Counts(3, 1_000, 3), "refund": Counts(1, 100, 1)}}

    names = ["purchase.average_minor.lifetime", "purchase.average_minor.month"]

    assert facts_named(names, KINDS, days, TODAY) == dict.fromkeys(names, 300)
    assert facts_named(names, KINDS, {}, TODAY) == {}


@pytest.mark.parametrize(
    "name",
    [
        "login.count",
        "login.count.0d",
        "login.count.08d",
        "login.count.3661d",
        "login.count.fortnight",
        "login.average_minor.7d",
        "purchase.average_minor.month_avg_3",
        "LOGIN.count.7d",
        "swim.count.7d",
        "login.quantity.7d",
        "",
        "a.b.c",
        "login..7d",
    ],
)
def test_a_name_of_no_fact_is_refused(name: str) -> None:
    with pytest.raises(FactUnknown) as refused:
        facts_asked([name], KINDS, TODAY)

    assert refused.value.facts == {"fact": name}
