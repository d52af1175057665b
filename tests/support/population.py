"""A population of any size, straight into the database of members: services would take hours for it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any

from pymongo.database import Database

from libs.cli.population import Buy, population
from libs.common.ids import new_id
from services.members.domain.facts import Counts, added, total
from services.members.domain.members import Member, ProgramCalendar, Registration, register
from services.members.repository.documents import member_document, midnight, tally_document

Documents = list[dict[str, Any]]

MEMBERS_PER_WRITE = 5_000


def store_population(
    database: Database[dict[str, Any]], program: ProgramCalendar, *, members: int, seed: int = 1
) -> None:
    """Store members with their days, as if their purchases had been recorded; no events."""
    for buyers in _chunks(population(members, seed), MEMBERS_PER_WRITE):
        pairs = [_bought(member, buys) for member, buys in zip(_joined(buyers, program), buyers, strict=True)]
        database.members.insert_many([member_document(member) for member, _ in pairs], ordered=False)
        database.member_days.insert_many([day for _, own in pairs for day in own], ordered=False)


def _joined(buyers: Iterable[list[Buy]], program: ProgramCalendar) -> list[Member]:
    registrations = [
        Registration(
            external_id=str(buys[0].customer),
            store_id="online",
            registered_time=datetime.combine(buys[0].day, time(12), UTC),
            verification="verified",
        )
        for buys in buyers
    ]
    results = register(
        registrations,
        {},
        program=program,
        source="shop",
        stores={"online": ""},
        now=datetime.now(UTC),
        new_id=new_id,
    )
    return [each.member for each in results if each.member is not None]


def _bought(member: Member, buys: list[Buy]) -> tuple[Member, Documents]:
    """The member after these purchases, and the documents of their days."""
    tallies: dict[date, dict[str, Counts]] = {}
    for buy in buys:
        counts = Counts(1, buy.amount_minor, buy.quantity)
        tallies[buy.day] = added(tallies.get(buy.day, {}), "purchase", counts)
    days = [
        {
            "_id": f"{member.member_id}/{day.isoformat()}",
            "member_id": member.member_id,
            "date": midnight(day),
            "kinds": tally_document(tally),
        }
        for day, tally in tallies.items()
    ]
    return member._replace(seq=len(buys), lifetime=total(tallies.values())), days


def _chunks(buyers: Iterator[list[Buy]], size: int) -> Iterator[list[list[Buy]]]:
    while chunk := list(islice(buyers, size)):
        yield chunk
