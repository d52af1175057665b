"""Webhooks: endpoints with their secrets, and deliveries that are tried until they are taken or given up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Literal

ENDPOINTS_MAX = 20
ATTEMPTS_SHOWN = 20
# How long after each failure the next attempt is made; after the last one there is none.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
OLD_SECRET_FOR = timedelta(hours=24)
SECRETS_MAX = 4
ENDED_KEPT = timedelta(days=30)
FAILURES_TOLD = 5
FAILING_TOLD_AFTER = timedelta(days=1)
OK_STATUS, REDIRECT_STATUS, ERROR_STATUS = 200, 300, 400
GONE_STATUS = 410
WAIT_STATUSES = frozenset({429, 503})

DeliveryStatus = Literal["waiting", "delivered", "dead"]


class Failure(StrEnum):
    """Why an attempt did not deliver."""

    TIMEOUT = "TIMEOUT"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    CONNECTION_BROKEN = "CONNECTION_BROKEN"
    TLS_FAILED = "TLS_FAILED"
    ANSWER_INVALID = "ANSWER_INVALID"
    REDIRECTED = "REDIRECTED"
    STATUS = "STATUS"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request: a status, or why there is none; and how long the receiver wants to wait."""

    http_status: int = 0
    failure: Failure | None = None
    retry_after: timedelta = timedelta()

    @classmethod
    def of(cls, http_status: int, retry_after: str, now: datetime) -> "Answer":
        """An answer that came whole: 2xx is taken, whatever else it says is a failure."""
        if OK_STATUS <= http_status < REDIRECT_STATUS:
            return cls(http_status)
        if http_status == GONE_STATUS:
            return cls(http_status, Failure.GONE)
        if REDIRECT_STATUS <= http_status < ERROR_STATUS:
            return cls(http_status, Failure.REDIRECTED)
        asked = retry_after_of(retry_after, now) if http_status in WAIT_STATUSES else timedelta()
        return cls(http_status, Failure.STATUS, asked)


def retry_after_of(text: str, now: datetime) -> timedelta:
    """How long a Retry-After asks for, in seconds or until a date; as long as the longest pause at most."""
    if re.fullmatch("[0-9]{1,9}", text.strip()):
        asked = timedelta(seconds=int(text))
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return timedelta()
        asked = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(asked, timedelta()), PAUSES[-1])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as the log shows it."""

    attempted_time: datetime
    http_status: int
    failure: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to an endpoint.

    Its body is made once, so every attempt sends the same bytes. `seq` is its
    place among what waits for its member at the endpoint; `tries` counts from
    when it began to wait, while `attempts` also shows those before a replay.
    """

    delivery_id: str
    program_id: str
    endpoint_id: str
    notice_id: str
    member_id: str
    body: bytes
    seq: int
    created_time: datetime
    next_attempt_time: datetime | None
    status: DeliveryStatus = "waiting"
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0
    ended_time: datetime | None = None

    @property
    def lane(self) -> str:
        return lane_of(self.endpoint_id, self.member_id)


def lane_of(endpoint_id: str, member_id: str) -> str:
    """Deliveries of one lane keep their order; what is about no member shares one."""
    return f"{endpoint_id}/{member_id}"


def attempted(
    delivery: Delivery, answer: Answer, *, started: datetime, ended: datetime, jitter: float
) -> Delivery:
    """A delivery after one more attempt; `jitter` between 0 and 1 spreads what failed together."""
    attempt = Attempt(
        attempted_time=started,
        http_status=answer.http_status,
        failure=answer.failure.value if answer.failure else "",
        duration_ms=max(0, int((ended - started) / timedelta(milliseconds=1))),
    )
    tried = replace(
        delivery,
        attempts=(*delivery.attempts, attempt)[-ATTEMPTS_SHOWN:],
        tries=delivery.tries + 1,
        next_attempt_time=None,
    )
    if answer.failure is None:
        return replace(tried, status="delivered", ended_time=ended)
    if answer.failure is Failure.GONE or tried.tries > len(PAUSES):
        return replace(tried, status="dead", ended_time=ended)
    return replace(tried, next_attempt_time=ended + _pause(tried.tries, answer.retry_after, jitter))


