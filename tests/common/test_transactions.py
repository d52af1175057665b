"""Transactions and idempotency: all or nothing, once, whoever else writes and whatever dies."""

import asyncio
import time
from pathlib import Path

import pytest
from pymongo.errors import DuplicateKeyError, PyMongoError

from libs.cli.ports import Ports
from libs.common import mongo
from libs.common.consumer import passes
from libs.common.errors import Contention, Unavailable
from libs.common.mongo import (
    Database,
    SameDuplicate,
    Session,
    at_once,
    connect,
    ensure_collection,
    ensure_common_indexes,
    meanwhile,
    snapshot,
    transaction,
    update_each,
)
from libs.common.rpc.deadline import set_deadline
from libs.common.telemetry import TRANSACTION_ATTEMPTS
from tests.common.counters import SoldOut, amount, incremented
from tests.support.platform import running_mongod

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")


async def test_a_transaction_commits_all_of_its_writes_and_gives_its_result(database: Database) -> None:
    async def work(session: Session) -> str:
        await database.counters.insert_one({"_id": "a", "amount": 1}, session=session)
        await database.others.insert_one({"_id": "b"}, session=session)
        assert await amount(database) is None  # nobody else sees it before
        return "done"

    assert await transaction(database.client, work) == "done"
    assert await amount(database) == 1
    assert await database.others.count_documents({}) == 1


@pytest.mark.parametrize("failure", [SoldOut, ValueError, asyncio.CancelledError])
async def test_what_ends_the_work_leaves_nothing_of_it(
    database: Database, failure: type[BaseException]
) -> None:
    async def work(session: Session) -> None:
        await database.counters.insert_one({"_id": "a", "amount": 1}, session=session)
        raise failure

    with pytest.raises(failure):
        await transaction(database.client, work)

    assert await database.counters.count_documents({}) == 0
    await asyncio.wait_for(transaction(database.client, lambda each: incremented(database, each)), 2)


@pytest.mark.parametrize("many", [False, True], ids=["one document", "many documents"])
async def test_a_duplicate_key_leads_to_a_new_attempt_that_sees_the_other_write(
    database: Database, many: bool
) -> None:
    seen: list[int | None] = []

    async def work(session: Session) -> str:
        found = await database.counters.find_one({"_id": "a"}, session=session)
        seen.append(None if found is None else int(found["amount"]))
        if found is not None:
            return "found"
        # Somebody else gets in between our read and our write.
        await database.counters.insert_one({"_id": "a", "amount": 7})
        if many:
            await database.counters.insert_many([{"_id": "b"}, {"_id": "a"}], session=session)
        else:
            await database.counters.insert_one({"_id": "a"}, session=session)
        return "written"

    assert await transaction(database.client, work) == "found"
    assert seen == [None, 7]
    assert await database.counters.count_documents({}) == 1


async def test_updates_of_one_command_are_made_in_order_and_in_the_transaction(database: Database) -> None:
    async def work(session: Session) -> None:
        updates = [
            {"q": {"_id": "a"}, "u": {"$inc": {"amount": 1}}, "upsert": True},
            {"q": {"_id": "a"}, "u": {"$mul": {"amount": 5}}},
            {"q": {"_id": "none"}, "u": {"$inc": {"amount": 1}}},
        ]
        await update_each(database.counters, updates, session)
        assert await amount(database) is None  # nobody else sees it before

    await transaction(database.client, work)

    assert await database.counters.find().to_list(None) == [{"_id": "a", "amount": 5}]


async def test_one_of_several_updates_that_fails_is_raised_and_leaves_nothing(database: Database) -> None:
    async def work(session: Session) -> None:
        updates = [
            {"q": {"_id": "a"}, "u": {"$inc": {"amount": 1}}, "upsert": True},
            {"q": {"_id": "b"}, "u": {"$no": 1}},
        ]
        await update_each(database.counters, updates, session)

    with pytest.raises(PyMongoError, match=r"\$no"):
        await transaction(database.client, work)

    assert await database.counters.count_documents({}) == 0


