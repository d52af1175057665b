"""Terms: when a tier is looked at again, in the program's time zone."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.movement_policy import Period
from services.scoring.domain.terms import Calendar

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


def calendar(zone: ZoneInfo = SHANGHAI, grace_days: int = 0, **period: Any) -> Calendar:
    return Calendar(Period(**period), grace_days, zone)


def at(zone: ZoneInfo, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("period", "given_on", "ends"),
    [
        ({"kind": "month"}, (2026, 1, 31, 23, 59), (2026, 2, 1)),
        ({"kind": "month"}, (2026, 12, 1), (2027, 1, 1)),
        ({"kind": "quarter"}, (2026, 3, 31), (2026, 4, 1)),
        ({"kind": "quarter"}, (2026, 11, 5), (2027, 1, 1)),
        ({"kind": "year"}, (2026, 1, 1), (2027, 1, 1)),
        ({"kind": "year", "more": 1}, (2026, 6, 1), (2028, 1, 1)),
        ({"kind": "quarter", "more": 1}, (2026, 5, 1), (2026, 10, 1)),
        ({"kind": "rolling", "months": 12}, (2026, 5, 7, 15), (2027, 5, 7)),
        ({"kind": "rolling", "months": 1}, (2026, 1, 31), (2026, 3, 1)),
        ({"kind": "rolling", "months": 12}, (2028, 2, 29), (2029, 3, 1)),
    ],
)
def test_a_term_runs_to_the_end_of_its_period(
    period: dict[str, Any], given_on: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    term = calendar(**period).term(at(SHANGHAI, *given_on))

    assert (term.review_time, term.in_grace) == (at(SHANGHAI, *ends), False)


def test_the_days_are_those_of_the_program() -> None:
    evening_in_new_york = datetime(2026, 1, 1, 3, tzinfo=UTC)

    assert calendar(NEW_YORK, kind="year").term(evening_in_new_york).review_time == at(NEW_YORK, 2026, 1, 1)
    assert calendar(SHANGHAI, kind="year").term(evening_in_new_york).review_time == at(SHANGHAI, 2027, 1, 1)


def test_grace_ends_at_the_hour_of_the_review_whatever_the_clocks_do_meanwhile() -> None:
    review = at(NEW_YORK, 2026, 3, 1)

    term = calendar(NEW_YORK, 30, kind="month").grace(review)

    assert (term.review_time, term.in_grace) == (at(NEW_YORK, 2026, 3, 31), True)


PERIODS = st.one_of(
    st.builds(
        lambda kind, more: Period(kind=kind, more=more),
        st.sampled_from(["month", "quarter", "year"]),
        st.integers(min_value=0, max_value=12),
    ),
    st.integers(min_value=1, max_value=120).map(lambda months: Period(kind="rolling", months=months)),
)


@given(
    PERIODS,
    st.sampled_from([SHANGHAI, NEW_YORK]),
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
)
def test_a_term_always_ends_later_than_it_began_and_at_midnight(
    period: Period, zone: ZoneInfo, begun: datetime
) -> None:
    given_on = begun.replace(tzinfo=UTC)

    review_time = Calendar(period, 0, zone).term(given_on).review_time

    assert review_time is not None
    assert review_time > given_on
    assert review_time.astimezone(zone).time() == datetime.min.time()
