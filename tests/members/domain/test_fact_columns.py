"""Facts one by one are the facts that are worked out of a member at once, whichever are asked for."""

import math
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.errors import FactUnknown
from services.members.domain.fact_columns import facts_asked
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


@pytest.mark.parametrize(
    "name",
    [
        "login.count",
        "login.count.8d",
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
