"""Following the chain: each entry is verified soon after it was chained, and counted to its month, once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Document
from services.benefits.domain.verification import Fault
from services.benefits.ledger_jobs import (
    LEDGER_CHECKS,
    LEDGER_UNVERIFIED_SECONDS,
    LedgerFollowing,
    Number,
    Rounds,
)
from tests.benefits.proof_world import Books, ProofWorld, a_while_ago
from tests.common.streams_world import running, until
from tests.support.telemetry import logged, metric

FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)


async def followed(books: Books) -> list[Fault]:
    """What is found by following to the end of the chain."""
    found: list[Fault] = []
    handlers = books.follow()
    while True:
        count, faults = await handlers.follow(books.program_id)
        found += faults
        if not count:
            return found


async def months(books: Books) -> dict[str, Document]:
    found = books.database.points_cohorts.find({"program_id": books.program_id}, {"_id": 0, "program_id": 0})
    return {each.pop("month"): {name: each[name] for name in each if each[name]} async for each in found}


async def test_what_was_chained_is_whole_and_counted_to_its_month(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY - timedelta(days=30), 10, 20)
    await books.day(FRIDAY, 30)

    faults = await followed(books)

    assert faults == []
    assert await months(books) == {
        "2026-10": {"earned": 30, "active": 30},
        "2026-11": {"earned": 30, "active": 30},
    }
    assert await books.follow().behind_seconds(books.program_id) == 0


async def test_entries_of_one_transaction_in_several_stretches_count_once(
    proofs: ProofWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.handlers.following.STRETCH", 1)
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)

    faults = await followed(books)

    assert faults == []
    assert await months(books) == {"2026-11": {"earned": 30, "active": 30}}


async def test_several_who_follow_at_once_count_nothing_twice(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, *range(1, 11))

    counts = await asyncio.gather(*(books.follow().follow(books.program_id) for _ in range(4)))

    assert sorted(count for count, _ in counts) == [0, 0, 0, 20]
    assert await months(books) == {"2026-11": {"earned": 55, "active": 55}}


async def test_how_far_behind_it_is_is_the_age_of_the_oldest_entry(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10)
    books.time = FRIDAY + timedelta(hours=1)
    await books.accrues(20)
    await books.chain()
    books.time = FRIDAY + timedelta(hours=3)

    behind = await books.follow().behind_seconds(books.program_id)

    assert behind == timedelta(hours=3).total_seconds()


async def edit(books: Books, name: str, change: Document, **wanted: Any) -> None:
    key = {"program_id": books.program_id, **wanted}
    updated = await books.database[name].update_one(key, change, bypass_document_validation=True)
    assert updated.modified_count == 1


async def drop(books: Books, name: str, **wanted: Any) -> None:
    assert (await books.database[name].delete_one({"program_id": books.program_id, **wanted})).deleted_count


FAULTS: list[tuple[str, Callable[[Books], Awaitable[object]], set[str]]] = [
    (
        "an entry's points",
        lambda books: edit(books, "entries", {"$inc": {"points": 1}}, position=4),
        {"ENTRY_DIGEST", "DIGEST_WRONG", "TRANSACTION_SUM", "TRANSACTION_ENTRIES", "BALANCE_AFTER"},
    ),
    (
        "an entry's balance",
        lambda books: edit(books, "entries", {"$inc": {"balance_after": 1}}, position=4),
        {"ENTRY_DIGEST", "DIGEST_WRONG", "BALANCE_AFTER", "BALANCE"},
    ),
    (
        "an account's balance",
        lambda books: edit(books, "accounts", {"$inc": {"balance": 1}}, balance=20),
        {"BALANCE"},
    ),
    (
        "a transaction",
        lambda books: edit(books, "transactions", {"$set": {"source": "thief"}}, points=20),
        {"TRANSACTION_DIGEST", "DIGEST_WRONG"},
    ),
    (
        "a lot's end",
        lambda books: edit(books, "lots", {"$set": {"expire_time": FRIDAY}}, earned=20),
        {"DIGEST_WRONG"},
    ),
    (
        "a leaf",
        lambda books: edit(books, "entries", {"$set": {"leaf": "0" * 64}}, position=4),
        {
            "DIGEST_WRONG",
            "CHAIN_BROKEN",
        },
    ),
    (
        "an entry gone",
        lambda books: drop(books, "entries", position=3),
        {"CHAIN_BROKEN", "TRANSACTION_SUM", "TRANSACTION_ENTRIES", "SEQUENCE"},
    ),
    (
        "a transaction gone",
        lambda books: drop(books, "transactions", points=20),
        {
            "TRANSACTION_MISSING",
            "DIGEST_WRONG",
        },
    ),
    ("an account gone", lambda books: drop(books, "accounts", balance=20), {"ACCOUNT_MISSING"}),
]


@pytest.mark.parametrize(("tamper", "codes"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
async def test_what_was_tampered_with_is_found_by_its_code(
    proofs: ProofWorld, tamper: Callable[[Books], Awaitable[object]], codes: set[str]
) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20, 30)

    await tamper(books)

    assert {fault.code for fault in await followed(books)} == codes


# The job


def rounds(books: Books, leases: Leases, **changes: Any) -> Rounds[float]:
    follow = books.follow()

    async def programs() -> list[str]:
        return [books.program_id]

    settings = {
        "turn": LedgerFollowing(follow).turn,
        "find": follow.behind_seconds,
        "told": Number(LEDGER_UNVERIFIED_SECONDS),
        "every_seconds": 0.01,
    }
    return Rounds(LEDGER_CHECKS, leases, programs, **dict[str, Any](settings | changes))


def leases_of(books: Books) -> Leases:
    return Leases(books.database, [LEDGER_CHECKS], group=new_id("jobs"), holder="test", now=now)


def told(books: Books) -> float | None:
    return metric("laurel_ledger_unverified_seconds", program=books.program_id)


async def test_the_replica_that_holds_the_lease_follows_and_tells(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(a_while_ago(), 10, 20)
    leases = leases_of(books)

    async def silent() -> bool:
        return told(books) is None

    async def done() -> bool:
        return told(books) == 0

    async with running(rounds(books, leases).run()):
        await until(silent)
        assert await months(books) == {}
        await leases.renew()
        await until(done)
        leases._held = frozenset()
        await until(silent)

    assert sum(each["earned"] for each in (await months(books)).values()) == 30


async def test_what_is_broken_is_counted_and_logged_and_does_not_stop_it(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    await edit(books, "accounts", {"$inc": {"balance": 1}}, balance=20)
    before = metric("laurel_ledger_faults_total") or 0

    with logged() as logs:
        late = await rounds(books, leases_of(books)).run_once()

    assert metric("laurel_ledger_faults_total") == before + 1
    assert logs.line("the ledger is broken")["code"] == "BALANCE"
    assert late == {books.program_id: 0}


async def test_a_program_that_cannot_be_followed_does_not_hold_up_the_others(proofs: ProofWorld) -> None:
    books, broken = await proofs.books(), await proofs.books()
    for each in (books, broken):
        await each.day(FRIDAY, 10)
    await edit(broken, "entries", {"$set": {"allocations": 5}}, position=1)
    follow = books.follow()

    async def programs() -> list[str]:
        return [broken.program_id, books.program_id]

    going = Rounds(
        LEDGER_CHECKS,
        leases_of(books),
        programs,
        turn=LedgerFollowing(follow).turn,
        find=follow.behind_seconds,
        told=Number(LEDGER_UNVERIFIED_SECONDS),
        every_seconds=1,
    )
    with logged() as logs:
        late = await going.run_once()

    assert (late[books.program_id], late[broken.program_id] >= 0) == (0, True)
    assert logs.line("failed")["program_id"] == broken.program_id
    assert await months(books) == {"2026-11": {"earned": 10, "active": 10}}
