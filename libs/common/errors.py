"""Refusals: what a request can be answered with instead of success, as domain code raises it."""

from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What a caller may do about a refusal; each maps to one gRPC status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    PRECONDITION = "precondition"
    EXHAUSTED = "exhausted"
    ABORTED = "aborted"
    OUT_OF_RANGE = "out_of_range"
    UNAVAILABLE = "unavailable"
    DEADLINE = "deadline"


class Refusal(Exception):
    """A request is refused for a reason that its caller may know.

    `facts` go to the caller as ErrorInfo metadata, so they hold no personal
    data and nothing of how we are built. They may have any name, `text` and
    `self` included: some are paths in what a caller sent.
    """

    reason: ClassVar[str] = "INTERNAL"
    kind: ClassVar[Kind] = Kind.INVALID
    text: ClassVar[str] = ""
    retry_after_seconds: float | None = None

    def __init__(self, text: str = "", /, **facts: object) -> None:
        self.message = text or self.text or self.reason
        self.facts = facts
        super().__init__(self.message)


class InvalidRequest(Refusal):
    reason, kind, text = "INVALID_REQUEST", Kind.INVALID, "the request breaks a rule of its proto"


class MalformedRequest(Refusal):
    reason, kind, text = "MALFORMED_REQUEST", Kind.INVALID, "the bytes are no message of this type"


class Unauthenticated(Refusal):
    reason, kind, text = "UNAUTHENTICATED", Kind.UNAUTHENTICATED, "a valid bearer token is needed"


class Forbidden(Refusal):
    reason, kind, text = "FORBIDDEN", Kind.FORBIDDEN, "the caller may not do this"


class DeadlineExceeded(Refusal):
    reason, kind, text = "DEADLINE_EXCEEDED", Kind.DEADLINE, "out of time; retry with the same request_id"


class Unavailable(Refusal):
    reason, kind, text = "UNAVAILABLE", Kind.UNAVAILABLE, "something this needs is down; retry"
    retry_after_seconds = 0.5


class Overloaded(Refusal):
    reason, kind, text = "OVERLOADED", Kind.EXHAUSTED, "too much work is waiting; retry later"
    retry_after_seconds = 1.0


class Contention(Refusal):
    reason, kind, text = "CONTENTION", Kind.ABORTED, "other writes got in first; retry"
    retry_after_seconds = 0.2


class IdempotencyKeyReused(Refusal):
    reason, kind = "IDEMPOTENCY_KEY_REUSED", Kind.ALREADY_EXISTS
    text = "this request_id was used for another payload"


class RequestInFlight(Refusal):
    reason, kind = "REQUEST_IN_FLIGHT", Kind.ABORTED
    text = "the same request is being worked on; retry with the same request_id"
    retry_after_seconds = 0.5


class PageTokenInvalid(Refusal):
    reason, kind, text = "PAGE_TOKEN_INVALID", Kind.INVALID, "not a page token of this list"


class WatchPlaceUnknown(Refusal):
    reason, kind = "WATCH_PLACE_UNKNOWN", Kind.OUT_OF_RANGE
    text = "not a place of this stream, or too old: read the member, and watch from now on"


class WatcherTooSlow(Refusal):
    reason, kind = "WATCHER_TOO_SLOW", Kind.EXHAUSTED
    text = "what changed was not taken in time; watch again after the last seq that came"
    retry_after_seconds = 1.0


class ProgramUnknown(Refusal):
    reason, kind, text = "PROGRAM_UNKNOWN", Kind.NOT_FOUND, "no such program"


class ProgramInvalid(Refusal):
    reason, kind, text = "PROGRAM_INVALID", Kind.INVALID, "the program document breaks a rule"
