"""How deliveries of webhooks are kept, and the lanes in which they wait in order.

A lane is there as long as something waits in it. It says when its first
delivery is due, and that time is moved on while somebody sends it.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from pymongo import UpdateOne

from libs.common.mongo import Document
from services.benefits.domain.webhooks import (
    ATTEMPTS_SHOWN,
    ENDED_KEPT,
    Attempt,
    Delivery,
    DeliveryStatus,
    replayed,
)
from services.benefits.repository.store import BenefitsStore

STATUSES: tuple[DeliveryStatus, ...] = ("waiting", "delivered", "dead")
LANES_LOOKED_AT = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """A lane that one sender has for a while; `token` says whose turn it is."""

    lane: str
    endpoint_id: str
    token: str


async def queue(store: BenefitsStore, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Store new deliveries, each behind what waits in its lane."""
    if deliveries:
        documents = [_document(each) for each in await _placed(store, deliveries, now)]
        await store.database.webhook_deliveries.insert_many(documents, session=store.session)


async def replay(store: BenefitsStore, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Have deliveries that ended wait again, behind what waits in their lanes."""
    if deliveries:
        placed = await _placed(store, deliveries, now)
        writes = [_update(replayed(each, seq=each.seq, now=now)) for each in placed]
        await store.database.webhook_deliveries.bulk_write(writes, ordered=False, session=store.session)


async def _placed(store: BenefitsStore, deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """The deliveries with the next places of their lanes; a new lane is due now.

    Who ends the last delivery of a lane removes it: both meet at its
    document, so that nothing is left waiting without a lane.
    """
    taken = Counter(each.lane for each in deliveries)
    endpoints = {each.lane: each.endpoint_id for each in deliveries}
    lanes = store.database.webhook_lanes
    found = lanes.find({"_id": {"$in": sorted(taken)}}, session=store.session)
    last = {document["_id"]: document["seq"] async for document in found}
    new = {lane: {"endpoint_id": endpoints[lane], "due_time": now} for lane in taken}
    writes = [
        UpdateOne({"_id": lane}, {"$inc": {"seq": taken[lane]}, "$setOnInsert": new[lane]}, upsert=True)
        for lane in sorted(taken)
    ]
    await lanes.bulk_write(writes, ordered=False, session=store.session)
    places = {lane: count(last.get(lane, 0) + 1) for lane in taken}
    return [replace(each, seq=next(places[each.lane])) for each in deliveries]


async def page(
    store: BenefitsStore,
    program_id: str,
    *,
    endpoint_id: str,
    status: DeliveryStatus | None,
    after: str | None,
    limit: int,
) -> list[Delivery]:
    """Deliveries of a program, the latest first, without their bodies."""
    wanted: Document = {"program_id": program_id, "status": {"$in": [status] if status else list(STATUSES)}}
    if endpoint_id:
        wanted["endpoint_id"] = endpoint_id
    if after is not None:
        wanted["_id"] = {"$lt": after}
    found = store.database.webhook_deliveries.find(wanted, {"body": 0}, session=store.session)
    return [_delivery_from(document) async for document in found.sort("_id", -1).limit(limit)]


async def ended(
    store: BenefitsStore, endpoint_id: str, delivery_ids: Sequence[str], limit: int
) -> list[Delivery]:
    """Those of the deliveries that have ended, oldest first; without ids those that are dead."""
    wanted: Document = {"endpoint_id": endpoint_id, "status": "dead"}
    if delivery_ids:
        wanted |= {"status": {"$in": ["delivered", "dead"]}, "_id": {"$in": list(delivery_ids)}}
    found = store.database.webhook_deliveries.find(wanted, {"body": 0}, session=store.session)
    return [_delivery_from(document) async for document in found.sort("_id", 1).limit(limit)]


async def due_endpoints(store: BenefitsStore, now: datetime) -> list[str]:
    """The endpoints that something is due for, the longest due first.

    One step per endpoint along the index, however many lanes it has.
    """
    first: list[dict[str, Any]] = [
        {"$sort": {"endpoint_id": 1, "due_time": 1}},
        {"$group": {"_id": "$endpoint_id", "due_time": {"$first": "$due_time"}}},
        {"$match": {"due_time": {"$lte": now}}},
        {"$sort": {"due_time": 1}},
    ]
    found = store.database.webhook_lanes.aggregate(first, session=store.session)
    return [each["_id"] async for each in found]


async def claim(
    store: BenefitsStore, endpoint_id: str, *, token: str, now: datetime, until: datetime
) -> Claim | None:
    """A lane of an endpoint that is due, ours until a time; None when nothing is."""
    due = {"endpoint_id": endpoint_id, "due_time": {"$lte": now}}
    lanes = (
        await store.database.webhook_lanes.find(due).sort("due_time", 1).limit(LANES_LOOKED_AT).to_list(None)
    )
    random.shuffle(lanes)  # so that several who claim at once seldom meet
    for lane in lanes:
        free = {"_id": lane["_id"], "due_time": lane["due_time"]}
        ours = {"$set": {"due_time": until, "claim": token}}
        if (await store.database.webhook_lanes.update_one(free, ours)).modified_count:
            return Claim(lane["_id"], endpoint_id, token)
    return None


async def first_waiting(store: BenefitsStore, lane: str) -> Delivery | None:
    """The delivery of a lane whose turn it is."""
    found = await store.database.webhook_deliveries.find_one(
        {"lane": lane, "status": "waiting"}, sort=[("seq", 1)], session=store.session
    )
    return None if found is None else _delivery_from(found)


async def holds(store: BenefitsStore, claim: Claim) -> bool:
    """Whether a claim is still good."""
    wanted = {"_id": claim.lane, "claim": claim.token}
    return await store.database.webhook_lanes.find_one(wanted, session=store.session) is not None


async def keep(store: BenefitsStore, delivery: Delivery) -> None:
    """Store what became of a delivery."""
    await store.database.webhook_deliveries.bulk_write([_update(delivery)], session=store.session)


async def keep_attempt(store: BenefitsStore, delivery_id: str, attempt: Attempt) -> None:
    """Add to the log an attempt that decides nothing, as somebody else had the turn by then."""
    last = {"$each": [asdict(attempt)], "$slice": -ATTEMPTS_SHOWN}
    await store.database.webhook_deliveries.update_one(
        {"_id": delivery_id}, {"$push": {"attempts": last}}, session=store.session
    )


async def give_back(store: BenefitsStore, lane: str, now: datetime) -> None:
    """End the claim of a lane: it is due when its first delivery is, and gone without one."""
    following = await first_waiting(store, lane)
    if following is None:
        await store.database.webhook_lanes.delete_one({"_id": lane}, session=store.session)
        return
    due_time = max(now, following.next_attempt_time or now)
    again = {"$set": {"due_time": due_time}, "$unset": {"claim": ""}}
    await store.database.webhook_lanes.update_one({"_id": lane}, again, session=store.session)


def _document(delivery: Delivery) -> Document:
    """A delivery whole; what has ended is dropped after a time."""
    fields = asdict(delivery)
    document = {"_id": fields.pop("delivery_id"), "lane": delivery.lane, **fields}
    if delivery.ended_time is not None:
        document["expires"] = delivery.ended_time + ENDED_KEPT
    return document


def _update(delivery: Delivery) -> UpdateOne:
    """What may change of a delivery."""
    document = _document(delivery)
    names = ("status", "seq", "attempts", "tries", "next_attempt_time", "ended_time", "expires")
    changes: Document = {"$set": {name: document[name] for name in names if name in document}}
    if "expires" not in document:
        changes["$unset"] = {"expires": ""}
    return UpdateOne({"_id": delivery.delivery_id}, changes)


def _delivery_from(document: Document) -> Delivery:
    apart = {"_id", "lane", "expires", "body", "attempts"}
    return Delivery(
        delivery_id=document["_id"],
        body=bytes(document.get("body", b"")),
        attempts=tuple(Attempt(**each) for each in document["attempts"]),
        **{name: value for name, value in document.items() if name not in apart},
    )
