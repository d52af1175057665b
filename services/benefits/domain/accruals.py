"""Accruals: points that a member earns by an event, at once or after a time in which they are pending."""

from dataclasses import dataclass
from datetime import datetime

from services.benefits.domain.earning import Earning
from services.benefits.domain.ledger import ISSUER, EventKey, Lot, Transaction
from services.benefits.domain.posting import Posting


@dataclass(frozen=True, slots=True)
class Accrual:
    """Points of a currency that a member earns by one event, named by its business key.

    `event_kind` is there where the event is no purchase.
    """

    member_id: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    active_time: datetime
    expire_time: datetime | None
    earnings: tuple[Earning, ...]
    currency: str
    event_kind: str = ""

    @property
    def points(self) -> int:
        """What all rules gave together."""
        return sum(earning.points for earning in self.earnings)

    @property
    def key(self) -> EventKey:
        """The event that earns."""
        return self.source, self.external_ref, self.line

    def pending(self, program_time: datetime) -> bool:
        """Whether it waits at a time of the program; without days to wait it never does."""
        return self.active_time > max(program_time, self.occurred_time)


def accrue(posting: Posting, accrual: Accrual, *, program_time: datetime) -> Transaction:
    """Post an accrual, from the issuer to the member; pending where it is not active yet in the program."""
    transaction = posting.begin(
        "accrual",
        source=accrual.source,
        external_ref=accrual.external_ref,
        line=accrual.line,
        occurred_time=accrual.occurred_time,
        points=accrual.points,
        earnings=accrual.earnings,
        event_kind=accrual.event_kind,
    )
    if accrual.points:
        pending = accrual.pending(program_time)
        account = (posting.pending if pending else posting.account)(accrual.member_id)
        lot = Lot(
            lot_id=posting.new_id("lot"),
            program_id=posting.program_id,
            member_id=accrual.member_id,
            account_id=account.account_id,
            transaction_id=transaction.transaction_id,
            origin_transaction_id=transaction.transaction_id,
            pending=pending,
            earned=accrual.points,
            remaining=accrual.points,
            active_time=accrual.active_time,
            expire_time=accrual.expire_time,
        )
        posting.move(transaction, posting.system(ISSUER), -accrual.points)
        posting.put(transaction, account, lot)
    return transaction
