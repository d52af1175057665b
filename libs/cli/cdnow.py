"""Reads purchases in the format of the CDNOW sample: exact, and all of a file or nothing."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from libs.cli.errors import CommandError

EXPECTED = (
    "expected `[master id] customer YYYYMMDD count amount`, parted by spaces: numbers without sign, so no "
    "refunds, a day that exists, an amount of dollars with 2 decimals, such as `00004 0001 19970101 2 29.33`"
)
MASTER = re.compile(r"[0-9]+", re.ASCII)
CUSTOMER = re.compile(r"[0-9]{1,64}", re.ASCII)
DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
QUANTITY = re.compile(r"[0-9]{1,6}", re.ASCII)
AMOUNT = re.compile(r"([0-9]{1,10})\.([0-9]{2})", re.ASCII)
NUMBER = re.compile(r"[-+$]?[0-9][0-9.,]*")
COLUMNS = 5


class BadLineError(CommandError):
    """A line that is no purchase; the file is refused."""

    def __init__(self, number: int, line: str) -> None:
        super().__init__(
            f"line {number}: {EXPECTED}; got {line.strip()[:80]!r}. Nothing of the file was used."
        )
        self.number = number


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row. `external_ref` is made of its content, so it is the same wherever the row stands."""

    customer: str
    day: date
    quantity: int
    amount_minor: int
    external_ref: str


def read(file: Path) -> tuple[bytes, list[Purchase]]:
    """The content of a file and its purchases, in its order."""
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is no text in UTF-8: save it as such first.") from error
    return content, parse(text.splitlines())


def parse(lines: Iterable[str]) -> list[Purchase]:
    """The purchases of a file, in its order; a header may stand in the first line."""
    purchases: list[Purchase] = []
    seen: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        columns = line.split()
        if not columns or (number == 1 and _is_header(columns)):
            continue
        row = _row(columns)
        if row is None:
            raise BadLineError(number, line)
        content = _digest(*row)
        seen[content] += 1
        purchases.append(Purchase(*row, external_ref=f"{content}-{seen[content]}"))
    return purchases


def _is_header(columns: list[str]) -> bool:
    return not any(NUMBER.fullmatch(column) for column in columns)


def _row(columns: list[str]) -> tuple[str, date, int, int] | None:
    if len(columns) == COLUMNS:
        if not MASTER.fullmatch(columns[0]):
            return None
        columns = columns[1:]
    if len(columns) != COLUMNS - 1:
        return None
    customer, day, quantity, amount = columns
    dollars = AMOUNT.fullmatch(amount)
    on = _day(day)
    if not (CUSTOMER.fullmatch(customer) and QUANTITY.fullmatch(quantity) and dollars and on):
        return None
    return customer, on, int(quantity), int(dollars[1]) * 100 + int(dollars[2])


def _day(text: str) -> date | None:
    parts = DAY.fullmatch(text)
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def _digest(customer: str, day: date, quantity: int, amount_minor: int) -> str:
    content = f"{customer}|{day.isoformat()}|{quantity}|{amount_minor}"
    return hashlib.sha256(content.encode()).hexdigest()[:32]
