"""Redemptions of rewards as Mongo documents, and what members have had, in the transaction of the store."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from libs.common.homes import kept_homes_seen
from libs.common.mongo import Database, Document, ensure_collection
from libs.common.visibility import Home
from services.benefits.domain.redemptions import UNSEEN, Grant, Redemption, RedemptionState
from services.benefits.domain.rewards import RewardKind
from services.benefits.repository.store import BenefitsStore

_WHOLE = {"bsonType": ["int", "long"]}
_COUNT = {**_WHOLE, "minimum": 0}
RESERVED = {"state": RedemptionState.RESERVED}
# What counts for the limits of a member: what they redeemed themselves, and was not taken back.
COUNTED = {"counts": True}
VALIDATORS: dict[str, Document] = {
    "redemptions": {
        "required": ["program_id", "member_id", "reward_id", "price_points", "value_minor", "state", "day"],
        "properties": {
            "price_points": _COUNT,
            "value_minor": _COUNT,
            "state": {"enum": list(RedemptionState)},
            "due_time": {"bsonType": ["date", "null"]},
        },
        # Points are paid by a hold, and what is given without points has none.
        "anyOf": [
            {"properties": {"price_points": {"minimum": 1}}, "required": ["hold_id"]},
            {"properties": {"price_points": {"maximum": 0}}, "not": {"required": ["hold_id"]}},
        ],
    },
}


async def ensure_redemption_indexes(database: Database) -> None:
    """A hold pays for one redemption; what waits is found by its end, and lists have their orders."""
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    redemptions = database.redemptions
    await redemptions.create_index(
        "hold_id", unique=True, name="paid", partialFilterExpression={"hold_id": {"$exists": True}}
    )
    await redemptions.create_index(
        [("program_id", 1), ("due_time", 1), ("_id", 1)], name="ending", partialFilterExpression=RESERVED
    )
    await redemptions.create_index(
        [("member_id", 1), ("reward_id", 1), ("day", 1)], name="given", partialFilterExpression=COUNTED
    )
    await redemptions.create_index([("member_id", 1), ("_id", -1)], name="of_member")
    for field in ("state", "reward_id", "home.store_id", "home.sharing_group"):
        await redemptions.create_index([("program_id", 1), (field, 1), ("_id", -1)], name=f"by_{field}")


async def add(store: BenefitsStore, redemption: Redemption, home: Home) -> None:
    """Keep a new redemption, with where its member belongs: lists of the staff go by that."""
    document = {"_id": redemption.redemption_id, **_fields(redemption), "home": asdict(home)}
    await store.database.redemptions.insert_one(document, session=store.session)


async def replace(store: BenefitsStore, redemption: Redemption) -> None:
    """Keep what became of a redemption that was read in the same transaction: two of them meet here."""
    key = {"_id": redemption.redemption_id}
    changed = {"$set": _fields(redemption)}
    await store.database.redemptions.update_one(key, changed, session=store.session)


async def one(store: BenefitsStore, program_id: str, redemption_id: str) -> Redemption | None:
    return (await several(store, program_id, [redemption_id])).get(redemption_id)


async def several(
    store: BenefitsStore, program_id: str, redemption_ids: Iterable[str]
) -> dict[str, Redemption]:
    """Those of the redemptions that there are, by id."""
    wanted = {"_id": {"$in": sorted(set(redemption_ids))}, "program_id": program_id}
    found = store.database.redemptions.find(wanted, session=store.session)
    return {document["_id"]: _from(document) async for document in found}


async def of_member(store: BenefitsStore, program_id: str, member_id: str, limit: int) -> list[Redemption]:
    """The redemptions of a member that are theirs, latest first."""
    wanted = {"member_id": member_id, "program_id": program_id, "state": {"$nin": list(UNSEEN)}}
    found = store.database.redemptions.find(wanted, session=store.session)
    return [_from(document) async for document in found.sort("_id", -1).limit(limit)]


async def page(
    store: BenefitsStore,
    program_id: str,
    *,
    member_id: str,
    reward_id: str,
    state: RedemptionState | None,
    after: str | None,
    limit: int,
) -> list[Redemption]:
    """Redemptions of a program that the present caller's grant reaches, latest first, after a place."""
    wanted: Document = {"program_id": program_id, **kept_homes_seen("home")}
    wanted |= {"member_id": member_id} if member_id else {}
    wanted |= {"reward_id": reward_id} if reward_id else {}
    # By all states rather than none, so that there is an index in the order of the list.
    wanted |= {"state": {"$in": list(RedemptionState)} if state is None else state}
    if after is not None:
        wanted["_id"] = {"$lt": after}
    found = store.database.redemptions.find(wanted, session=store.session)
    return [_from(document) async for document in found.sort("_id", -1).limit(limit)]


async def due(store: BenefitsStore, program_id: str, until: datetime, limit: int) -> list[Redemption]:
    """What is reserved until a time, that time included, or was before; the soonest first."""
    wanted = {"program_id": program_id, **RESERVED, "due_time": {"$lte": until}}
    found = store.database.redemptions.find(wanted, session=store.session)
    return [_from(document) async for document in found.sort([("due_time", 1), ("_id", 1)]).limit(limit)]


async def given(
    store: BenefitsStore, member_ids: Collection[str], reward_ids: Collection[str]
) -> Mapping[str, Mapping[str, Mapping[date, int]]]:
    """How many of each reward count for each member on which day of the program."""
    pipeline: Sequence[dict[str, Any]] = [
        {
            "$match": {
                "member_id": {"$in": sorted(member_ids)},
                "reward_id": {"$in": sorted(reward_ids)},
                **COUNTED,
            }
        },
        {
            "$group": {
                "_id": {"member": "$member_id", "reward": "$reward_id", "day": "$day"},
                "count": {"$sum": 1},
            }
        },
    ]
    counted: dict[str, dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    async for each in store.database.redemptions.aggregate(pipeline, session=store.session):
        key = each["_id"]
        counted[key["member"]][key["reward"]][date.fromisoformat(key["day"])] = each["count"]
    return counted


def _fields(redemption: Redemption) -> Document:
    """All but the id; without a hold where there is none, as its index has each hold once."""
    fields = asdict(redemption)
    del fields["redemption_id"]
    if not redemption.hold_id:
        del fields["hold_id"]
    return {**fields, "counts": redemption.live and redemption.grant is None}


def _from(document: Document) -> Redemption:
    apart = {"_id", "kind", "name", "state", "grant", "counts", "home"}
    grant = document["grant"]
    return Redemption(
        redemption_id=document["_id"],
        kind=RewardKind(document["kind"]),
        name=(document["name"][0], document["name"][1]),
        state=RedemptionState(document["state"]),
        grant=None if grant is None else Grant(**grant),
        **{name: value for name, value in document.items() if name not in apart},
    )
