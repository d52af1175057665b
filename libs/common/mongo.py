"""MongoDB: the one way to run a transaction, and to answer a repeated request as the first time."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import ReadPreference
from pymongo.errors import (
    AutoReconnect,
    CollectionInvalid,
    DuplicateKeyError,
    NetworkTimeout,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from libs.common.caller import caller
from libs.common.errors import Contention, IdempotencyKeyReused, Unavailable
from libs.common.rpc.deadline import seconds_left
from libs.common.telemetry import TRANSACTION_ATTEMPTS

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Session = AsyncIOMotorClientSession

T = TypeVar("T")
M = TypeVar("M", bound=Message)

ATTEMPTS_MAX = 20
TRANSACTION_SECONDS = 5.0
ANSWERS_KEPT = timedelta(days=30)
MAJORITY = WriteConcern(w="majority", j=True)
SNAPSHOT = ReadConcern("snapshot")
OUTAGES = (AutoReconnect, NetworkTimeout, ServerSelectionTimeoutError)


def connect(uri: str) -> Client:
    """A client whose datetimes are UTC-aware and whose writes are on the disks of a majority."""
    return AsyncIOMotorClient(
        uri, tz_aware=True, w="majority", journal=True, serverSelectionTimeoutMS=5_000, connectTimeoutMS=2_000
    )


async def transaction(client: Client, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run work in one transaction, again and again until it commits, within the deadline of the call.

    Work may run up to twenty times, so it keeps its effects inside the
    session. A duplicate key ends the attempt and a new one reads what is
    there; work must not catch it, as the transaction is dead by then.

    Raises Contention when others kept getting in first, Unavailable when the
    database is down; whether the last attempt was committed is then unknown.
    """
    attempts = 0

    async def attempt(session: Session) -> T:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            TRANSACTION_ATTEMPTS.labels("repeated").inc()
            await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempts, 6)))  # noqa: S311
        if attempts > ATTEMPTS_MAX:
            raise Contention
        return await work(session)

    async with asyncio.timeout(seconds_left(TRANSACTION_SECONDS)):
        while True:
            try:
                async with await client.start_session() as session:
                    result: T = await session.with_transaction(
                        attempt,
                        read_concern=SNAPSHOT,
                        write_concern=MAJORITY,
                        read_preference=ReadPreference.PRIMARY,
                    )
                TRANSACTION_ATTEMPTS.labels("committed").inc()
                return result
            except DuplicateKeyError:
                continue
            except OUTAGES as outage:
                raise Unavailable from outage


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


def request(program_id: str, method: str, request_id: str, message: Message, response: type[M]) -> Request[M]:
    """The write that this message asks for on behalf of the present caller."""
    key = "\0".join((program_id, caller().kind, caller().subject, method, request_id))
    payload = message.SerializeToString(deterministic=True)
    return Request(hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(payload).hexdigest(), response)


async def once(
    database: Database,
    request: Request[M],
    work: Callable[[Session], Awaitable[M]],
    *,
    now: Callable[[], datetime],
) -> M:
    """Answer a request from its stored answer, or run work in one transaction and store the answer with it.

    Only success is stored: a refusal leaves nothing behind, so the same
    request may succeed later.
    """

    async def attempt(session: Session) -> M:
        stored = await database.idempotency.find_one({"_id": request.key}, session=session)
        if stored is not None:
            if stored["request_digest"] != request.digest:
                raise IdempotencyKeyReused
            return request.response.FromString(stored["response"])
        answer = await work(session)
        record = {
            "_id": request.key,
            "request_digest": request.digest,
            "response": answer.SerializeToString(deterministic=True),
            "expires": now() + ANSWERS_KEPT,
        }
        await database.idempotency.insert_one(record, session=session)
        return answer

    return await transaction(database.client, attempt)


async def ensure_collection(database: Database, name: str, schema: Document) -> None:
    """Make a collection whose documents keep a schema, or give it the schema when it is there."""
    validator = {"$jsonSchema": {"bsonType": "object", **schema}}
    try:
        await database.create_collection(name, validator=validator)
    except CollectionInvalid:
        await database.command("collMod", name, validator=validator)


async def ensure_common_indexes(database: Database) -> None:
    """The indexes of what every storing service keeps: stored answers and the outbox."""
    await database.idempotency.create_index("expires", expireAfterSeconds=0)
    await database.outbox.create_index([("subject", 1), ("seq_to", 1), ("type", 1)], unique=True)
    await database.outbox.create_index(
        [("unsent", 1), ("_id", 1)], partialFilterExpression={"unsent": {"$exists": True}}
    )
    await database.outbox.create_index(
        "sent_time", expireAfterSeconds=int(ANSWERS_KEPT.total_seconds()), sparse=True, name="sent_time_ttl"
    )
