"""A till: registers members, records what they bought, and reads back what has become of them.

Exit 0: everything was taken. Exit 1: a person has to look at something, or it cannot be done now. Whatever
happened, run it again with the same journal: it goes on where it stopped.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from calls import Failure, Laurel, connected
from journal import Answer, Journal, JournalError
from reads import NotReadableError, standings
from report import show_answers, show_standings
from sales import Sale, SalesError, read
from writes import record, register

Send = Callable[[Laurel, Sequence[Sale], str], Answer]


def run(laurel: Laurel, journal: Journal, sales: Sequence[Sale], batch_size: int) -> bool:
    """Send what has no answer yet, and say what has become of everything; whether all of it was taken."""
    first_sales = list({sale.customer: sale for sale in reversed(sales)}.values())[::-1]
    registered = send_all(laurel, journal, "members", register, first_sales, batch_size)
    recorded = send_all(laurel, journal, "events", record, sales, batch_size)

    member_ids = {row["customer"]: row["member_id"] for row in registered if row["member_id"]}
    seqs = {member_ids[row["customer"]]: row["seq"] for row in recorded if row["seq"]}
    show_standings(standings(laurel, list(member_ids.values()), seqs), sales[0].currency)
    return show_answers(registered, recorded)


def send_all(
    laurel: Laurel, journal: Journal, name: str, send: Send, sales: Sequence[Sale], batch_size: int
) -> Answer:
    """Send sales in batches, each when the one before it was answered: so each member's stay in order."""
    answers: Answer = []
    for number, start in enumerate(range(0, len(sales), batch_size)):
        batch = sales[start : start + batch_size]
        answers += journal.once(f"{name}.{number}", partial(send, laurel, batch))
    return answers


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Send sales to Laurel, and read what has become of them.")
    parser.add_argument("--members", required=True, metavar="HOST:PORT", help="where members is served")
    parser.add_argument("--benefits", required=True, metavar="HOST:PORT", help="where benefits is served")
    parser.add_argument("--ca", required=True, type=Path, help="certificate of the authority that we trust")
    parser.add_argument("--cert", required=True, type=Path, help="certificate of the partner")
    parser.add_argument("--key", required=True, type=Path, help="its key")
    parser.add_argument("--program", required=True)
    parser.add_argument("--sales", required=True, type=Path, help="CSV file of what was sold")
    parser.add_argument("--journal", required=True, type=Path, help="the till's own, kept between runs")
    parser.add_argument("--batch-size", type=int, default=100, choices=range(1, 501), metavar="1-500")
    parser.add_argument("--deadline", type=float, default=10.0, metavar="SECONDS", help="of each call")
    return parser.parse_args()


def main() -> int:
    """Run the till once."""
    told = arguments()
    sales = read(told.sales)
    digest = hashlib.sha256(told.sales.read_bytes()).hexdigest()
    journal = Journal(told.journal, {"program": told.program, "sales": digest, "batch_size": told.batch_size})
    with connected(
        told.program,
        members=told.members,
        benefits=told.benefits,
        ca=told.ca,
        cert=told.cert,
        key=told.key,
        deadline_seconds=told.deadline,
    ) as laurel:
        return 0 if run(laurel, journal, sales, told.batch_size) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, JournalError, NotReadableError, OSError, SalesError) as error:
        sys.exit(str(error))
