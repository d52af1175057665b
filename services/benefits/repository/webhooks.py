"""How endpoints of webhooks are kept; each function works in the transaction of its store."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from libs.common.mongo import Database, Document
from services.benefits.domain.webhooks import Endpoint, Secret
from services.benefits.repository.store import BenefitsStore


async def endpoints_of(store: BenefitsStore, program_id: str) -> list[Endpoint]:
    """The endpoints of a program, oldest first."""
    found = store.database.webhook_endpoints.find({"program_id": program_id}, session=store.session)
    return [_endpoint_from(document) async for document in found.sort("place", 1)]


async def endpoint(store: BenefitsStore, endpoint_id: str) -> Endpoint | None:
    """An endpoint of any program."""
    found = await store.database.webhook_endpoints.find_one({"_id": endpoint_id}, session=store.session)
    return None if found is None else _endpoint_from(found)


async def known_endpoint(store: BenefitsStore, endpoint_id: str) -> Endpoint:
    """An endpoint that is there, as no endpoint is ever removed."""
    found = await endpoint(store, endpoint_id)
    assert found is not None, endpoint_id
    return found


async def enabled_endpoints(store: BenefitsStore, endpoint_ids: Iterable[str]) -> dict[str, Endpoint]:
    """Those of the endpoints that are sent anything, by id."""
    wanted = {"_id": {"$in": sorted(endpoint_ids)}, "enabled": True}
    found = store.database.webhook_endpoints.find(wanted, session=store.session)
    return {document["_id"]: _endpoint_from(document) async for document in found}


def every_endpoint(store: BenefitsStore) -> AsyncIterator[Endpoint]:
    """The endpoints of all programs."""
    found = store.database.webhook_endpoints.find({}, session=store.session)
    return (_endpoint_from(document) async for document in found)


async def keep_endpoint(store: BenefitsStore, endpoint: Endpoint) -> None:
    """Store an endpoint whole; two new ones in one place meet at its index, and the second looks again."""
    fields = asdict(endpoint)
    document = {"_id": fields.pop("endpoint_id"), **fields}
    await store.database.webhook_endpoints.replace_one(
        {"_id": endpoint.endpoint_id}, document, upsert=True, session=store.session
    )


async def counts(store: BenefitsStore, endpoint_ids: Iterable[str]) -> Mapping[tuple[str, str], int]:
    """How many deliveries wait and how many are dead, by endpoint and status."""
    grouped: list[dict[str, Any]] = [
        {"$match": {"endpoint_id": {"$in": list(endpoint_ids)}, "status": {"$in": ["waiting", "dead"]}}},
        {"$group": {"_id": {"endpoint": "$endpoint_id", "status": "$status"}, "count": {"$sum": 1}}},
    ]
    found = store.database.webhook_deliveries.aggregate(grouped, session=store.session)
    return Counter({(each["_id"]["endpoint"], each["_id"]["status"]): each["count"] async for each in found})


async def ensure_webhook_indexes(database: Database) -> None:
    """The indexes of endpoints, lanes and deliveries."""
    await database.webhook_endpoints.create_index([("program_id", 1), ("place", 1)], unique=True)
    await database.webhook_lanes.create_index([("endpoint_id", 1), ("due_time", 1)])
    deliveries = database.webhook_deliveries
    await deliveries.create_index([("endpoint_id", 1), ("notice_id", 1)], unique=True)
    await deliveries.create_index([("endpoint_id", 1), ("status", 1), ("_id", -1)])
    await deliveries.create_index([("program_id", 1), ("status", 1), ("_id", -1)])
    await deliveries.create_index(
        [("lane", 1), ("seq", 1)], partialFilterExpression={"status": "waiting"}, name="waiting"
    )
    await deliveries.create_index("expires", expireAfterSeconds=0)


def _endpoint_from(document: Document) -> Endpoint:
    fields = {name: value for name, value in document.items() if name != "_id"}
    fields["codes"] = tuple(document["codes"])
    fields["secrets"] = tuple(Secret(bytes(each["sealed"]), each["until"]) for each in document["secrets"])
    return Endpoint(endpoint_id=document["_id"], **fields)
