"""The points of every program sum to nothing, and who looks at the metrics sees it when they do not."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from services.benefits.domain.ledger import purpose_of
from services.benefits.handlers.verification import VerificationHandlers
from services.benefits.ledger_jobs import LEDGER_SUM, LedgerIdentity
from services.benefits.repository import books
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.common.streams_world import running, until
from tests.support.telemetry import logged, metric

# More than any other test leaves wrong in the books of its own program.
MANY = 10**12


def leases(benefits: BenefitsWorld) -> Leases:
    """A lease of this test's own, not yet held."""
    return Leases(benefits.database, [LEDGER_SUM], group=new_id("jobs"), holder="test", now=now)


def job(benefits: BenefitsWorld, held: Leases) -> LedgerIdentity:
    return LedgerIdentity(VerificationHandlers(BenefitsStore(benefits.database)), held, every_seconds=0.0)


def told(program_id: str) -> float | None:
    return metric("laurel_ledger_sum_points", program=program_id)


def points(program_id: str, state: str) -> float | None:
    return metric("laurel_ledger_points", program=program_id, state=state)


@pytest.fixture
async def program_id(benefits: BenefitsWorld) -> AsyncIterator[str]:
    """A program of 300 points, whose books are put right again."""
    program_id = await benefits.a_program()
    await benefits.a_member(10_000, 10_000, program_id=program_id)
    kept = await benefits.database.accounts.find({"program_id": program_id}).to_list(None)
    yield program_id
    for account in kept:
        await benefits.database.accounts.replace_one({"_id": account["_id"]}, account)


async def test_books_that_are_right_sum_to_nothing(benefits: BenefitsWorld, program_id: str) -> None:
    with logged() as logs:
        await job(benefits, leases(benefits)).run_once()

    posted = {"program_id": program_id, "balance": {"$gt": 0}}
    assert told(program_id) == 0
    assert [points(program_id, each) for each in ("issued", "active", "spent", "held")] == [300, 300, 0, 0]
    assert await benefits.database.accounts.count_documents(posted) == 1
    assert program_id not in logs.text()


async def test_points_that_were_made_of_nothing_are_told_and_logged(
    benefits: BenefitsWorld, program_id: str
) -> None:
    member = {"program_id": program_id, "balance": {"$gt": 0}}
    await benefits.database.accounts.update_one(member, {"$inc": {"balance": MANY}})

    with logged() as logs:
        await job(benefits, leases(benefits)).run_once()

    (line,) = logs.lines()
    assert told(program_id) == MANY
    assert (line["level"], line["programs"][0]) == ("error", program_id)


async def test_the_database_knows_the_purpose_of_every_account_as_its_id_says_it(
    benefits: BenefitsWorld, program_id: str
) -> None:
    accounts = [each async for each in benefits.database.accounts.find()]
    by_id: Counter[tuple[str, str]] = Counter()
    for each in accounts:
        by_id[each["program_id"], purpose_of(each["_id"])] += each["balance"]

    found = await books.balances(BenefitsStore(benefits.database))

    assert {
        (program, purpose): points for program, each in found.items() for purpose, points in each.items()
    } == by_id


async def test_of_too_many_programs_those_with_wrong_books_are_told(
    benefits: BenefitsWorld, program_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await benefits.a_member(100)
    await benefits.database.accounts.update_one(
        {"program_id": program_id, "balance": {"$lt": 0}}, {"$inc": {"balance": -MANY}}
    )
    monkeypatch.setattr(books, "PROGRAMS_TOLD", 1)

    found = await VerificationHandlers(BenefitsStore(benefits.database)).conservation()

    assert {each: one.difference for each, one in found.items()} == {program_id: MANY}


async def test_a_replica_that_holds_the_lease_tells_and_one_that_lost_it_does_not(
    benefits: BenefitsWorld, program_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.ledger_jobs.LEASE_SECONDS", 0.01)
    held = leases(benefits)

    async def told_now() -> bool:
        return told(program_id) == 0

    async def silent_now() -> bool:
        return told(program_id) is None and points(program_id, "active") is None

    async with running(job(benefits, held).run()):
        await until(silent_now)
        await held.renew()
        await until(told_now)
        held._held = frozenset()
        await until(silent_now)


async def test_a_database_that_is_slow_or_down_is_told_by_silence(
    benefits: BenefitsWorld, program_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    summing = job(benefits, leases(benefits))
    await summing.run_once()
    before = told(program_id)
    monkeypatch.setattr(books, "SUMMING_MS", -1)  # which mongod refuses

    with logged() as logs:
        await summing.run_once()

    assert (before, told(program_id)) == (0.0, None)
    assert logs.line("interrupted")["error"] == "OperationFailure"
