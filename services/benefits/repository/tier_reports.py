"""What the reports of tiers are counted from: in the database, within a time, or page by page."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import ExecutionTimeout

from libs.common.errors import Overloaded
from libs.common.mongo import Collection, Document
from libs.common.rpc.deadline import seconds_left
from services.benefits.domain.tier_report import TENTHS, Moves, Threshold
from services.benefits.repository.store import BenefitsStore

COUNTING_SECONDS = 10.0
MOVES_MAX = 20_000

# How many members are how near to a fact's threshold, by tenths of it.
Tenths = Mapping[tuple[str, int], list[int]]


@dataclass(frozen=True, slots=True)
class Row:
    """A membership as far as reports count it."""

    membership_id: str
    member_id: str
    tier_set: str
    tier: str
    since_time: datetime | None
    decision_id: str


async def _counted(collection: Collection, stages: list[dict[str, Any]], **options: Any) -> list[Document]:
    """What comes of stages, if that is in time."""
    milliseconds = int(seconds_left(COUNTING_SECONDS) * 1_000) or 1
    try:
        found = collection.aggregate(stages, maxTimeMS=milliseconds, **options)
        return [each async for each in found]
    except ExecutionTimeout as error:
        raise Overloaded("the report takes too long to be counted now; retry later") from error


async def holders(store: BenefitsStore, program_id: str) -> dict[str, dict[str, int]]:
    """How many members have earned which tier, by tier set."""
    stages: list[dict[str, Any]] = [
        {"$match": _of_program("_id", program_id)},
        {"$group": {"_id": {"tier_set": "$tier_set", "tier": "$tier"}, "count": {"$sum": 1}}},
    ]
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for each in await _counted(store.database.memberships, stages):
        found[each["_id"]["tier_set"]][each["_id"]["tier"]] = each["count"]
    return dict(found)


async def moves(store: BenefitsStore, program_id: str, *, since: datetime, time_zone: str) -> list[Moves]:
    """The changes of tiers since a time, by months of a time zone; their own index finds them."""
    stages: list[dict[str, Any]] = [
        {
            "$match": {
                **_of_program("membership", program_id),
                "changed": True,
                "as_of": {"$gte": since},
            }
        },
        {
            "$group": {
                "_id": {
                    "tier_set": {"$arrayElemAt": [{"$split": ["$membership", "/"]}, 2]},
                    "month": {"$dateToString": {"format": "%Y-%m", "date": "$as_of", "timezone": time_zone}},
                    "from_tier": "$from_tier",
                    "to_tier": "$to_tier",
                },
                "count": {"$sum": 1},
            }
        },
        {"$sort": {"_id.tier_set": 1, "_id.month": 1, "_id.from_tier": 1, "_id.to_tier": 1}},
        {"$limit": MOVES_MAX},
    ]
    found = await _counted(store.database.decisions, stages, hint="changes")
    return [Moves(count=each["count"], **each["_id"]) for each in found]


async def tenths(
    store: BenefitsStore, program_id: str, tier_set: str, thresholds: Sequence[Threshold]
) -> Tenths:
    """How far members are, by what the last decision on each read, in one walk through the memberships."""
    by_fact: dict[str, set[int]] = defaultdict(set)
    for each in thresholds:
        by_fact[each.fact].add(each.value)
    if not by_fact:
        return {}
    branches = [
        {
            "case": {"$eq": ["$fact", fact]},
            "then": [{"asked": asked, "tenth": _tenth(asked)} for asked in sorted(values)],
        }
        for fact, values in sorted(by_fact.items())
    ]
    stages: list[dict[str, Any]] = [
        {"$match": _of_program("_id", program_id) | {"tier_set": tier_set}},
        {"$project": {"_id": 0, "qualifying": 1}},
        {"$unwind": "$qualifying"},
        {
            "$project": {
                "fact": {"$arrayElemAt": ["$qualifying", 0]},
                "value": {"$arrayElemAt": ["$qualifying", 1]},
            }
        },
        {"$match": {"fact": {"$in": sorted(by_fact)}}},
        {"$project": {"fact": 1, "near": {"$switch": {"branches": branches, "default": []}}}},
        {"$unwind": "$near"},
        {
            "$group": {
                "_id": {"fact": "$fact", "asked": "$near.asked", "tenth": "$near.tenth"},
                "count": {"$sum": 1},
            }
        },
    ]
    counted: dict[tuple[str, int], list[int]] = {}
    for found in await _counted(store.database.memberships, stages):
        key = found["_id"]["fact"], int(found["_id"]["asked"])
        counted.setdefault(key, [0] * TENTHS)[int(found["_id"]["tenth"])] += found["count"]
    return counted


def _tenth(asked: int) -> Document:
    """The tenth of what is asked that a value is in, the last one for all from twice as much on."""
    tenth = {"$floor": {"$divide": [{"$multiply": ["$value", 10]}, asked]}}
    return {"$max": [0, {"$min": [TENTHS - 1, tenth]}]}


async def pages(store: BenefitsStore, program_id: str, *, size: int) -> AsyncIterator[list[Row]]:
    """All memberships of a program by member, so many at once; those of one member are in one page."""
    after: str | None = ""
    while after is not None:
        rows, after = await page(store, program_id, after, size=size)
        if rows:
            yield rows


async def page(
    store: BenefitsStore, program_id: str, after: str, *, size: int
) -> tuple[list[Row], str | None]:
    """So many memberships after one, and the last of them; None at the end of the program.

    Of a page that is full the last member's may not be whole: they begin the next one.
    """
    wanted = {"_id": {"$gt": after or f"{program_id}/", "$lt": f"{program_id}0"}}
    fields = {"member_id": 1, "tier_set": 1, "tier": 1, "since_time": 1, "decision_id": 1}
    found = store.database.memberships.find(wanted, fields, session=store.session).sort("_id", 1)
    documents = await found.limit(size).to_list(size)
    full = len(documents) == size
    kept = [each for each in documents if not full or each["member_id"] != documents[-1]["member_id"]]
    rows = [
        Row(*(each[name] for name in ("_id", "member_id", "tier_set", "tier", "since_time", "decision_id")))
        for each in kept
    ]
    return rows, rows[-1].membership_id if full else None


async def receipts(store: BenefitsStore, decision_ids: Sequence[str]) -> dict[str, bytes]:
    """The receipts of those decisions that there are, as scoring gave them."""
    found = store.database.decisions.find(
        {"_id": {"$in": list(decision_ids)}}, {"receipt": 1}, session=store.session
    )
    return {each["_id"]: bytes(each["receipt"]) async for each in found}


def _of_program(field: str, program_id: str) -> Document:
    """Ids of memberships begin with the program; what follows / in the order of characters is 0."""
    return {field: {"$gt": f"{program_id}/", "$lt": f"{program_id}0"}}
