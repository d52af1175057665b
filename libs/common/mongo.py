"""MongoDB: the one way to run a transaction, and to answer a repeated request as the first time."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
)
from pymongo import IndexModel, ReadPreference
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from libs.common.caller import caller
from libs.common.commits import committed
from libs.common.errors import Contention, IdempotencyKeyReused, RequestInFlight, Unavailable
from libs.common.rpc.deadline import seconds_left
from libs.common.telemetry import TRANSACTION_ATTEMPTS, log

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession
Cursor = AsyncIOMotorCursor[Document]

T = TypeVar("T")
M = TypeVar("M", bound=Message)

ATTEMPTS_MAX = 20
# Who looks before they write meets another key next time, or none: one that is met so often in a row is in no
# race, and nothing will make it go away.
SAME_DUPLICATES_MAX = 6
TRANSACTION_SECONDS = 5.0
AVAILABLE_SECONDS = 60.0
# Longer than a restart takes, and shorter than a call: so a caller hears that the database is down.
SELECTION_MS = 3_000
# A server that is stopped, or cut off, answers nobody and closes nothing: what waits for it is given up
# after this and the time of a connection. By the driver's own ten seconds calls would have ended before.
HEARTBEAT_MS = 1_000
ANSWERS_KEPT = timedelta(days=30)
# About as long as a batch of some hundred documents takes until it is sent.
ENCODED_SECONDS = 0.001
DUPLICATE_KEY = 11000
INDEX_NOT_FOUND = 27
WRITE_CONFLICT = 112
NAMESPACE_EXISTS = 48
MAJORITY = WriteConcern(w="majority", j=True)
SNAPSHOT = ReadConcern("snapshot")
AUDIT_RECORD: Document = {
    "required": ["program_id", "recorded_time", "actor", "act", "objects", "digest"],
    "properties": {
        "program_id": {"bsonType": "string"},
        "recorded_time": {"bsonType": "date"},
        "digest": {"bsonType": "string"},
        "position": {"bsonType": ["int", "long"], "minimum": 1},
    },
}
OUTAGES = (AutoReconnect, NetworkTimeout, ServerSelectionTimeoutError)


class SameDuplicate(Exception):
    """A defect: work inserts what is there already, whenever it is made again."""


_endings: set["asyncio.Future[None]"] = set()


def connect(uri: str) -> Client:
    """A client whose datetimes are UTC-aware and whose writes are on the disks of a majority."""
    return AsyncIOMotorClient(
        uri,
        tz_aware=True,
        w="majority",
        journal=True,
        serverSelectionTimeoutMS=SELECTION_MS,
        connectTimeoutMS=2_000,
        heartbeatFrequencyMS=HEARTBEAT_MS,
    )


async def available(client: Client, seconds: float = AVAILABLE_SECONDS) -> None:
    """Wait until the database takes writes: it may start beside us, or just be starting again."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if (await client.admin.command("hello")).get("isWritablePrimary"):
                    return
            except OUTAGES as outage:
                log("mongo").info("waiting for the database", error=type(outage).__name__)
            await asyncio.sleep(0.1)


