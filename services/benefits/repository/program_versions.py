"""Versions of programs as Mongo documents, from the proposal on."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.mongo import Document
from libs.common.plain import asdict
from services.benefits.domain.program_changes import Change, Recalculation, State
from services.benefits.repository.store import BenefitsStore

_RECALCULATION = "recalculation"
_FIELDS = {"_id", "version", "status", "document", _RECALCULATION, "recorded_time", "touched"}


async def one(store: BenefitsStore, program_id: str, number: int) -> Change | None:
    """A version of a program."""
    found = await several(store, program_id, [number])
    return found.get(number)


async def several(store: BenefitsStore, program_id: str, numbers: Sequence[int]) -> dict[int, Change]:
    """Those of some versions that there are."""
    ids = [_id(program_id, number) for number in set(numbers)]
    found = store.database.programs.find({"_id": {"$in": ids}}, session=store.session)
    return {each["version"]: _change_from(each) async for each in found}


async def page(store: BenefitsStore, program_id: str, *, before: int | None, limit: int) -> list[Change]:
    """Versions below a number, the latest first."""
    wanted: Document = {"program_id": program_id}
    if before is not None:
        wanted["version"] = {"$lt": before}
    found = store.database.programs.find(wanted, session=store.session).sort("version", -1).limit(limit)
    return [_change_from(each) async for each in found]


async def next_number(store: BenefitsStore, program_id: str) -> int:
    """The number of the version that comes next; another who takes it at once lets neither in twice."""
    latest = await page(store, program_id, before=None, limit=1)
    return latest[0].number + 1 if latest else 1


async def keep(store: BenefitsStore, change: Change, now: datetime) -> None:
    """Store a version, new or as it is now; what was live before one that is live is retired."""
    if change.state is State.LIVE:
        others = {"program_id": change.program_id, "status": State.LIVE, "version": {"$ne": change.number}}
        retired = {"$set": {"status": State.RETIRED}}
        await store.database.programs.update_many(others, retired, session=store.session)
    fields = asdict(change)
    document = {
        "_id": _id(change.program_id, fields.pop("number")),
        "version": change.number,
        "status": str(fields.pop("state")),
        **fields,
        "recorded_time": now,
    }
    await store.database.programs.replace_one(
        {"_id": document["_id"]}, document, upsert=True, session=store.session
    )


async def touch(store: BenefitsStore, program_id: str, number: int) -> None:
    """Write a version as it is: of two who decide by what they count about it, one comes first."""
    found = {"_id": _id(program_id, number)}
    await store.database.programs.update_one(found, {"$inc": {"touched": 1}}, session=store.session)


async def due(store: BenefitsStore, program_id: str, until: datetime, limit: int) -> list[Change]:
    """The versions that take effect by a time, the soonest first."""
    wanted = {"program_id": program_id, "status": State.SCHEDULED, "effective_time": {"$lte": until}}
    found = store.database.programs.find(wanted, session=store.session)
    ordered = found.sort([("effective_time", 1), ("version", 1)]).limit(limit)
    return [_change_from(each) async for each in ordered]


async def recalculating(store: BenefitsStore) -> list[Change]:
    """The live versions by which not all members have been decided on again."""
    wanted = {"status": State.LIVE, f"{_RECALCULATION}.end_time": None, _RECALCULATION: {"$type": "object"}}
    found = store.database.programs.find(wanted).sort("_id", 1)
    return [_change_from(each) async for each in found]


async def advance(store: BenefitsStore, change: Change, run: Recalculation) -> bool:
    """Keep how far a run is, in the transaction of what it did; not where another has gone on with it."""
    before = change.recalculation
    assert before is not None
    result = await store.database.programs.update_one(
        {
            "_id": _id(change.program_id, change.number),
            "status": State.LIVE,
            f"{_RECALCULATION}.after": before.after,
            f"{_RECALCULATION}.end_time": None,
        },
        {"$set": {_RECALCULATION: asdict(run)}},
        session=store.session,
    )
    return bool(result.matched_count)


def _id(program_id: str, number: int) -> str:
    return f"{program_id}@{number}"


def _change_from(document: Document) -> Change:
    run = document.get(_RECALCULATION)
    fields = {name: value for name, value in document.items() if name not in _FIELDS}
    return Change(
        number=document["version"],
        state=State(document["status"]),
        document=bytes(document["document"]),
        recalculation=None if run is None else Recalculation(**run),
        **fields,
    )
