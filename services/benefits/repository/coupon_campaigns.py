"""How campaigns of coupons are kept, and how what they may give is taken, in the transaction of a store."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pymongo import ReturnDocument

from libs.common.documents import Text
from libs.common.mongo import Document
from services.benefits.domain.coupons import (
    COUPONS_MAX,
    Campaign,
    CouponKind,
    Step,
    Terms,
    campaign_id,
)
from services.benefits.repository.store import BenefitsStore


async def campaigns(store: BenefitsStore, campaign_ids: Iterable[str]) -> dict[str, Campaign]:
    """Those of the campaigns that there are, by id."""
    wanted = sorted(set(campaign_ids))
    if not wanted:
        return {}
    found = store.database.coupon_campaigns.find({"_id": {"$in": wanted}}, session=store.session)
    return {document["_id"]: _campaign_from(document) async for document in found}


async def page(store: BenefitsStore, program_id: str, *, after: str | None, limit: int) -> list[Campaign]:
    """Campaigns of a program, by key."""
    wanted: Document = {"program_id": program_id}
    if after is not None:
        wanted["key"] = {"$gt": after}
    found = store.database.coupon_campaigns.find(wanted, session=store.session)
    return [_campaign_from(document) async for document in found.sort("key", 1).limit(limit)]


async def add(store: BenefitsStore, campaign: Campaign) -> None:
    """Keep a new campaign; two of one key meet at its id, and the second looks again."""
    terms = campaign.terms
    document = {
        "_id": campaign.campaign_id,
        **asdict(campaign),
        "name": campaign.name.model_dump(),
        "terms": {**asdict(terms), "kind": terms.kind.value},
    }
    await store.database.coupon_campaigns.insert_one(document, session=store.session)


async def set_paused(store: BenefitsStore, campaign_id: str, *, paused: bool) -> None:
    """Stop a campaign, or let it go on."""
    await store.database.coupon_campaigns.update_one(
        {"_id": campaign_id}, {"$set": {"paused": paused}}, session=store.session
    )


async def count_made(
    store: BenefitsStore, program_id: str, key: str, *, codes: int = 0, issued: int = 0
) -> bool:
    """Count coupons that are made; False when there is no such campaign, or it would have too many."""
    room = COUPONS_MAX - codes - issued
    wanted = {
        "_id": campaign_id(program_id, key),
        "$expr": {"$lte": [{"$add": ["$codes_count", "$issued_count"]}, room]},
    }
    result = await store.database.coupon_campaigns.update_one(
        wanted, {"$inc": {"codes_count": codes, "issued_count": issued}}, session=store.session
    )
    return result.modified_count == 1


async def promise(store: BenefitsStore, program_id: str, key: str) -> Campaign | None:
    """Count a coupon that a reward gives, as long as all its uses are left; gives the campaign as it was.

    None when it has none to give; `coupon_rewards.against_all` says why.
    """
    made: Document = {"$add": ["$codes_count", "$issued_count"]}
    good = {"$add": [{"$subtract": [made, "$void_count"]}, 1]}
    promised = {"$multiply": [good, "$terms.uses_per_coupon_max"]}
    room = [
        {"$lt": [made, COUPONS_MAX]},
        {"$or": [{"$eq": ["$terms.uses_max", 0]}, {"$lte": [promised, "$terms.uses_max"]}]},
    ]
    wanted = {"_id": campaign_id(program_id, key), "paused": False, "$expr": {"$and": room}}
    found = await store.database.coupon_campaigns.find_one_and_update(
        wanted,
        {"$inc": {"issued_count": 1}},
        return_document=ReturnDocument.BEFORE,
        session=store.session,
    )
    return None if found is None else _campaign_from(found)


async def count_void(store: BenefitsStore, campaign_id: str) -> None:
    """Count a coupon that is taken out of use."""
    await store.database.coupon_campaigns.update_one(
        {"_id": campaign_id}, {"$inc": {"void_count": 1}}, session=store.session
    )


async def take(store: BenefitsStore, campaign: Campaign, off_minor: int) -> bool:
    """Take one use, and so much money, as long as the campaign is live and has both left."""
    terms = campaign.terms
    wanted: Document = {"_id": campaign.campaign_id, "paused": False}
    if terms.uses_max:
        wanted["taken_count"] = {"$lt": terms.uses_max}
    if terms.budget_minor:
        wanted["taken_minor"] = {"$lte": terms.budget_minor - off_minor}
    result = await store.database.coupon_campaigns.update_one(
        wanted, {"$inc": {"taken_count": 1, "taken_minor": off_minor}}, session=store.session
    )
    return result.modified_count == 1


async def give_back(store: BenefitsStore, campaign_id: str, *, count: int, off_minor: int) -> None:
    """Give back uses and money that were taken."""
    await store.database.coupon_campaigns.update_one(
        {"_id": campaign_id},
        {"$inc": {"taken_count": -count, "taken_minor": -off_minor}},
        session=store.session,
    )


async def open_uses(store: BenefitsStore, campaign_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many uses of each campaign are reserved and not paid, and for how much money."""
    wanted = sorted(set(campaign_ids))
    summed: list[dict[str, Any]] = [
        {"$match": {"status": "open", "items.campaign_id": {"$in": wanted}}},
        {"$unwind": "$items"},
        {
            "$group": {
                "_id": "$items.campaign_id",
                "count": {"$sum": 1},
                "minor": {"$sum": "$items.off_minor"},
            }
        },
    ]
    found = store.database.coupon_reservations.aggregate(summed, session=store.session)
    return {each["_id"]: (each["count"], each["minor"]) async for each in found}


def _campaign_from(document: Mapping[str, Any]) -> Campaign:
    terms = document["terms"]
    steps = tuple(Step(**each) for each in terms["steps"])
    of_terms = {**terms, "kind": CouponKind(terms["kind"]), "steps": steps, "tiers": tuple(terms["tiers"])}
    fields = {name: value for name, value in document.items() if name not in {"_id", "name", "terms"}}
    return Campaign(name=Text(**document["name"]), terms=Terms(**of_terms), **fields)
