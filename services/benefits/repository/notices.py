"""How notices and preferences are kept; each function works in the transaction of its store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pymongo import UpdateOne

from libs.common.mongo import Document
from libs.common.plain import asdict
from services.benefits.domain.notices import (
    Notice,
    NoticeCode,
    NoticeStatus,
    Occasion,
    Preferences,
    WithheldReason,
    marketing_day,
)
from services.benefits.repository.store import BenefitsStore

_KEY = ("member_id", "staff_role", "code", "cause")
_SENDING_ORDER = [("due_time", 1), ("seq", 1), ("_id", 1)]


async def without_notice(store: BenefitsStore, occasions: Sequence[Occasion]) -> list[Occasion]:
    """The occasions that have no notice yet, each once, in order.

    Found by a read: a duplicate key would end the whole transaction.
    """
    unique = {occasion.key: occasion for occasion in occasions}
    if not unique:
        return []
    # More than these: to plan an alternative for each takes longer than to read.
    several = {name: {"$in": sorted({key[place] for key in unique})} for place, name in enumerate(_KEY)}
    wanted = {"program_id": occasions[0].program_id, **several}
    found = store.database.notices.find(wanted, dict.fromkeys(_KEY, 1), session=store.session).hint("cause")
    made = {tuple(document[name] for name in _KEY) async for document in found}
    return [occasion for key, occasion in unique.items() if key not in made]


async def add(store: BenefitsStore, notices: Sequence[Notice], time_zone: str) -> None:
    """Keep new notices of a program of this time zone."""
    if notices:
        documents = [_document(notice, time_zone) for notice in notices]
        await store.database.notices.insert_many(documents, session=store.session)


async def told(store: BenefitsStore, member_ids: Iterable[str], day: date) -> dict[str, int]:
    """How much marketing each of the members gets on a day anyway."""
    counted: list[dict[str, Any]] = [
        {"$match": {"member_id": {"$in": sorted(set(member_ids))}, "marketing_day": day.isoformat()}},
        {"$group": {"_id": "$member_id", "count": {"$sum": 1}}},
    ]
    found = store.database.notices.aggregate(counted, session=store.session)
    return {document["_id"]: document["count"] async for document in found}


async def overtake_near_upgrades(store: BenefitsStore, members: Iterable[tuple[str, str]]) -> None:
    """Withhold what waits to be told to members whose tier in a tier set is another by now."""
    of_tier_sets: dict[str, list[str]] = {}
    for member_id, tier_set in members:
        of_tier_sets.setdefault(tier_set, []).append(member_id)
    await _overtake(
        store,
        [
            {
                "member_id": {"$in": sorted(member_ids)},
                "code": NoticeCode.NEAR_UPGRADE,
                "params.tier_set": tier_set,
            }
            for tier_set, member_ids in of_tier_sets.items()
        ],
        {member_id for member_ids in of_tier_sets.values() for member_id in member_ids},
    )


async def overtake_wake_ups(store: BenefitsStore, spells: Sequence[tuple[str, int]]) -> None:
    """Withhold what waits to be told to members whose spell of dormancy is over by now."""
    await _overtake(
        store,
        [
            {"member_id": member_id, "code": NoticeCode.WAKE_UP, "cause": str(spell)}
            for member_id, spell in spells
        ],
        {member_id for member_id, _ in spells},
    )


async def overtake_contract_endings(store: BenefitsStore, contracts: Sequence[tuple[str, str]]) -> None:
    """Withhold what waits to be told to members whose contract goes on, or is over, by now."""
    await _overtake(
        store,
        [
            {"member_id": member_id, "code": NoticeCode.CONTRACT_ENDING, "params.contract_id": contract_id}
            for member_id, contract_id in contracts
        ],
        {member_id for member_id, _ in contracts},
    )


async def _overtake(store: BenefitsStore, wanted: Sequence[Document], member_ids: Iterable[str]) -> None:
    if not wanted:
        return
    members = {"$in": sorted(member_ids)}
    # Found by their members: to plan an alternative for each takes longer than to read what these were told.
    await store.database.notices.update_many(
        {"member_id": members, "status": NoticeStatus.SCHEDULED, "$or": list(wanted)},
        _withholding(WithheldReason.OVERTAKEN),
        hint="of_member",
        session=store.session,
    )


async def waiting_programs(store: BenefitsStore) -> list[str]:
    """The programs that have notices to be sent."""
    return sorted(await store.database.notices.distinct("program_id", {"status": NoticeStatus.SCHEDULED}))


async def due(store: BenefitsStore, program_id: str, time: datetime, limit: int) -> list[Notice]:
    """The notices that are due at a time of the program, in the order in which they are to be told."""
    wanted = {"program_id": program_id, "status": NoticeStatus.SCHEDULED, "due_time": {"$lte": time}}
    found = store.database.notices.find(wanted, session=store.session).sort(_SENDING_ORDER).limit(limit)
    return [_notice(document) async for document in found]


async def settle(store: BenefitsStore, sent: Sequence[Notice], withheld: Mapping[str, str]) -> None:
    """Mark notices as sent, and others, by their ids, as withheld for a reason."""
    marks = [
        UpdateOne({"_id": notice.notice_id}, {"$set": {"status": NoticeStatus.SENT}}) for notice in sent
    ] + [UpdateOne({"_id": notice_id}, _withholding(reason)) for notice_id, reason in withheld.items()]
    if marks:
        await store.database.notices.bulk_write(marks, ordered=False, session=store.session)


async def of_member(store: BenefitsStore, program_id: str, member_id: str, limit: int) -> list[Notice]:
    """The notices for a member, latest first."""
    wanted = {"program_id": program_id, "member_id": member_id, "staff_role": ""}
    found = store.database.notices.find(wanted, session=store.session)
    return [_notice(document) async for document in found.sort("_id", -1).limit(limit)]


async def of_staff(
    store: BenefitsStore, program_id: str, roles: Iterable[str], *, after: str | None, limit: int
) -> list[Notice]:
    """The notices for some groups of the staff, latest first."""
    wanted: Document = {"program_id": program_id, "staff_role": {"$in": sorted({*roles} - {""})}}
    if after is not None:
        wanted["_id"] = {"$lt": after}
    # Few of all notices are for the staff, so going through all by their ids would take long.
    found = store.database.notices.find(wanted, session=store.session).hint("of_staff")
    return [_notice(document) async for document in found.sort("_id", -1).limit(limit)]


async def known_members(store: BenefitsStore, program_id: str, member_ids: Iterable[str]) -> set[str]:
    """Those who are members of the program."""
    wanted = {"_id": {"$in": sorted(set(member_ids))}, "program_id": program_id}
    found = store.database.homes.find(wanted, {"_id": 1}, session=store.session)
    return {document["_id"] async for document in found}


async def preferences(store: BenefitsStore, member_ids: Iterable[str]) -> dict[str, Preferences]:
    """What those members want who have said it."""
    wanted = {"_id": {"$in": sorted(set(member_ids))}}
    found = store.database.notice_preferences.find(wanted, session=store.session)
    return {
        document["_id"]: Preferences(document["_id"], document["marketing"], frozenset(document["muted"]))
        async for document in found
    }


async def keep_preferences(store: BenefitsStore, program_id: str, wanted: Preferences, now: datetime) -> None:
    """Keep what a member wants, instead of what they wanted before."""
    await store.database.notice_preferences.replace_one(
        {"_id": wanted.member_id},
        {
            "program_id": program_id,
            "marketing": wanted.marketing,
            "muted": sorted(wanted.muted),
            "changed_time": now,
        },
        upsert=True,
        session=store.session,
    )


def _withholding(reason: str) -> Document:
    """What is withheld counts for no day's cap."""
    return {
        "$set": {"status": NoticeStatus.WITHHELD, "withheld_reason": reason},
        "$unset": {"marketing_day": ""},
    }


def _document(notice: Notice, time_zone: str) -> Document:
    fields = asdict(notice)
    day = marketing_day(notice, time_zone)
    return {
        "_id": fields.pop("notice_id"),
        **fields,
        "params": dict(notice.params),
        **({} if day is None else {"marketing_day": day.isoformat()}),
    }


def _notice(document: Document) -> Notice:
    fields = {name: value for name, value in document.items() if name not in {"_id", "marketing_day"}}
    return Notice(
        notice_id=document["_id"],
        **{
            **fields,
            "code": NoticeCode(document["code"]),
            "status": NoticeStatus(document["status"]),
        },
    )
