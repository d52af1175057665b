"""Months of usage as Mongo documents, and what they are counted from, by page of members."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from libs.common.mongo import Database, Document
from services.benefits.domain.coupon_reservations import ReservationStatus
from services.benefits.domain.usage import (
    Item,
    Month,
    Tally,
    TierChange,
    UsageKind,
    UsageMonth,
    UsageState,
    Used,
)
from services.benefits.repository.redemptions import COUNTED
from services.benefits.repository.store import BenefitsStore

TAKEN = {"status": {"$in": [ReservationStatus.USED.value, ReservationStatus.RETURNED.value]}}
MonthUsage = Mapping[str, Mapping[Item, Used]]
"""What members used in a month, by member."""


async def ensure_usage_indexes(database: Database) -> None:
    """A month is counted once; what members used is found by when, whatever they used before."""
    await database.usage_months.create_index([("program_id", 1), ("month", -1)], unique=True)
    await database.benefit_uses.create_index([("member_id", 1), ("used_time", 1)], name="by_time")
    await database.redemptions.create_index(
        [("member_id", 1), ("day", 1)], name="by_day", partialFilterExpression=COUNTED
    )
    await database.coupon_reservations.create_index(
        [("member_id", 1), ("reserved_time", 1)], name="by_time", partialFilterExpression=TAKEN
    )


async def latest(store: BenefitsStore, program_id: str) -> UsageMonth | None:
    """The latest month that is known of a program."""
    found = await store.database.usage_months.find_one({"program_id": program_id}, sort=[("month", -1)])
    return None if found is None else _month_from(found)


async def begin(store: BenefitsStore, month: UsageMonth) -> None:
    """Keep a month that nobody has kept."""
    await store.database.usage_months.update_one(
        {"_id": _id(month)}, {"$setOnInsert": _document(month)}, upsert=True
    )


async def go_on(store: BenefitsStore, before: UsageMonth, after: UsageMonth) -> bool:
    """Keep how far counting is; not where another has gone on from there, or published."""
    there = {
        "_id": _id(before),
        "state": UsageState.COUNTING,
        "after": before.after,
        "program_version": before.program_version,
    }
    replaced = await store.database.usage_months.replace_one(there, _document(after))
    return bool(replaced.matched_count)


async def published(store: BenefitsStore, program_id: str, *, before: str, limit: int) -> list[bytes]:
    """The figures of months, latest first, before a month where one is named."""
    wanted: Document = {"program_id": program_id, "state": UsageState.PUBLISHED}
    if before:
        wanted["month"] = {"$lt": before}
    found = store.database.usage_months.find(wanted, {"figures": 1}).sort("month", -1).limit(limit)
    return [bytes(each["figures"]) async for each in found]


def _id(month: UsageMonth) -> str:
    return f"{month.program_id}@{month.month.key}"


def _document(month: UsageMonth) -> Document:
    """A month; what was counted is kept until its figures are."""
    document: Document = {
        "_id": _id(month),
        "program_id": month.program_id,
        "month": month.month.key,
        "state": month.state.value,
        "program_version": month.program_version,
    }
    if month.state is UsageState.PUBLISHED:
        return document | {"figures": month.figures}
    return document | {"after": month.after, "tally": _tally_document(month.tally)}


def _month_from(document: Document) -> UsageMonth:
    return UsageMonth(
        program_id=document["program_id"],
        month=Month.parse(document["month"]),
        state=UsageState(document["state"]),
        program_version=document["program_version"],
        after=document.get("after", ""),
        tally=_tally_from(document["tally"]) if "tally" in document else Tally(),
        figures=bytes(document.get("figures", b"")),
    )


def _tally_document(tally: Tally) -> Document:
    """As rows: keys are no names of fields."""
    return {
        "members": tally.members,
        "holders": [[*place, count] for place, count in tally.holders.items()],
        "used": [
            [kind.value, key, *place, each.users, each.uses, each.units, each.points, each.value_minor]
            for (kind, key), by_place in tally.used.items()
            for place, each in by_place.items()
        ],
    }


def _tally_from(document: Document) -> Tally:
    used: dict[Item, dict[tuple[str, str], Used]] = {}
    for kind, key, tier_set, tier, *counts in document["used"]:
        used.setdefault((UsageKind(kind), key), {})[tier_set, tier] = Used(*counts)
    holders = Counter({(tier_set, tier): count for tier_set, tier, count in document["holders"]})
    return Tally(document["members"], holders, used)


# What is counted.


async def changes(
    store: BenefitsStore, membership_ids: Collection[str], since: datetime
) -> dict[str, list[TierChange]]:
    """The changes of tiers of some memberships since a time, in their order."""
    wanted = {"membership": {"$in": sorted(membership_ids)}, "changed": True, "as_of": {"$gte": since}}
    fields = {"membership": 1, "from_tier": 1, "to_tier": 1, "as_of": 1}
    found: dict[str, list[TierChange]] = defaultdict(list)
    if membership_ids:
        # In the order of their index, backwards.
        ordered = store.database.decisions.find(wanted, fields).sort([("membership", -1), ("seq", 1)])
        async for each in ordered.hint("changes"):
            change = TierChange(each["from_tier"], each["to_tier"], each["as_of"])
            found[each["membership"]].append(change)
    return found


async def used(
    store: BenefitsStore, program_id: str, member_ids: Sequence[str], month: Month, time_zone: str
) -> MonthUsage:
    """What members used in a month, of what was not taken back."""
    begin, end = month.begin(time_zone), month.following.begin(time_zone)
    of_members: Document = {"member_id": {"$in": list(member_ids)}, "program_id": program_id}
    uses: list[dict[str, Any]] = [
        {"$match": {**of_members, "used_time": {"$gte": begin, "$lt": end}, "cancelled": False}},
        {"$group": {**_by("benefit"), "units": {"$sum": "$amount"}}},
    ]
    days = {"$gte": month.first.isoformat(), "$lt": month.following.first.isoformat()}
    redemptions: list[dict[str, Any]] = [
        {"$match": {**of_members, **COUNTED, "day": days}},
        {
            "$group": {
                **_by("reward_id"),
                "points": {"$sum": "$price_points"},
                "value_minor": {"$sum": "$value_minor"},
            }
        },
    ]
    coupons: list[dict[str, Any]] = [
        {"$match": {**of_members, **TAKEN, "reserved_time": {"$gte": begin, "$lt": end}}},
        {"$unwind": "$items"},
        {"$match": {"$expr": {"$not": {"$in": ["$items.coupon_id", "$returned_coupon_ids"]}}}},
        {"$group": {**_by("items.campaign_id"), "value_minor": {"$sum": "$items.off_minor"}}},
    ]
    database = store.database
    found: dict[str, dict[Item, Used]] = defaultdict(dict)
    for kind, rows in (
        (UsageKind.BENEFIT, database.benefit_uses.aggregate(uses, hint="by_time")),
        (UsageKind.REWARD, database.redemptions.aggregate(redemptions, hint="by_day")),
        (UsageKind.COUPON_CAMPAIGN, database.coupon_reservations.aggregate(coupons, hint="by_time")),
    ):
        async for each in rows:
            key = each.pop("_id")
            item = kind, key["item"].removeprefix(f"{program_id}/")
            found[key["member"]][item] = Used(users=1, **each)
    return found


def _by(item: str) -> Document:
    return {"_id": {"member": "$member_id", "item": f"${item}"}, "uses": {"$sum": 1}}
