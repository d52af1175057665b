"""What the databases hold of a program once everything has had its effect, as plain records."""

from collections import Counter
from dataclasses import dataclass, field

from libs.common.mongo import Document
from services.benefits.domain.contracts import Contract


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a member did, at its place in the member's sequence."""

    member_id: str
    seq: int
    effect: str
    earns: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an outbox: a member's change, the events or transactions that it tells, whether it went."""

    service: str
    subject: str
    change_seq: int
    first: int = 0
    last: int = -1
    transactions: tuple[str, ...] = ()
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """What a consumer decided of one event of a member."""

    membership: str
    member_id: str
    seq: int
    event_seq: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands; `may_owe` where less than nothing is right, as with the issuer's.

    `spender` is the member who spends from it, of those that members do not spend from nobody.
    """

    account_id: str
    currency: str
    balance: int
    seq: int
    may_owe: bool = False
    spender: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of an account, with a digest of the whole document."""

    entry_id: str
    transaction_id: str
    account_id: str
    seq: int
    points: int
    balance_after: int
    digest: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What entries belong to; an accrual is for one event, by its effect, and others for a hold."""

    transaction_id: str
    kind: str
    effect: str
    points: int
    hold_id: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Points that are set aside, and what became of them."""

    hold_id: str
    state: str
    points: int
    captured: int
    returned: int


@dataclass
class Goods:
    """What members bought with points, for a price or with coupons, as it is stored.

    `holds` are those of rewards, `moves` the ledger's transactions of any holds.
    """

    rewards: list[Document] = field(default_factory=list)
    redemptions: list[Document] = field(default_factory=list)
    holds: list[Document] = field(default_factory=list)
    moves: list[Document] = field(default_factory=list)
    campaigns: list[Document] = field(default_factory=list)
    coupons: list[Document] = field(default_factory=list)
    takers: list[Document] = field(default_factory=list)
    reservations: list[Document] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)


@dataclass
class Final:
    """All of it, for one program.

    `effects` counts by effect what clients asked for; `positions` are the last
    applied sequences by consumer and member; `projected` and `decided` are the
    sequences of memberships where they are projected and where they are
    decided. `audit` counts records by request. `waiting` is what never had its
    effect, `faults` what the platform's own verification says.
    """

    effects: Counter[str] = field(default_factory=Counter)
    members: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    projected: dict[str, int] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    goods: Goods = field(default_factory=Goods)
    audit: Counter[str] = field(default_factory=Counter)
    waiting: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