async def transaction(client: Client, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run work in one transaction, again and again until it commits, within the deadline of the call.

    Work may run up to twenty times, so it keeps its effects inside the
    session. A duplicate key ends the attempt and a new one reads what is
    there; work must not catch it, as the transaction is dead by then.

    Raises Contention when others kept getting in first, SameDuplicate when
    nobody did and a key is there for good, Unavailable when the database is
    down, TimeoutError when time is up; whether the last attempt was committed
    is then unknown.
    """
    duplicates = _Duplicates()
    async with asyncio.timeout(seconds_left(TRANSACTION_SECONDS)):
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                TRANSACTION_ATTEMPTS.labels("repeated").inc()
                await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))  # noqa: S311
            try:
                result = await _attempt(client, work)
            except PyMongoError as error:
                if _may_be_repeated(error):
                    duplicates.met(error)
                    continue
                if isinstance(error, OUTAGES):
                    raise Unavailable from error
                raise
            TRANSACTION_ATTEMPTS.labels("committed").inc()
            committed()
            return result
    raise Contention


async def _attempt(client: Client, work: Callable[[Session], Awaitable[T]]) -> T:
    """Work and commit, each once.

    Not by Motor's with_transaction: it commits where its block ends, outside
    its own retries, so that a conflict found by the commit escapes it.
    """
    session = await client.start_session()
    try:
        session.start_transaction(SNAPSHOT, MAJORITY, ReadPreference.PRIMARY)
        result = await work(session)
        await _commit(session)
    except asyncio.CancelledError:
        _end_later(session)
        raise
    except BaseException:
        await session.end_session()
        raise
    _end_later(session)  # nobody waits for a place in the pool
    return result


def _end_later(session: Session) -> None:
    """End without waiting for it: who is out of time must not be kept by a database that hangs."""
    ending = asyncio.ensure_future(session.end_session())
    _endings.add(ending)
    ending.add_done_callback(_ended)


def _ended(ending: "asyncio.Future[None]") -> None:
    _endings.discard(ending)
    if not ending.cancelled() and (error := ending.exception()) is not None:
        log("mongo").info("a transaction ends by itself", error=type(error).__name__)


async def _commit(session: Session) -> None:
    """Commit, again while nobody knows whether the commit before was done."""
    while True:
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            await asyncio.sleep(0.05)


def _may_be_repeated(error: PyMongoError) -> bool:
    """Whether a new attempt may do better: others got in first, or a connection broke."""
    if isinstance(error, ServerSelectionTimeoutError):
        return False  # it has been waited for, as long as a restart takes
    if isinstance(error, BulkWriteError):
        return any(each["code"] == DUPLICATE_KEY for each in error.details["writeErrors"])
    return isinstance(error, DuplicateKeyError) or error.has_error_label("TransientTransactionError")


@dataclass(slots=True)
class _Duplicates:
    """How often in a row attempts of one transaction ended at the same key."""

    key: str = ""
    times: int = 0

    def met(self, error: PyMongoError) -> None:
        """Count what ended an attempt, or raise SameDuplicate."""
        key = _duplicate(error)
        self.times = self.times + 1 if key and key == self.key else int(bool(key))
        self.key = key
        if self.times >= SAME_DUPLICATES_MAX:
            TRANSACTION_ATTEMPTS.labels("duplicate").inc()
            # Which index, and not which key: there may be anything in it.
            index = key.partition(" dup key")[0]
            log("mongo").error("the same duplicate key, however often it is tried", index=index)
            raise SameDuplicate(index) from error


def _duplicate(error: PyMongoError) -> str:
    """What the server says of a duplicate key, which names collection, index and key; empty for all else."""
    if isinstance(error, BulkWriteError):
        found = (each["errmsg"] for each in error.details["writeErrors"] if each["code"] == DUPLICATE_KEY)
        return next(found, "")
    return str((error.details or {}).get("errmsg", "")) if isinstance(error, DuplicateKeyError) else ""


def at_once(cursor: Cursor, most: int) -> Cursor:
    """A cursor whose documents, so many at most, come in one answer; the server's own first has 101."""
    cursor.batch_size(most + 1)  # with room for one more, it is known to be the end
    return cursor


async def update_each(collection: Collection, updates: Sequence[Document], session: Session) -> None:
    """Run the statements of an update command, as bulk_write does, for a third less of our own time.

    One that fails ends the command, and is raised as bulk_write would.
    """
    command = {"update": collection.name, "updates": updates}
    answer = await collection.database.command(command, session=session)
    if answer.get("writeErrors"):
        raise BulkWriteError(answer)


async def meanwhile(writing: Awaitable[object], make: Callable[[], T]) -> T:
    """What is made while a write is on its way; both end before this does."""
    written = asyncio.ensure_future(writing)
    try:
        await asyncio.sleep(ENCODED_SECONDS)  # its thread needs the interpreter for itself first
        return make()
    except asyncio.CancelledError:
        written.cancel()
        raise
    finally:
        await written


@asynccontextmanager
async def snapshot(client: Client) -> AsyncIterator[Session]:
    """Several reads of one moment."""
    try:
        async with await client.start_session(snapshot=True) as session:
            yield session
    except OUTAGES as outage:
        raise Unavailable from outage


@dataclass(frozen=True, slots=True)
class Request(Generic[M]):
    """A write that a caller asks for, by the key under which it is done once."""

    key: str
    digest: str
    response: type[M]
    program_id: str
    method: str
    request_id: str

    def stored(self, stored: Document) -> M:
        """The answer that is stored for this request, or IdempotencyKeyReused if that was another one."""
        if stored["request_digest"] != self.digest:
            raise IdempotencyKeyReused
        return self.response.FromString(stored["response"])


def request(program_id: str, method: str, request_id: str, message: Message, response: type[M]) -> Request[M]:
    """The write that this message asks for on behalf of the present caller."""
    key = "\0".join((program_id, caller().kind, caller().subject, method, request_id))
    payload = message.SerializeToString(deterministic=True)
    return Request(
        key=hashlib.sha256(key.encode()).hexdigest(),
        digest=hashlib.sha256(payload).hexdigest(),
        response=response,
        program_id=program_id,
        method=method,
        request_id=request_id,
    )


def claim(request: Request[M], now: datetime) -> Document:
    """What is stored of a request before its answer."""
    return {"request_digest": request.digest, "expires": now + ANSWERS_KEPT}


async def once(
    database: Database,
    request: Request[M],
    work: Callable[[Session], Awaitable[M]],
    *,
    now: Callable[[], datetime],
) -> M:
    """Answer a request from its stored answer, or run work in one transaction and store the answer with it.

    Only success is stored: a refusal leaves nothing behind, so the same
    request may succeed later. The key is claimed before the work, so that the
    same request at the same time meets it there and nowhere later; it waits
    for the answer as long as attempts last, then is refused RequestInFlight.
    """
    in_flight = False

    async def attempt(session: Session) -> M:
        nonlocal in_flight
        claimed = {"$setOnInsert": claim(request, now())}
        try:
            stored = await database.idempotency.find_one_and_update(
                {"_id": request.key}, claimed, upsert=True, session=session
            )
        except OperationFailure as error:
            in_flight = error.code == WRITE_CONFLICT  # and not that nobody gets a lock
            raise
        in_flight = False
        if stored:  # None, unless it was there before
            return request.stored(stored)
        answer = await work(session)
        kept = {"$set": {"response": answer.SerializeToString(deterministic=True)}}
        await database.idempotency.update_one({"_id": request.key}, kept, session=session)
        return answer

    try:
        return await transaction(database.client, attempt)
    except (Contention, TimeoutError) as error:
        if in_flight:
            raise RequestInFlight from error
        raise


async def ensure_collection(database: Database, name: str, schema: Document) -> None:
    """Make a collection whose documents keep a schema, or give it the schema when it is there."""
    validator = {"$jsonSchema": {"bsonType": "object", **schema}}
    try:
        await database.create_collection(name, check_exists=False, validator=validator)
    except OperationFailure as error:  # of the server, as another replica may make it at the same time
        if error.code != NAMESPACE_EXISTS:
            raise
        await database.command("collMod", name, validator=validator)


async def ensure_common_indexes(database: Database) -> None:
    """The indexes of what every storing service keeps: stored answers, the outbox and the audit log."""
    await asyncio.gather(
        database.idempotency.create_index("expires", expireAfterSeconds=0),
        _ensure_outbox(database.outbox),
        _ensure_audit(database),
    )


async def _ensure_outbox(outbox: Collection) -> None:
    await outbox.create_indexes(
        [
            IndexModel([("subject", 1), ("change_seq", 1)], unique=True),
            IndexModel([("unsent", 1), ("_id", 1)], partialFilterExpression={"unsent": {"$exists": True}}),
            IndexModel("sent_time", partialFilterExpression={"sent_time": {"$exists": True}}, name="sent"),
        ]
    )
    # It would delete the heads of parcels and leave the rest.
    await drop_index(outbox, "sent_time_ttl")


async def drop_index(collection: Collection, name: str) -> None:
    """Drop an index of the past, if it is there."""
    try:
        await collection.drop_index(name)
    except OperationFailure as error:
        if error.code != INDEX_NOT_FOUND:
            raise


async def _ensure_audit(database: Database) -> None:
    await ensure_collection(database, "audit", AUDIT_RECORD)
    await ensure_chain(database, "audit", "audit_heads")


async def ensure_chain(database: Database, records: str, heads: str) -> None:
    """The indexes of what is chained; unique positions keep two sequencers from making two chains."""
    marks = ((records, "unsequenced"), (heads, "unanchored"))
    await asyncio.gather(*(_ensure_chained(database[name], mark) for name, mark in marks))


async def _ensure_chained(collection: Collection, mark: str) -> None:
    positioned = {"position": {"$exists": True}}
    await collection.create_indexes(
        [
            IndexModel([("program_id", 1), ("position", 1)], unique=True, partialFilterExpression=positioned),
            IndexModel(
                [(mark, 1), ("program_id", 1), ("_id", 1)], partialFilterExpression={mark: {"$exists": True}}
            ),
        ]
    )
