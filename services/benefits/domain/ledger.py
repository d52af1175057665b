"""The records of the ledger: accounts, append-only double entries in points, and lots of points.

Points that members gain are owed by the program's issuer account, and what
they lose goes to another account of the program, so that every transaction,
and the whole ledger, sums to zero. Every state of points is an account:
what was issued is pending, active, held, spent, expired or reversed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.canonical import digest
from libs.common.plain import asdict
from services.benefits.domain.earning import Earning

# Accounts of the program, by what goes there. They have a stripe for each partition, so that no document
# is in every transaction.
ISSUER, EXPIRED, REVERSED, SPENT = "issuer", "expired", "reversed", "spent"
SYSTEM = (ISSUER, EXPIRED, REVERSED, SPENT)
# Accounts of a member beside the one that they spend from.
PENDING, HELD = "pending", "held"
WITHOUT_LOTS = (*SYSTEM, HELD)

# What makes an event the same event within a program: source, external reference, line.
EventKey = tuple[str, str, int]
# The source under which a lot expires that no purchase gave, with its id as the reference.
LOT = "lot"


@dataclass(frozen=True, slots=True)
class Account:
    """Holder of one currency. The balance is the sum of its entries, and never edited by itself.

    `arrears` are points that refunds took beyond what the lots had. The next
    lot pays them, so the lots hold the balance and the arrears together.
    """

    account_id: str
    program_id: str
    owner: str
    currency: str
    stripe: int = 0
    balance: int = 0
    arrears: int = 0
    seq: int = 0

    @property
    def available(self) -> int:
        """What may be spent: the balance, which held points have left; nothing while it is below nothing."""
        return max(0, self.balance)


def member_account(program_id: str, member_id: str, currency: str) -> Account:
    """The account of a member before its first entry."""
    return Account(f"{program_id}/{member_id}/{currency}", program_id, member_id, currency)


def pending_account(program_id: str, member_id: str, currency: str) -> Account:
    """The account of what a member has earned and may not spend yet, before its first entry."""
    owner = f"{PENDING}:{member_id}"
    return Account(f"{program_id}/{member_id}/{currency}/{PENDING}", program_id, owner, currency)


def held_account(program_id: str, member_id: str, currency: str) -> Account:
    """The account of what a member's open holds have set aside, before its first entry."""
    owner = f"{HELD}:{member_id}"
    return Account(f"{program_id}/{member_id}/{currency}/{HELD}", program_id, owner, currency)


def system_account(purpose: str, program_id: str, currency: str, stripe: int) -> Account:
    """One stripe of an account of the program before its first entry."""
    owner = f"{purpose}:{program_id}"
    return Account(f"{program_id}/{purpose}/{currency}/{stripe:02d}", program_id, owner, currency, stripe)


def purpose_of(account_id: str) -> str:
    """What an account is for, by its id: the program's, pending or held; empty: a member spends from it."""
    parts = account_id.split("/")
    return parts[1] if parts[1] in SYSTEM else parts[-1] if parts[-1] in {PENDING, HELD} else ""


def currency_of(account_id: str) -> str:
    """What an account holds, by its id."""
    return account_id.split("/")[2]


def member_of(account_id: str) -> str:
    """Whose an account is, by its id; empty for those of the program."""
    owner = account_id.split("/")[1]
    return "" if owner in SYSTEM else owner


@dataclass(frozen=True, slots=True)
class Allocation:
    """Points of one lot that an entry drew, so that it is known which earning paid for what.

    Below 0 they are given back to the lot.
    """

    lot_id: str
    points: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One immutable movement of an account.

    An entry that adds makes a lot, and draws on it at once what pays arrears;
    or it has no lot, and gives back to lots what is left of it behind arrears.
    One that takes draws on lots; what they do not give are new arrears.
    """

    entry_id: str
    program_id: str
    transaction_id: str
    account_id: str
    seq: int
    points: int
    balance_after: int
    lot_id: str
    allocations: tuple[Allocation, ...] = ()

    def content(self) -> dict[str, Any]:
        """What it says; numbers as text, as a balance may outgrow what JSON holds exactly."""
        content = asdict(self)
        for name in ("seq", "points", "balance_after"):
            content[name] = str(content[name])
        return content

    def digest(self) -> str:
        """SHA-256 over all of it."""
        return digest(self.content())


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that came into an account together, with what is left of them.

    `origin_transaction_id` is the accrual that they come from, through
    whichever accounts they went; or the transaction that made this lot, where
    no accrual's end is theirs: one transaction makes one lot at most.
    """

    lot_id: str
    program_id: str
    member_id: str
    account_id: str
    transaction_id: str
    origin_transaction_id: str
    pending: bool
    earned: int
    remaining: int
    active_time: datetime
    expire_time: datetime | None

    def usable(self, time: datetime) -> bool:
        """Whether there is anything left at a time: from its expiry on a lot is never drawn on."""
        return self.remaining > 0 and (self.expire_time is None or time < self.expire_time)

    def content(self) -> dict[str, Any]:
        """What never changes of it: all but what is left."""
        content = asdict(self)
        del content["remaining"]
        for name in ("active_time", "expire_time"):
            content[name] = content[name] and content[name].isoformat(timespec="milliseconds")
        return content

    def digest(self) -> str:
        """SHA-256 over what never changes of it."""
        return digest(self.content())


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a refund comes to. The last three are of all refunds of the purchase so far, this one included.

    `seq` counts these refunds. Points that are written off were not taken:
    they had expired, or the program forgives what is spent.
    """

    seq: int
    amount_minor: int
    written_off_points: int
    refunded_minor: int
    reversed_points: int
    expired_points: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that belong together and sum to zero; none where nothing was moved.

    The original of a reversal, an activation and an expiration is the accrual,
    or else what made the lot that expires. `hold_id` joins what becomes of
    points that were held or spent. `event_kind` is there where another event
    than a purchase earned: a source may number these alike. An event may give
    points of several currencies, of each in a transaction.
    """

    transaction_id: str
    program_id: str
    kind: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    recorded_time: datetime
    points: int
    earnings: tuple[Earning, ...] = ()
    original_transaction_id: str = ""
    reversal: Reversal | None = None
    hold_id: str = ""
    event_kind: str = ""
    currency: str = ""

    @property
    def key(self) -> EventKey:
        """The event that it is about."""
        return self.source, self.external_ref, self.line

    def content(self) -> dict[str, Any]:
        """What it says, times as RFC 3339 in milliseconds; without what older ones do not have."""
        content = asdict(self) | {"earnings": [each.content() for each in self.earnings]}
        for name in ("hold_id", "event_kind", "currency"):
            if not content[name]:
                del content[name]
        for name in ("occurred_time", "recorded_time"):
            content[name] = content[name].isoformat(timespec="milliseconds")
        return content

    def digest(self) -> str:
        """SHA-256 over all of it."""
        return digest(self.content())