async def test_a_duplicate_key_among_updates_leads_to_a_new_attempt(database: Database) -> None:
    await database.counters.create_index("name", unique=True)
    await database.counters.insert_one({"_id": "a", "name": "taken"})
    names = ["taken", "free"]

    async def work(session: Session) -> None:
        named = {"q": {"_id": "b"}, "u": {"$set": {"name": names.pop(0)}}, "upsert": True}
        await update_each(database.counters, [named], session)

    await transaction(database.client, work)

    assert await database.counters.find_one({"_id": "b"}) == {"_id": "b", "name": "free"}


async def test_what_is_made_meanwhile_is_made_before_a_write_has_ended(database: Database) -> None:
    order, made = list[str](), asyncio.Event()

    async def write() -> None:
        order.append("begins")
        await made.wait()
        await database.counters.insert_one({"_id": "a"})
        order.append("ends")

    def make() -> str:
        order.append("made")
        made.set()
        return "it"

    assert await asyncio.wait_for(meanwhile(write(), make), 5) == "it"

    assert order == ["begins", "made", "ends"]
    assert await database.counters.count_documents({}) == 1


@pytest.mark.parametrize("made", [1, ValueError("made badly")], ids=["made", "not made"])
async def test_what_a_write_fails_with_is_raised_whatever_was_made_meanwhile(
    database: Database, made: int | ValueError
) -> None:
    await database.counters.insert_one({"_id": "a"})

    def make() -> int:
        if isinstance(made, ValueError):
            raise made
        return made

    with pytest.raises(DuplicateKeyError):
        await meanwhile(database.counters.insert_one({"_id": "a"}), make)


async def test_who_gives_up_waits_for_no_write_that_hangs() -> None:
    hangs = asyncio.ensure_future(asyncio.sleep(60))

    waiting = asyncio.create_task(meanwhile(hangs, lambda: None))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert hangs.cancelled()


async def test_updates_that_meet_another_writer_are_made_again(database: Database) -> None:
    await database.counters.insert_one({"_id": "a", "amount": 0})

    async def work(session: Session) -> None:
        found = await database.counters.find_one({"_id": "a"}, session=session)
        assert found is not None
        more = {"q": {"_id": "a"}, "u": {"$set": {"amount": found["amount"] + 1}}}
        await update_each(database.counters, [more], session)

    await asyncio.gather(*(transaction(database.client, work) for _ in range(8)))

    assert await amount(database) == 8


async def test_a_duplicate_key_of_a_document_that_was_there_is_tried_again_too(database: Database) -> None:
    await database.counters.insert_one({"_id": "a"})
    attempts = 0

    async def work(session: Session) -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await database.counters.insert_many([{"_id": "b"}, {"_id": "a"}], session=session)
        return "read it"

    assert await transaction(database.client, work) == "read it"
    assert await database.counters.count_documents({}) == 1


async def test_another_failure_of_the_database_is_not_tried_again(database: Database) -> None:
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await database.counters.update_one({"_id": "a"}, {"$no": 1}, session=session)

    with pytest.raises(PyMongoError):
        await transaction(database.client, work)

    assert attempts == 1


async def test_sixteen_callers_at_once_lose_no_update(database: Database) -> None:
    results = await asyncio.gather(
        *(transaction(database.client, lambda each: incremented(database, each)) for _ in range(16))
    )

    assert sorted(results) == list(range(1, 17))
    assert await amount(database) == 16


