"""Deliveries are tried again by a schedule until taken or given up; endpoints remember how they do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.benefits.domain.webhooks import (
    ATTEMPTS_SHOWN,
    PAUSES,
    SECRETS_MAX,
    Answer,
    Delivery,
    Endpoint,
    Failure,
    Secret,
    attempted,
    changed,
    replayed,
    resealed,
    retry_after_of,
    rotated,
    to_be_told,
    tried,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TAKEN, BROKEN = Answer(204), Answer(failure=Failure.CONNECTION_BROKEN)
GONE = Answer(410, Failure.GONE)


def a_delivery(**fields: Any) -> Delivery:
    common: dict[str, Any] = {
        "delivery_id": "dlv_1",
        "program_id": "store",
        "endpoint_id": "whk_1",
        "notice_id": "ntc_1",
        "member_id": "mem_1",
        "body": b"{}",
        "seq": 1,
        "created_time": NOW,
        "next_attempt_time": NOW,
    }
    return Delivery(**{**common, **fields})


def an_endpoint(**fields: Any) -> Endpoint:
    common: dict[str, Any] = {
        "endpoint_id": "whk_1",
        "program_id": "store",
        "place": 1,
        "url": "https://hooks.example.com/",
        "codes": (),
        "enabled": True,
        "created_time": NOW,
        "secrets": (Secret(b"one"),),
    }
    return Endpoint(**{**common, **fields})


def after(delivery: Delivery, answer: Answer, *, jitter: float = 0, at: datetime = NOW) -> Delivery:
    return attempted(delivery, answer, started=at, ended=at + SECOND, jitter=jitter)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_what_is_taken_is_delivered(status: int) -> None:
    delivered = after(a_delivery(), Answer.of(status, "", NOW))

    assert (delivered.status, delivered.next_attempt_time) == ("delivered", None)
    assert delivered.ended_time == NOW + SECOND
    assert (delivered.attempts[0].http_status, delivered.attempts[0].failure) == (status, "")
    assert delivered.attempts[0].duration_ms == 1000


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (199, Failure.STATUS),
        (301, Failure.REDIRECTED),
        (302, Failure.REDIRECTED),
        (308, Failure.REDIRECTED),
        (400, Failure.STATUS),
        (401, Failure.STATUS),
        (404, Failure.STATUS),
        (410, Failure.GONE),
        (429, Failure.STATUS),
        (500, Failure.STATUS),
        (503, Failure.STATUS),
    ],
)
def test_any_other_answer_is_a_failure(status: int, failure: Failure) -> None:
    assert Answer.of(status, "", NOW) == Answer(status, failure)


def test_what_fails_is_tried_by_the_schedule_and_then_given_up() -> None:
    delivery, pauses = a_delivery(), []
    while delivery.status == "waiting":
        delivery = after(delivery, BROKEN)
        if delivery.next_attempt_time is not None:
            pauses.append(delivery.next_attempt_time - NOW - SECOND)

    assert tuple(pauses) == PAUSES
    assert (delivery.status, delivery.tries) == ("dead", 10)
    assert delivery.ended_time == NOW + SECOND
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)


@pytest.mark.parametrize(("jitter", "pause"), [(0.0, 5), (0.5, 5.5), (1.0, 6)])
def test_pauses_are_spread_by_a_fifth(jitter: float, pause: float) -> None:
    failed = after(a_delivery(), BROKEN, jitter=jitter)

    assert failed.next_attempt_time == NOW + SECOND + timedelta(seconds=pause)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta()),
        ("999999999", PAUSES[-1]),
        ("Sun, 22 Nov 2026 12:03:00 GMT", timedelta(minutes=3)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta()),
        ("Sun, 22 Nov 2099 11:00:00 GMT", PAUSES[-1]),
        ("", timedelta()),
        ("-5", timedelta()),
        ("1e9", timedelta()),
        ("soon", timedelta()),
        ("9" * 40, timedelta()),
        ("Sun, 99 Nov 2026 12:03:00 GMT", timedelta()),
    ],
)
def test_what_a_receiver_asks_for_is_bounded_and_nonsense_is_nothing(text: str, asked: timedelta) -> None:
    assert retry_after_of(text, NOW) == asked


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_time_gets_it_and_never_less_than_the_schedule(status: int) -> None:
    later = after(a_delivery(), Answer.of(status, "600", NOW))
    scheduled = after(a_delivery(tries=3), Answer.of(status, "600", NOW))

    assert later.next_attempt_time == NOW + SECOND + timedelta(seconds=600)
    assert scheduled.next_attempt_time == NOW + SECOND + PAUSES[3]


def test_other_failures_are_not_asked_when_to_come_again() -> None:
    assert after(a_delivery(), Answer.of(500, "600", NOW)).next_attempt_time == NOW + SECOND + PAUSES[0]


def test_an_endpoint_that_is_gone_ends_the_delivery_and_is_sent_nothing_more() -> None:
    assert after(a_delivery(), GONE).status == "dead"
    gone = tried(an_endpoint(), GONE, NOW)
    assert (gone.enabled, gone.gone, gone.wants("WAKE_UP")) == (False, True, False)


def test_the_log_of_a_delivery_has_the_last_twenty_attempts() -> None:
    delivery = a_delivery()
    for minute in range(ATTEMPTS_SHOWN + 3):
        delivery = after(replace(delivery, tries=0), BROKEN, at=NOW + timedelta(minutes=minute))

    assert len(delivery.attempts) == ATTEMPTS_SHOWN
    assert delivery.attempts[0].attempted_time == NOW + timedelta(minutes=3)


def test_a_replay_begins_the_schedule_anew_behind_what_waits_and_keeps_id_body_and_log() -> None:
    dead = after(a_delivery(tries=9), BROKEN)

    again = replayed(dead, seq=7, now=NOW + DAY)

    assert (again.status, again.seq, again.tries, again.ended_time) == ("waiting", 7, 0, None)
    assert again.next_attempt_time == NOW + DAY
    assert (again.delivery_id, again.body, again.attempts) == (dead.delivery_id, dead.body, dead.attempts)
    assert after(again, BROKEN).status == "waiting"


@pytest.mark.parametrize(
    ("codes", "enabled", "wants"),
    [((), True, True), (("WAKE_UP",), True, True), (("TIER_CHANGED",), True, False), ((), False, False)],
    ids=["everything", "this code", "another code", "stopped"],
)
def test_an_endpoint_gets_the_codes_it_asked_for_while_it_is_enabled(
    codes: tuple[str, ...], enabled: bool, wants: bool
) -> None:
    assert an_endpoint(codes=codes, enabled=enabled).wants("WAKE_UP") is wants


def test_an_old_secret_signs_for_a_day_and_not_a_moment_longer() -> None:
    endpoint = rotated(an_endpoint(), b"two", NOW)

    assert [each.sealed for each in endpoint.signing(NOW)] == [b"two", b"one"]
    assert [each.sealed for each in endpoint.signing(NOW + DAY - SECOND)] == [b"two", b"one"]
    assert [each.sealed for each in endpoint.signing(NOW + DAY)] == [b"two"]


def test_who_rotates_twice_in_a_day_breaks_nobody_and_each_old_secret_ends_at_its_own_time() -> None:
    endpoint = rotated(rotated(an_endpoint(), b"two", NOW), b"three", NOW + DAY / 2)

    assert [each.sealed for each in endpoint.signing(NOW + DAY / 2)] == [b"three", b"two", b"one"]
    assert [each.sealed for each in endpoint.signing(NOW + DAY)] == [b"three", b"two"]


def test_the_secrets_of_an_endpoint_do_not_grow_without_end() -> None:
    endpoint = an_endpoint()
    for number in range(10):
        endpoint = rotated(endpoint, bytes([number]), NOW)

    assert [each.sealed for each in endpoint.secrets] == [b"\x09", b"\x08", b"\x07", b"\x06"]
    assert len(endpoint.secrets) == SECRETS_MAX


def test_secrets_sealed_anew_keep_their_ends() -> None:
    endpoint = rotated(an_endpoint(), b"two", NOW)

    fresh = resealed(endpoint, [b"TWO", b"ONE"])

    assert fresh.secrets == (Secret(b"TWO"), Secret(b"ONE", NOW + DAY))


def failing(endpoint: Endpoint, times: int, *, since: datetime = NOW, until: datetime) -> Endpoint:
    """An endpoint that has failed so often between two times."""
    for number in range(times):
        endpoint = tried(endpoint, BROKEN, since + (until - since) * number / max(1, times - 1))
    return endpoint


@pytest.mark.parametrize(
    ("times", "until", "told"),
    [(5, NOW + DAY, True), (4, NOW + DAY, False), (50, NOW + DAY - SECOND, False)],
    ids=["five times over a day", "four times", "often, but not for a day"],
)
def test_the_staff_hear_of_an_endpoint_that_fails_again_and_again_for_a_day(
    times: int, until: datetime, told: bool
) -> None:
    assert to_be_told(failing(an_endpoint(), times, until=until), until) is told


def test_the_staff_hear_once_until_something_was_taken() -> None:
    endpoint = replace(failing(an_endpoint(), 9, until=NOW + DAY), told=True)
    well = tried(endpoint, TAKEN, NOW + DAY)

    assert not to_be_told(failing(endpoint, 9, until=NOW + 2 * DAY), NOW + 2 * DAY)
    assert (well.failures, well.failing_since, well.told) == (0, None, False)
    assert to_be_told(failing(well, 9, since=NOW + DAY, until=NOW + 2 * DAY), NOW + 2 * DAY)


def test_the_staff_hear_at_once_of_an_endpoint_that_is_gone_and_not_of_one_that_they_stopped() -> None:
    stopped = changed(failing(an_endpoint(), 9, until=NOW + DAY), enabled=False, codes=())

    assert to_be_told(tried(an_endpoint(), GONE, NOW), NOW)
    assert not to_be_told(stopped, NOW + DAY)


def test_an_endpoint_that_moves_keeps_its_secrets_and_begins_with_a_clean_record() -> None:
    failing_one = failing(an_endpoint(), 3, until=NOW)

    moved = changed(failing_one, enabled=True, codes=(), url="https://other.example.com/")
    stayed = changed(failing_one, enabled=True, codes=(), url=failing_one.url)

    assert moved == an_endpoint(url="https://other.example.com/")
    assert stayed == failing_one


def test_who_is_resumed_begins_with_a_clean_record() -> None:
    gone = replace(tried(an_endpoint(), GONE, NOW), told=True)

    resumed = changed(gone, enabled=True, codes=("WAKE_UP",))

    assert resumed == an_endpoint(codes=("WAKE_UP",))
