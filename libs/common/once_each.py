"""Requests of several calls in one transaction: each is answered once, as `mongo.once` does it for one."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message
from pymongo import UpdateOne

from libs.common.errors import IdempotencyKeyReused
from libs.common.mongo import Database, Document, Request, Session, claim, transaction

M = TypeVar("M", bound=Message)


async def once_each(
    database: Database,
    requests: Sequence[Request[M]],
    work: Callable[[Session, Sequence[int]], Awaitable[Sequence[M]]],
    *,
    now: Callable[[], datetime],
) -> list[M | IdempotencyKeyReused]:
    """Answer requests from their stored answers, or run work for the others in one transaction with them.

    Work is given the places of the requests that are new, and gives an answer
    for each; two requests of one key are one. What it raises fails all.
    """
    firsts: dict[str, int] = {}
    for place, request in enumerate(requests):
        firsts.setdefault(request.key, place)

    async def attempt(session: Session) -> dict[str, Document]:
        distinct = [requests[place] for place in firsts.values()]
        stored = await _claimed(database, session, distinct, now)
        new = [place for key, place in firsts.items() if key not in stored]
        answers = await work(session, new) if new else []
        kept = {
            requests[place].key: answer.SerializeToString(deterministic=True)
            for place, answer in zip(new, answers, strict=True)
        }
        if kept:
            responses = [UpdateOne({"_id": key}, {"$set": {"response": kept[key]}}) for key in kept]
            await database.idempotency.bulk_write(responses, session=session)
        digests = {key: requests[firsts[key]].digest for key in kept}
        return stored | {key: {"request_digest": digests[key], "response": kept[key]} for key in kept}

    stored = await transaction(database.client, attempt)
    return [_answer(request, stored[request.key]) for request in requests]


async def _claimed(
    database: Database, session: Session, requests: Iterable[Request[M]], now: Callable[[], datetime]
) -> dict[str, Document]:
    """Claim the keys that are new; gives what is stored under the others."""
    moment = now()
    claims = {
        each.key: UpdateOne({"_id": each.key}, {"$setOnInsert": claim(each, moment)}, upsert=True)
        for each in requests
    }
    claimed = await database.idempotency.bulk_write(list(claims.values()), session=session)
    known = sorted(set(claims) - set((claimed.upserted_ids or {}).values()))
    if not known:
        return {}
    found = database.idempotency.find({"_id": {"$in": known}}, session=session)
    return {document["_id"]: document async for document in found}


def _answer(request: Request[M], stored: Document) -> M | IdempotencyKeyReused:
    try:
        return request.stored(stored)
    except IdempotencyKeyReused as refusal:
        return refusal
