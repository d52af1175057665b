"""The ledger core: append-only double entries in points, and the lots they are spent from.

Points that members gain are owed by the program's issuer account, so that
every transaction, and the whole ledger, sums to zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from libs.common.canonical import digest
from services.benefits.domain.earning import Earning

# The issuer's account has a stripe for each partition, so that no document is in every transaction.
ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Account:
    """Holder of one currency. The balance is the sum of its entries, and never edited by itself."""

    account_id: str
    program_id: str
    owner: str
    currency: str
    stripe: int = 0
    balance: int = 0
    held: int = 0
    seq: int = 0

    @property
    def available(self) -> int:
        """What may be spent: the balance without what is held."""
        return self.balance - self.held


def member_account(program_id: str, member_id: str, currency: str) -> Account:
    """The account of a member before its first entry."""
    return Account(f"{program_id}/{member_id}/{currency}", program_id, member_id, currency)


def issuer_account(program_id: str, currency: str, stripe: int) -> Account:
    """One stripe of the issuer's account before its first entry."""
    owner = f"{ISSUER}:{program_id}"
    return Account(f"{program_id}/{ISSUER}/{currency}/{stripe:02d}", program_id, owner, currency, stripe)


@dataclass(frozen=True, slots=True)
class Entry:
    """One immutable movement of an account."""

    entry_id: str
    program_id: str
    transaction_id: str
    account_id: str
    seq: int
    points: int
    balance_after: int
    lot_id: str

    def digest(self) -> str:
        """SHA-256 over all of it; numbers as text, as a balance may outgrow what JSON holds exactly."""
        content = asdict(self)
        for name in ("seq", "points", "balance_after"):
            content[name] = str(content[name])
        return digest(content)


@dataclass(frozen=True, slots=True)
class Lot:
    """One accrual with what is left of it."""

    lot_id: str
    program_id: str
    account_id: str
    transaction_id: str
    earned: int
    remaining: int
    active_time: datetime
    expire_time: datetime | None

    def digest(self) -> str:
        """SHA-256 over what never changes of it: all but what is left."""
        content = asdict(self)
        del content["remaining"]
        for name in ("active_time", "expire_time"):
            content[name] = content[name] and content[name].isoformat(timespec="milliseconds")
        return digest(content)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that belong together and sum to zero; none where nothing was earned."""

    transaction_id: str
    program_id: str
    kind: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    recorded_time: datetime
    points: int
    earnings: tuple[Earning, ...]

    def digest(self) -> str:
        """SHA-256 over all of it, times as RFC 3339 in milliseconds."""
        content = asdict(self)
        for name in ("occurred_time", "recorded_time"):
            content[name] = content[name].isoformat(timespec="milliseconds")
        return digest(content)


@dataclass(frozen=True, slots=True)
class Accrual:
    """Points that a member earns by one event, named by its business key."""

    member_id: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    expire_time: datetime | None
    earnings: tuple[Earning, ...]

    @property
    def points(self) -> int:
        """What all rules gave together."""
        return sum(earning.points for earning in self.earnings)


@dataclass(slots=True)
class Posting:
    """What to store: new transactions, entries and lots, and the accounts after them."""

    accounts: dict[str, Account] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)


def post_accruals(
    accruals: Sequence[Accrual],
    *,
    issuer: Account,
    accounts: Mapping[str, Account],
    now: datetime,
    new_id: Callable[[str], str],
) -> Posting:
    """Post accruals in order, from the issuer to each member.

    `accounts` are the members' accounts by member, as they are before.
    """
    posting = Posting()
    for accrual in accruals:
        member = accounts[accrual.member_id]
        transaction = Transaction(
            transaction_id=new_id("txn"),
            program_id=issuer.program_id,
            kind="accrual",
            source=accrual.source,
            external_ref=accrual.external_ref,
            line=accrual.line,
            occurred_time=accrual.occurred_time,
            recorded_time=now,
            points=accrual.points,
            earnings=accrual.earnings,
        )
        posting.transactions.append(transaction)
        if accrual.points:
            lot = _lot(accrual, transaction, member, new_id)
            posting.lots.append(lot)
            _move(posting, transaction, issuer, -accrual.points, "", new_id)
            _move(posting, transaction, member, accrual.points, lot.lot_id, new_id)
    return posting


def _lot(accrual: Accrual, transaction: Transaction, member: Account, new_id: Callable[[str], str]) -> Lot:
    return Lot(
        lot_id=new_id("lot"),
        program_id=member.program_id,
        account_id=member.account_id,
        transaction_id=transaction.transaction_id,
        earned=accrual.points,
        remaining=accrual.points,
        active_time=accrual.occurred_time,
        expire_time=accrual.expire_time,
    )


def _move(
    posting: Posting,
    transaction: Transaction,
    account: Account,
    points: int,
    lot_id: str,
    new_id: Callable[[str], str],
) -> None:
    before = posting.accounts.get(account.account_id, account)
    after = replace(before, balance=before.balance + points, seq=before.seq + 1)
    posting.accounts[account.account_id] = after
    posting.entries.append(
        Entry(
            entry_id=new_id("ent"),
            program_id=account.program_id,
            transaction_id=transaction.transaction_id,
            account_id=account.account_id,
            seq=after.seq,
            points=points,
            balance_after=after.balance,
            lot_id=lot_id,
        )
    )
