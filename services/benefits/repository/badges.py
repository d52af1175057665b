"""How badges are kept: a counter for each, and records that are only ever added, for their chain."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from prometheus_client import Gauge
from pymongo import ReturnDocument

from libs.common.badge_policy import Badge
from libs.common.canonical import canonical
from libs.common.chains.documents import CODEC, position_in, text_in, time_in
from libs.common.chains.sequencer import Chained
from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.badges import BADGES, BadgeAct, BadgeContent, BadgeRecord, HeldBadge
from services.benefits.repository.chaining import PLACE, ensure_rooted_chain
from services.benefits.repository.store import BenefitsStore

BADGES_CHAINED = Chained(
    chain=BADGES,
    records="badge_records",
    heads="badge_heads",
    digest="leaf",
    waiting_count=Gauge(
        "laurel_badges_unsequenced", "Records of badges that wait for their place in the chain.", ["service"]
    ),
    waiting_seconds=Gauge(
        "laurel_badges_unsequenced_age_seconds",
        "Age of the oldest record of a badge that waits for its place in the chain.",
        ["service"],
    ),
    sweep_seconds=3.0,
    roots="badge_roots",
)
_WHOLE = {"bsonType": ["int", "long"]}
_COUNT = {**_WHOLE, "minimum": 0}
VALIDATORS: dict[str, Document] = {
    "badge_counters": {
        "required": ["issued", "revoked"],
        "properties": {"issued": _COUNT, "revoked": _COUNT},
    },
    "badge_records": {
        "required": ["program_id", "act", "badge_id", "key", "serial", "limit", "member_id", "leaf"],
        "properties": {
            "act": {"enum": list(BadgeAct)},
            "serial": {**_WHOLE, "minimum": 1},
            "limit": _COUNT,
        },
    },
}
_OF_CHAIN = frozenset(PLACE) - {"recorded_time"}


async def ensure_badge_indexes(database: Database) -> None:
    """Validators and indexes; a serial is issued once and revoked once, whoever writes."""
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await ensure_rooted_chain(database, BADGES_CHAINED)
    records = database.badge_records
    await records.create_index([("program_id", 1), ("key", 1), ("serial", 1), ("act", 1)], unique=True)
    await records.create_index([("badge_id", 1), ("act", 1)], unique=True)
    await records.create_index([("program_id", 1), ("member_id", 1), ("act", 1), ("_id", -1)])


async def take(store: BenefitsStore, program_id: str, badge: Badge) -> int | None:
    """Take the next serial, first in the transaction; None when all were issued.

    A transaction that fails takes none, so there are no gaps.
    """
    counters, name = store.database.badge_counters, {"_id": f"{program_id}/{badge.key}"}
    left = {} if badge.limit is None else {"issued": {"$lt": badge.limit}}
    found: Document | None = await counters.find_one_and_update(
        {**name, **left},
        {"$inc": {"issued": 1}},
        return_document=ReturnDocument.AFTER,
        session=store.session,
    )
    if found is not None:
        return int(found["issued"])
    if await counters.find_one(name, session=store.session) is not None:
        return None
    await counters.insert_one({**name, "issued": 1, "revoked": 0}, session=store.session)
    return 1


async def count_revoked(store: BenefitsStore, badge: BadgeRecord) -> None:
    """Count one that is revoked, where it meets those that issue and revoke others of its key."""
    await store.database.badge_counters.update_one(
        {"_id": f"{badge.program_id}/{badge.key}"}, {"$inc": {"revoked": 1}}, session=store.session
    )


async def add(store: BenefitsStore, record: BadgeRecord) -> None:
    """Keep a new record, which waits for its place in the chain."""
    fields = asdict(record)
    document = {"_id": fields.pop("record_id"), **fields, "leaf": record.leaf(), "unsequenced": True}
    await store.database.badge_records.insert_one(document, session=store.session)


async def one(store: BenefitsStore, program_id: str, badge_id: str) -> HeldBadge | None:
    """A badge of the program."""
    found = await _records(store, {"program_id": program_id, "badge_id": badge_id})
    return next(iter(_held(found).values()), None)


async def held(store: BenefitsStore, program_id: str, member_id: str, key: str) -> HeldBadge | None:
    """The badge of a key that a member has, if they have one."""
    found = await _records(store, {"program_id": program_id, "member_id": member_id, "key": key})
    return next((each for each in _held(found).values() if each.revoked is None), None)


async def of_member(store: BenefitsStore, program_id: str, member_id: str, limit: int) -> list[HeldBadge]:
    """The badges that a member was given, latest first."""
    wanted = {"program_id": program_id, "member_id": member_id, "act": BadgeAct.ISSUED}
    issued = store.database.badge_records.find(wanted, session=store.session).sort("_id", -1).limit(limit)
    given = [record_from(each) async for each in issued]
    if not given:
        return []
    ended = {"badge_id": {"$in": [each.badge_id for each in given]}, "act": BadgeAct.REVOKED}
    return list(_held([*given, *await _records(store, ended)]).values())


async def several(
    store: BenefitsStore, program_id: str, serials: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], tuple[HeldBadge, list[BadgeContent]]]:
    """Those of the badges that were issued, by key and serial, and what the chain covers of each."""
    named = [{"key": key, "serial": serial} for key, serial in sorted(set(serials))]
    collection = store.database.get_collection(BADGES_CHAINED.records, codec_options=CODEC)
    kept: dict[tuple[str, int], list[Document]] = {}
    wanted = {"program_id": program_id, "$or": named}
    async for each in collection.find(wanted, session=store.session).sort("act", 1):
        kept.setdefault((each["key"], each["serial"]), []).append(each)
    return {
        place: (badge, [content_from(each) for each in found])
        for place, found in kept.items()
        for badge in _held([record_from(each) for each in found]).values()
    }


def content_from(document: Document) -> BadgeContent:
    """What the chain covers of a record, as it is even where somebody has changed it."""
    return BadgeContent(
        record_id=text_in(document.get("_id")),
        badge=_text(document, BadgeRecord.badge_part),
        owner=_text(document, BadgeRecord.owner_part),
        act=_text(document, BadgeRecord.act_part),
        leaf=text_in(document.get("leaf")),
        recorded_time=time_in(document.get("recorded_time")),
        position=position_in(document.get("position")),
        chain_hash=text_in(document.get("chain_hash", "")),
    )


def record_from(document: Document) -> BadgeRecord:
    """The record of a document."""
    fields = {name: each for name, each in document.items() if name not in {"_id", "act", *_OF_CHAIN}}
    return BadgeRecord(record_id=document["_id"], act=BadgeAct(document["act"]), **fields)


def _text(document: Document, part: Callable[[BadgeRecord], Mapping[str, object]]) -> str:
    """The canonical JSON of a part; of a record that is not ours any more a text with another digest."""
    try:
        return canonical(part(record_from(document))).decode()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"unreadable: {type(error).__name__}"


async def _records(store: BenefitsStore, wanted: Document) -> list[BadgeRecord]:
    found = store.database.badge_records.find(wanted, session=store.session)
    return [record_from(each) async for each in found]


def _held(records: Sequence[BadgeRecord]) -> dict[str, HeldBadge]:
    """Badges by id, in the order in which the records have their issue."""
    ended = {each.badge_id: each for each in records if each.act is BadgeAct.REVOKED}
    return {
        each.badge_id: HeldBadge(each, ended.get(each.badge_id))
        for each in records
        if each.act is BadgeAct.ISSUED
    }