def _pause(tries: int, asked: timedelta, jitter: float) -> timedelta:
    """The pause of the schedule, up to a fifth longer, and never shorter than the receiver asks for."""
    return max(PAUSES[tries - 1], asked) * (1 + JITTER * jitter)


def replayed(delivery: Delivery, *, seq: int, now: datetime) -> Delivery:
    """A delivery that has ended, to be sent again under its id behind what waits."""
    return replace(delivery, status="waiting", seq=seq, tries=0, next_attempt_time=now, ended_time=None)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is kept, sealed; an old one signs until its end."""

    sealed: bytes
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that notices are sent to.

    `place` numbers the endpoints of a program from 1. `failures` counts since
    the last delivery that was taken, `gone` is what the endpoint says itself,
    and `told` whether the staff heard of it.
    """

    endpoint_id: str
    program_id: str
    place: int
    url: str
    codes: tuple[str, ...]
    enabled: bool
    created_time: datetime
    secrets: tuple[Secret, ...]
    failures: int = 0
    failing_since: datetime | None = None
    gone: bool = False
    told: bool = False

    def wants(self, code: str) -> bool:
        """Whether it is sent notices of this code now."""
        return self.enabled and (not self.codes or code in self.codes)

    def signing(self, now: datetime) -> tuple[Secret, ...]:
        """What deliveries are signed with now, the newest first."""
        return tuple(each for each in self.secrets if each.until is None or now < each.until)


def rotated(endpoint: Endpoint, sealed: bytes, now: datetime) -> Endpoint:
    """An endpoint with a new secret; those before sign for their day, a few of them at most."""
    old = tuple(
        each if each.until is not None else replace(each, until=now + OLD_SECRET_FOR)
        for each in endpoint.signing(now)
    )
    return replace(endpoint, secrets=(Secret(sealed), *old)[:SECRETS_MAX])


def resealed(endpoint: Endpoint, sealed: Sequence[bytes]) -> Endpoint:
    """An endpoint with the same secrets, sealed anew."""
    pairs = zip(endpoint.secrets, sealed, strict=True)
    return replace(endpoint, secrets=tuple(replace(each, sealed=fresh) for each, fresh in pairs))


def changed(endpoint: Endpoint, *, enabled: bool, codes: tuple[str, ...], url: str = "") -> Endpoint:
    """An endpoint stopped, resumed, moved or sent other codes; resumed or moved its record is clean."""
    moved = url not in {"", endpoint.url}
    if moved or (enabled and not endpoint.enabled):
        endpoint = _clean(endpoint)
    return replace(endpoint, enabled=enabled, codes=codes, url=url or endpoint.url)


def tried(endpoint: Endpoint, answer: Answer, now: datetime) -> Endpoint:
    """An endpoint after an attempt; one that says it is gone is sent nothing more."""
    if answer.failure is None:
        return _clean(endpoint)
    gone = answer.failure is Failure.GONE
    return replace(
        endpoint,
        failures=endpoint.failures + 1,
        failing_since=endpoint.failing_since or now,
        enabled=endpoint.enabled and not gone,
        gone=endpoint.gone or gone,
    )


def _clean(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, failures=0, failing_since=None, gone=False, told=False)


def to_be_told(endpoint: Endpoint, now: datetime) -> bool:
    """Whether the staff should hear of it: gone, or failing for a day, and not told yet."""
    if endpoint.told or endpoint.failing_since is None:
        return False
    for_long = now - endpoint.failing_since >= FAILING_TOLD_AFTER and endpoint.failures >= FAILURES_TOLD
    return endpoint.gone or (endpoint.enabled and for_long)
