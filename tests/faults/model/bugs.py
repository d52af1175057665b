"""Fourteen ways in which a platform may be wrong, each of which some have been."""

from enum import StrEnum


class Bug(StrEnum):
    """What is wrong with a platform."""

    ONE_NODE_ACKNOWLEDGES = "w:1"
    NO_UNIQUE_INDEX = "no unique index"
    ACK_BEFORE_COMMIT = "ack before commit"
    INBOX_OFF = "inbox off"
    NO_VERSION_CHECK = "no version check"
    OUTBOX_APART = "non-transactional outbox"
    CACHED_READ = "cached stale read"
    RETRY_WITHOUT_KEY = "retry without key"
    AUDIT_APART = "audit outside the transaction"
    CURSOR_LOST = "lost relay cursor"
    CANCELLED_AGAIN = "cancelled without a look at the state"
    STOCK_APART = "stock outside the transaction"
    LIMIT_READ_BEFORE = "limit of coupons read before the transaction"
    STALE_PERIOD = "next period from a stale read"
