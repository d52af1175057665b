"""The till's sales: rows of a CSV file, and the messages that they become."""

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from laurel.members.v1 import events_pb2, members_pb2

KINDS = {"purchase": events_pb2.EVENT_KIND_PURCHASE, "refund": events_pb2.EVENT_KIND_REFUND}
AMOUNT = re.compile(r"([0-9]{1,10})\.([0-9]{2})", re.ASCII)


class SalesError(Exception):
    """A file that is not as the till writes it. Nothing of it is sent."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A line of a receipt, or money given back for one."""

    receipt: str
    line: int
    kind: str
    customer: str
    store: str
    time: datetime
    amount_minor: int
    currency: str
    quantity: int
    original_receipt: str
    original_line: int

    @property
    def name(self) -> str:
        """What a person finds it by."""
        return f"{self.kind} {self.receipt}/{self.line} of {self.customer}"

    def registration(self) -> members_pb2.Registration:
        """The customer, as a member from this sale on."""
        joins = members_pb2.Registration(external_member_id=self.customer, store_id=self.store)
        joins.registered_time.FromDatetime(self.time)
        return joins

    def event(self) -> events_pb2.Event:
        """The sale. Receipt, line and kind are its business key: what the shop itself knows it as."""
        event = events_pb2.Event(
            kind=KINDS[self.kind],
            external_member_id=self.customer,
            external_ref=self.receipt,
            line=self.line,
            store_id=self.store,
            amount_minor=self.amount_minor,
            currency=self.currency,
            quantity=self.quantity,
        )
        event.occurred_time.FromDatetime(self.time)
        if self.kind == "refund":
            event.original.external_ref, event.original.line = self.original_receipt, self.original_line
        return event


def read(path: Path) -> list[Sale]:
    """All rows in the order of the file, each checked before anything is sent."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            sales = [_sale(row) for row in rows]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise SalesError(f"{path}, line {rows.line_num}: {error!r}") from error
    if not sales:
        raise SalesError(f"{path} holds no sales")
    return sales


def _sale(row: dict[str, str]) -> Sale:
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is none of {', '.join(KINDS)}")
    return Sale(
        receipt=row["receipt"],
        line=int(row["line"]),
        kind=row["kind"],
        customer=row["customer"],
        store=row["store"],
        time=_moment(row["time"]),
        amount_minor=_minor(row["amount"]),
        currency=row["currency"],
        quantity=int(row["quantity"]),
        original_receipt=row["original_receipt"],
        original_line=int(row["original_line"] or 0),
    )


def _minor(amount: str) -> int:
    """Cents, by way of whole numbers: no float comes near money."""
    parts = AMOUNT.fullmatch(amount)
    if parts is None:
        raise ValueError(f"amount {amount!r} is not written like 29.33")
    return int(parts[1]) * 100 + int(parts[2])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone")
    return moment.astimezone(UTC)
