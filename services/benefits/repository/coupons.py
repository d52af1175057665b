"""How coupons are kept, and who took how many of them, in the transaction of a store."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.coupons import Coupon
from services.benefits.repository.store import BenefitsStore

GIVEN = "given_once"
# The index of before, by which a member had one coupon of a campaign, whoever gave it.
GIVEN_BEFORE = "given"
_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
VALIDATORS: Mapping[str, Document] = {
    "coupon_campaigns": {
        "required": ["program_id", "key", "terms", "paused", "taken_count", "taken_minor"],
        "properties": dict.fromkeys(
            ("codes_count", "issued_count", "void_count", "taken_count", "taken_minor"), _COUNT
        ),
    },
    "coupons": {
        "required": ["program_id", "campaign_id", "member_id", "void", "taken_count"],
        "properties": {"taken_count": _COUNT, "code_digest": {"bsonType": "binData"}},
    },
    "coupon_takers": {"required": ["taken_count"], "properties": {"taken_count": _COUNT}},
    "coupon_reservations": {
        "required": ["program_id", "source", "check_ref", "status", "items", "expire_time"],
        "properties": {"status": {"enum": ["open", "used", "cancelled", "expired", "returned"]}},
    },
}


async def add(
    store: BenefitsStore, program_id: str, coupons: Sequence[Coupon], digests: Sequence[bytes] = ()
) -> None:
    """Keep new coupons, with the digests of their codes if they have any.

    A code that is there already ends the attempt, and the next one makes others.
    """
    documents: list[Document] = [
        {"_id": each.coupon_id, "program_id": program_id, **_fields(each)} for each in coupons
    ]
    if digests:
        for document, digest in zip(documents, digests, strict=True):
            document["code_digest"] = digest
    await store.database.coupons.insert_many(documents, session=store.session)


async def coupons(store: BenefitsStore, coupon_ids: Iterable[str]) -> dict[str, Coupon]:
    """Those of the coupons that there are, by id."""
    wanted = {"_id": {"$in": sorted(set(coupon_ids))}}
    found = store.database.coupons.find(wanted, session=store.session)
    return {document["_id"]: _coupon_from(document) async for document in found}


async def named(
    store: BenefitsStore, program_id: str, coupon_ids: Sequence[str], digests: Sequence[bytes]
) -> tuple[dict[str, Coupon], dict[bytes, Coupon]]:
    """The coupons of a program by id, and by the digest of their code: in one read, whatever there is."""
    wanted = {
        "program_id": program_id,
        "$or": [{"_id": {"$in": list(coupon_ids)}}, {"code_digest": {"$in": list(digests)}}],
    }
    by_id, by_digest = {}, {}
    async for document in store.database.coupons.find(wanted, session=store.session):
        coupon = _coupon_from(document)
        by_id[coupon.coupon_id] = coupon
        if "code_digest" in document:
            by_digest[bytes(document["code_digest"])] = coupon
    return by_id, by_digest


async def of_campaign(
    store: BenefitsStore, campaign_id: str, *, after: str | None, limit: int
) -> list[Coupon]:
    """Coupons of a campaign, oldest first."""
    wanted: Document = {"campaign_id": campaign_id}
    if after is not None:
        wanted["_id"] = {"$gt": after}
    found = store.database.coupons.find(wanted, session=store.session).sort("_id", 1).limit(limit)
    return [_coupon_from(document) async for document in found]


async def of_member(store: BenefitsStore, program_id: str, member_id: str, limit: int) -> list[Coupon]:
    """The coupons that a member was given, latest first."""
    wanted = {"member_id": member_id, "program_id": program_id}
    found = store.database.coupons.find(wanted, session=store.session).sort("_id", -1).limit(limit)
    return [_coupon_from(document) async for document in found]


async def held_by(store: BenefitsStore, campaign_id: str, member_ids: Iterable[str]) -> dict[str, str]:
    """The coupon of a campaign that each of the members was given by the staff, by member."""
    wanted = {
        "campaign_id": campaign_id,
        "member_id": {"$in": sorted(set(member_ids))},
        "redemption_id": None,
    }
    # Beside those with codes, hundreds of thousands in one campaign, members' are few.
    found = store.database.coupons.find(wanted, {"member_id": 1}, session=store.session).hint(GIVEN)
    return {document["member_id"]: document["_id"] async for document in found}


async def unused(store: BenefitsStore, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Of members and campaigns, how many good coupons they have that no check ever took."""
    if not pairs:
        return {}
    wanted = {
        "campaign_id": {"$in": sorted({campaign_id for _, campaign_id in pairs})},
        "member_id": {"$in": sorted({member_id for member_id, _ in pairs})},
        "void": False,
        "taken_count": 0,
    }
    summed: list[dict[str, Any]] = [
        {"$match": wanted},
        {"$group": {"_id": {"member": "$member_id", "campaign": "$campaign_id"}, "count": {"$sum": 1}}},
    ]
    found = store.database.coupons.aggregate(summed, session=store.session, hint=GIVEN)
    return {(each["_id"]["member"], each["_id"]["campaign"]): each["count"] async for each in found}


async def make_void(store: BenefitsStore, coupon_id: str) -> None:
    """Take a coupon out of use."""
    await store.database.coupons.update_one(
        {"_id": coupon_id}, {"$set": {"void": True}}, session=store.session
    )


