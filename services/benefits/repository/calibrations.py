"""Calibrations as Mongo documents: one of a program and period."""

from libs.common.mongo import Database, Document
from libs.common.plain import asdict
from services.benefits.domain.calibrations import CalibrationRun, CalibrationState
from services.benefits.repository.store import BenefitsStore


async def ensure_calibration_indexes(database: Database) -> None:
    """Make what is missing."""
    await database.calibrations.create_index([("program_id", 1), ("begin_time", -1)])
    await database.calibrations.create_index(
        [("begin_time", 1), ("_id", 1)],
        name="waiting",
        partialFilterExpression={"state": CalibrationState.WAITING},
    )


async def latest(store: BenefitsStore, program_id: str) -> CalibrationRun | None:
    """The one of the latest period."""
    wanted = {"program_id": program_id}
    found = await store.database.calibrations.find_one(
        wanted, sort=[("begin_time", -1)], session=store.session
    )
    return None if found is None else _run_from(found)


async def waiting(store: BenefitsStore, limit: int) -> list[CalibrationRun]:
    """Those that are to be gone through, the oldest first."""
    found = store.database.calibrations.find({"state": CalibrationState.WAITING})
    return [_run_from(each) async for each in found.sort([("begin_time", 1), ("_id", 1)]).limit(limit)]


async def keep(store: BenefitsStore, run: CalibrationRun) -> bool:
    """Store one that is new; gives whether it was."""
    result = await store.database.calibrations.update_one(
        {"_id": _id(run)}, {"$setOnInsert": _document(run)}, upsert=True, session=store.session
    )
    return result.upserted_id is not None


async def end(store: BenefitsStore, run: CalibrationRun) -> bool:
    """Keep what became of one; not where another has ended it."""
    result = await store.database.calibrations.update_one(
        {"_id": _id(run), "state": CalibrationState.WAITING}, {"$set": _document(run)}, session=store.session
    )
    return bool(result.matched_count)


def _id(run: CalibrationRun) -> str:
    return f"{run.program_id}@{run.period}"


def _document(run: CalibrationRun) -> Document:
    return {**asdict(run), "state": str(run.state)}


def _run_from(document: Document) -> CalibrationRun:
    fields = {name: value for name, value in document.items() if name != "_id"}
    return CalibrationRun(**fields | {"state": CalibrationState(fields["state"])})