async def test_after_twenty_attempts_it_is_contention(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    await database.counters.insert_one({"_id": "a", "amount": 0})
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await database.others.find_one({}, session=session)
        await database.counters.update_one({"_id": "a"}, {"$inc": {"amount": 1}})
        await database.counters.update_one({"_id": "a"}, {"$inc": {"amount": 1}}, session=session)

    with pytest.raises(Contention) as refusal:
        await transaction(database.client, work)

    assert attempts == mongo.ATTEMPTS_MAX == 20
    assert refusal.value.retry_after_seconds


@pytest.mark.parametrize("many", [False, True], ids=["alone", "among others"])
async def test_a_key_that_is_there_for_good_is_a_defect_and_no_contention(
    database: Database, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    await database.counters.insert_one({"_id": "a"})
    before = TRANSACTION_ATTEMPTS.labels("duplicate")._value.get()
    attempts = 0

    async def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        if many:
            await database.counters.insert_many([{"_id": f"b{attempts}"}, {"_id": "a"}], session=session)
        await database.counters.insert_one({"_id": "a"}, session=session)

    with pytest.raises(SameDuplicate) as defect:
        await transaction(database.client, work)

    assert attempts == mongo.SAME_DUPLICATES_MAX
    assert not passes(defect.value)
    assert "counters" in str(defect.value)
    assert '"a"' not in str(defect.value)
    assert TRANSACTION_ATTEMPTS.labels("duplicate")._value.get() == before + 1


async def test_another_key_each_time_is_a_race(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    await database.counters.insert_many([{"_id": place} for place in range(mongo.SAME_DUPLICATES_MAX + 2)])
    attempts = 0

    async def work(session: Session) -> int:
        nonlocal attempts
        await database.counters.insert_one({"_id": (attempts := attempts + 1) - 1}, session=session)
        return attempts

    assert await transaction(database.client, work) == mongo.SAME_DUPLICATES_MAX + 3


async def test_the_deadline_of_the_call_ends_a_transaction_and_leaves_nothing(database: Database) -> None:
    async def work(session: Session) -> None:
        await database.counters.insert_one({"_id": "a", "amount": 1}, session=session)
        await asyncio.sleep(10)

    set_deadline(0.2)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await transaction(database.client, work)

    assert time.monotonic() - started < 1
    set_deadline(None)
    # Nothing holds the document any more, so the next writer need not wait.
    await asyncio.wait_for(transaction(database.client, lambda each: incremented(database, each)), 2)
    assert await amount(database) == 1


async def test_without_a_deadline_a_transaction_has_five_seconds() -> None:
    assert mongo.TRANSACTION_SECONDS == 5


async def test_a_call_cut_off_in_the_middle_of_a_write_does_not_block_the_others(database: Database) -> None:
    await database.counters.insert_one({"_id": "a", "amount": 0})

    async def busy(session: Session) -> None:
        while True:
            await database.counters.update_one({"_id": "a"}, {"$inc": {"amount": 1}}, session=session)

    for milliseconds in range(10, 60, 5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(milliseconds / 1000):
                await transaction(database.client, busy)

    started = time.monotonic()
    await transaction(database.client, lambda each: incremented(database, each))

    assert time.monotonic() - started < 1
    assert await amount(database) == 1


async def test_a_snapshot_reads_one_moment(database: Database) -> None:
    await database.counters.insert_one({"_id": "a", "amount": 1})

    async with snapshot(database.client) as session:
        before = await database.counters.find_one({"_id": "a"}, session=session)
        await database.counters.update_one({"_id": "a"}, {"$set": {"amount": 2}})
        after = await database.counters.find_one({"_id": "a"}, session=session)

    assert before == after == {"_id": "a", "amount": 1}


async def test_a_collection_keeps_its_schema_and_takes_a_newer_one(database: Database) -> None:
    await ensure_collection(database, "lots", {"properties": {"points": {"bsonType": "long"}}})
    with pytest.raises(PyMongoError):
        await database.lots.insert_one({"points": "many"})

    await ensure_collection(database, "lots", {"properties": {"points": {"bsonType": "string"}}})

    await database.lots.insert_one({"points": "many"})


# A database that is down


async def test_a_database_that_is_down_is_unavailable_and_serves_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "SELECTION_MS", 500)
    with Ports() as ports:
        port = ports.any()
        with running_mongod(tmp_path, port) as uri:
            client = connect(uri)
            database = client.laurel_test
            await ensure_common_indexes(database)
            await transaction(client, lambda each: incremented(database, each))

        with pytest.raises(Unavailable) as refusal:
            await transaction(client, lambda each: incremented(database, each))
        with pytest.raises(Unavailable):
            async with snapshot(client) as session:
                await database.counters.find_one({}, session=session)

        with running_mongod(tmp_path, port):
            assert await transaction(client, lambda each: incremented(database, each)) == 2
        client.close()

    assert refusal.value.retry_after_seconds


@pytest.mark.parametrize("there", [99, 150], ids=["fewer than asked for", "as many as asked for"])
async def test_what_is_read_at_once_leaves_no_cursor_on_the_server(database: Database, there: int) -> None:
    await database.others.insert_many([{"place": place} for place in range(there)])
    cursor = at_once(database.others.find().sort("place", 1), 150)

    first = await cursor.next()
    still_open = cursor.delegate.cursor_id
    rest = await cursor.to_list(None)

    assert still_open == 0
    assert [each["place"] for each in (first, *rest)] == list(range(there))