async def take(store: BenefitsStore, coupon_id: str, uses_max: int) -> bool:
    """Take one use of a coupon, as long as it is good and has one left."""
    result = await store.database.coupons.update_one(
        {"_id": coupon_id, "void": False, "taken_count": {"$lt": uses_max}},
        {"$inc": {"taken_count": 1}},
        session=store.session,
    )
    return result.modified_count == 1


async def give_back(store: BenefitsStore, coupon_ids: Iterable[str]) -> None:
    """Give back one use of each of these, as often as it is named."""
    counted = sorted(Counter(coupon_ids).items())
    writes = [UpdateOne({"_id": key}, {"$inc": {"taken_count": -count}}) for key, count in counted]
    if writes:
        await store.database.coupons.bulk_write(writes, ordered=False, session=store.session)


async def reserved(store: BenefitsStore, coupon_ids: Sequence[str]) -> Mapping[str, int]:
    """How many uses of each coupon are reserved and not paid."""
    summed: list[dict[str, Any]] = [
        {"$match": {"status": "open", "items.coupon_id": {"$in": list(coupon_ids)}}},
        {"$unwind": "$items"},
        {"$group": {"_id": "$items.coupon_id", "count": {"$sum": 1}}},
    ]
    found = store.database.coupon_reservations.aggregate(summed, session=store.session)
    return Counter({each["_id"]: each["count"] async for each in found})


# Who took how many: a member of a campaign, or a member's first order.


async def taken(store: BenefitsStore, takers: Sequence[str]) -> dict[str, int]:
    """How much each of these has taken; nothing is not told."""
    if not takers:
        return {}
    found = store.database.coupon_takers.find({"_id": {"$in": list(takers)}}, session=store.session)
    return {document["_id"]: document["taken_count"] async for document in found}


async def take_as(store: BenefitsStore, taker: str, most: int) -> bool:
    """Take one more as this taker, who may have so many."""
    if (await taken(store, [taker])).get(taker, 0) >= most:
        return False
    await store.database.coupon_takers.update_one(
        {"_id": taker}, {"$inc": {"taken_count": 1}}, upsert=True, session=store.session
    )
    return True


async def give_back_as(store: BenefitsStore, takers: Iterable[str]) -> None:
    """Give back one of each of these takers, as often as it is named."""
    counted = sorted(Counter(takers).items())
    writes = [UpdateOne({"_id": key}, {"$inc": {"taken_count": -count}}) for key, count in counted]
    if writes:
        await store.database.coupon_takers.bulk_write(writes, ordered=False, session=store.session)


async def count_wrong(store: BenefitsStore, guessers: Sequence[str], count: int, until: datetime) -> None:
    """Count wrong codes of those who guess; what is counted ends by itself."""
    writes = [
        UpdateOne({"_id": each}, {"$inc": {"count": count}, "$set": {"until": until}}, upsert=True)
        for each in guessers
    ]
    await store.database.coupon_guesses.bulk_write(writes, ordered=False)


async def wrong(store: BenefitsStore, guessers: Sequence[str]) -> dict[str, int]:
    """How many wrong codes each of those who guess has tried."""
    found = store.database.coupon_guesses.find({"_id": {"$in": list(guessers)}})
    return {document["_id"]: document["count"] async for document in found}


async def ensure_coupon_indexes(database: Database) -> None:
    """A code is unique by its digest, a campaign's coupon by its member, a reservation by its check."""
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.coupon_campaigns.create_index([("program_id", 1), ("key", 1)], unique=True)
    await database.coupons.create_index(
        "code_digest", unique=True, partialFilterExpression={"code_digest": {"$exists": True}}
    )
    await database.coupons.create_index([("campaign_id", 1), ("_id", 1)])
    of_members: Document = {"member_id": {"$gt": ""}}
    await database.coupons.create_index(
        [("campaign_id", 1), ("member_id", 1), ("redemption_id", 1)],
        unique=True,
        partialFilterExpression=of_members,
        name=GIVEN,
    )
    if GIVEN_BEFORE in await database.coupons.index_information():
        await database.coupons.drop_index(GIVEN_BEFORE)
    await database.coupons.create_index(
        [("member_id", 1), ("_id", -1)], partialFilterExpression=of_members, name="of_member"
    )
    reservations = database.coupon_reservations
    await reservations.create_index([("program_id", 1), ("source", 1), ("check_ref", 1)], unique=True)
    for name, keys in (
        ("ending", [("program_id", 1), ("expire_time", 1), ("_id", 1)]),
        ("of_campaign", [("items.campaign_id", 1)]),
        ("of_coupon", [("items.coupon_id", 1)]),
    ):
        await reservations.create_index(keys, name=name, partialFilterExpression={"status": "open"})
    await database.coupon_guesses.create_index("until", expireAfterSeconds=0)


def _fields(coupon: Coupon) -> Document:
    """All but the id; without a redemption where none gave it, so that members have one of these."""
    fields = asdict(coupon)
    del fields["coupon_id"]
    if not coupon.redemption_id:
        del fields["redemption_id"]
    return fields


def _coupon_from(document: Mapping[str, Any]) -> Coupon:
    hidden = {"_id", "program_id", "code_digest"}
    fields = {name: value for name, value in document.items() if name not in hidden}
    return Coupon(coupon_id=document["_id"], **fields)
