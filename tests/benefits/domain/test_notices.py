"""Notices: consent, what a member does not want, and how much they get of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.program import QuietHours
from services.benefits.domain.notices import (
    MARKETING,
    NoticeCode,
    NoticeStatus,
    Preferences,
    WithheldReason,
    fresh,
    told_day,
    withheld,
)
from tests.benefits.domain.notices import MEMBER, MORNING, a_program, an_occasion, made

SERVICE = (NoticeCode.TIER_CHANGED, NoticeCode.POINTS_EXPIRING)
SILENT = Preferences(MEMBER)


def test_a_notice_is_scheduled_for_now() -> None:
    (notice,) = made(a_program(), an_occasion())

    assert (notice.status, notice.due_time, notice.withheld_reason) == (NoticeStatus.SCHEDULED, MORNING, "")


def test_a_notice_of_the_night_is_due_in_the_morning() -> None:
    night = datetime(2026, 11, 22, 15, tzinfo=UTC)  # eleven in the evening in Shanghai

    (notice,) = made(a_program(quiet_hours=QuietHours(from_hour=22, to_hour=8)), an_occasion(), time=night)

    assert notice.due_time == night + timedelta(hours=9)


@pytest.mark.parametrize(
    ("rule", "said", "reason"),
    [
        pytest.param("opt_out", None, None, id="opt-out, never said anything"),
        pytest.param("opt_out", False, WithheldReason.NO_CONSENT, id="opt-out, said no"),
        pytest.param("opt_out", True, None, id="opt-out, said yes"),
        pytest.param("opt_in", None, WithheldReason.NO_CONSENT, id="opt-in, never said anything"),
        pytest.param("opt_in", False, WithheldReason.NO_CONSENT, id="opt-in, said no"),
        pytest.param("opt_in", True, None, id="opt-in, said yes"),
    ],
)
@pytest.mark.parametrize("code", sorted(MARKETING))
def test_marketing_goes_by_what_the_member_said_and_else_by_the_program(
    code: NoticeCode, rule: str, said: bool | None, reason: WithheldReason | None
) -> None:
    assert withheld(a_program(marketing_consent=rule), code, Preferences(MEMBER, said)) is reason


@pytest.mark.parametrize("code", SERVICE)
def test_service_notices_need_no_consent(code: NoticeCode) -> None:
    assert withheld(a_program(marketing_consent="opt_in"), code, Preferences(MEMBER, False)) is None


@pytest.mark.parametrize("code", [*SERVICE, *sorted(MARKETING)])
def test_a_muted_code_is_withheld_whatever_its_kind(code: NoticeCode) -> None:
    muted = Preferences(MEMBER, True, frozenset({code}))

    assert withheld(a_program(), code, muted) is WithheldReason.MUTED


@pytest.mark.parametrize("code", [*SERVICE, *sorted(MARKETING)])
def test_what_the_program_switched_off_is_withheld_from_everybody(code: NoticeCode) -> None:
    program = a_program(switched_off=(code.lower(),))

    assert withheld(program, code, SILENT) is WithheldReason.SWITCHED_OFF


def test_a_withheld_notice_is_kept_with_its_reason() -> None:
    (notice,) = made(a_program(), an_occasion(), wanted=Preferences(MEMBER, False))

    assert (notice.status, notice.withheld_reason) == (NoticeStatus.WITHHELD, "NO_CONSENT")


@pytest.mark.parametrize(("told", "reasons"), [(0, ["", "", "DAILY_CAP"]), (2, ["DAILY_CAP"] * 3)])
def test_marketing_stops_at_the_cap_of_the_day(told: int, reasons: list[str]) -> None:
    occasions = [an_occasion(cause=str(number)) for number in range(3)]

    listed = made(a_program(marketing_per_day_max=2), *occasions, told=told)

    assert [notice.withheld_reason for notice in listed] == reasons


def test_service_notices_know_no_cap_and_count_for_none() -> None:
    tiers = [an_occasion(NoticeCode.TIER_CHANGED, cause=str(number)) for number in range(3)]

    listed = made(a_program(marketing_per_day_max=1), *tiers, an_occasion())

    assert [notice.status for notice in listed] == [NoticeStatus.SCHEDULED] * 4


def test_what_is_withheld_for_another_reason_does_not_count_for_the_cap() -> None:
    muted = Preferences(MEMBER, muted=frozenset({"NEAR_UPGRADE"}))

    listed = made(
        a_program(marketing_per_day_max=1),
        an_occasion(NoticeCode.NEAR_UPGRADE, "main/gold/2026"),
        an_occasion(),
        wanted=muted,
    )

    assert [notice.withheld_reason for notice in listed] == ["MUTED", ""]


def test_the_cap_is_that_of_each_member() -> None:
    other = an_occasion(member_id="mem_2")

    listed = made(a_program(marketing_per_day_max=1), an_occasion(), other)

    assert [notice.status for notice in listed] == [NoticeStatus.SCHEDULED] * 2


def test_the_day_of_the_cap_is_the_one_on_which_the_member_is_told() -> None:
    program = a_program(quiet_hours=QuietHours(from_hour=22, to_hour=8))
    evening = datetime(2026, 11, 22, 13, 59, tzinfo=UTC)

    assert [told_day(program, evening + timedelta(minutes=late)).day for late in (0, 1)] == [22, 23]


def test_the_staff_are_told_whatever_a_member_wants() -> None:
    muted = Preferences(MEMBER, False, frozenset(NoticeCode))
    occasion = an_occasion(NoticeCode.WEBHOOK_FAILING, "whk_1/1", staff_role="system_administrator")

    (notice,) = made(a_program(), occasion, wanted=muted)

    assert notice.status is NoticeStatus.SCHEDULED


@pytest.mark.parametrize(
    ("age", "told"),
    [(timedelta(days=7), True), (timedelta(days=7, milliseconds=1), False), (-timedelta(days=1), True)],
    ids=["of seven days", "a millisecond older", "of tomorrow"],
)
def test_history_is_not_told(age: timedelta, told: bool) -> None:
    assert fresh(MORNING - age, MORNING) is told


def test_a_cause_has_one_key_whatever_else_is_different() -> None:
    occasion = an_occasion()
    again = replace(occasion, params={"days": "31"}, occurred_time=MORNING + timedelta(days=1))

    assert occasion.key == again.key
    assert len({occasion.key, an_occasion(cause="2").key, an_occasion(member_id="mem_2").key}) == 3
