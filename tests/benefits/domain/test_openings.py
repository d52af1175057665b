"""When a benefit is open: by its schedule, by the member's birthday, and by both."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.benefit_policy import BenefitGrant, Quota, Schedule
from libs.common.birthdays import Birthday
from libs.common.documents import Text
from services.benefits.domain.openings import OPEN, Opening, opening

ZONE = "Asia/Shanghai"
BORN = Birthday(5, 17)


def at(text: str) -> datetime:
    """A time in Shanghai."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def grant(care: str | None = None, **schedule: Any) -> BenefitGrant:
    rules: dict[str, Any] = {"quota": Quota(amount=1, period="year"), "birthday": care}
    name = Text(zh="礼", en="Gift")
    return BenefitGrant(benefit="gift", kind="consumption", name=name, schedule=Schedule(**schedule), **rules)


def closed(until: str | None) -> Opening:
    return Opening(is_open=False, next_time=None if until is None else at(until))


SALE: dict[str, Any] = {"from_time": at("2026-05-01T00:00:00"), "until_time": at("2026-05-20T00:00:00")}


@pytest.mark.parametrize(
    ("given", "moment", "expected"),
    [
        (grant(), "2026-05-17T12:00:00", OPEN),
        (grant("day"), "2026-05-16T23:59:59", closed("2026-05-17T00:00:00")),
        (grant("day"), "2026-05-17T00:00:00", OPEN),
        (grant("day"), "2026-05-17T23:59:59", OPEN),
        (grant("day"), "2026-05-18T00:00:00", closed("2027-05-17T00:00:00")),
        (grant("month"), "2026-04-30T23:59:59", closed("2026-05-01T00:00:00")),
        (grant("month"), "2026-05-31T23:59:59", OPEN),
        (grant("month"), "2026-06-01T00:00:00", closed("2027-05-01T00:00:00")),
        (grant(**SALE), "2026-04-30T00:00:00", closed("2026-05-01T00:00:00")),
        (grant(**SALE), "2026-05-20T00:00:00", closed(None)),
        (grant("day", **SALE), "2026-05-02T00:00:00", closed("2026-05-17T00:00:00")),
        (grant("day", **SALE), "2026-05-18T00:00:00", closed(None)),
        (
            grant("day", from_time=at("2030-06-01T00:00:00")),
            "2026-05-17T00:00:00",
            closed("2031-05-17T00:00:00"),
        ),
        (grant("month", until_time=at("2026-05-10T00:00:00")), "2026-05-10T00:00:00", closed(None)),
    ],
)
def test_a_benefit_is_open_by_its_schedule_and_the_birthday(
    given: BenefitGrant, moment: str, expected: Opening
) -> None:
    assert opening(given, BORN, at(moment), ZONE) == expected


def test_who_told_no_birthday_has_what_is_for_everybody_alone() -> None:
    moment = at("2026-05-17T12:00:00")

    assert opening(grant("day"), None, moment, ZONE) == closed(None)
    assert opening(grant(), None, moment, ZONE) == OPEN


@given(
    st.integers(0, 15 * 366 * 24 * 60).map(
        lambda minutes: at("2020-01-01T00:00:00") + timedelta(minutes=minutes)
    ),
    st.sampled_from(["day", "month"]),
    st.sampled_from([Birthday(2, 29), Birthday(12, 31), Birthday(1, 1), BORN]),
)
def test_what_is_closed_is_open_when_it_says_so(moment: datetime, care: str, born: Birthday) -> None:
    found = opening(grant(care), born, moment, ZONE)

    again = moment if found.is_open else found.next_time
    assert again is not None
    assert opening(grant(care), born, again, ZONE) == OPEN
