"""The indexes and validators of the risk database."""

from libs.common.mongo import Database, Document, ensure_collection, ensure_common_indexes
from services.risk.domain.integrity import INTEGRITY_MAX, INTEGRITY_MIN
from services.risk.repository.limits import ensure_limit_refusals

_WHOLE = {"bsonType": ["int", "long"]}
VALIDATORS: dict[str, Document] = {
    "profiles": {
        "required": ["program_id", "verification", "integrity", "level", "seq", "applied_seq"],
        "properties": {
            "integrity": {**_WHOLE, "minimum": INTEGRITY_MIN, "maximum": INTEGRITY_MAX},
            "reporters": {**_WHOLE, "minimum": 0},
            "seq": {**_WHOLE, "minimum": 1},
            "applied_seq": {**_WHOLE, "minimum": 0},
        },
    },
    "integrity_changes": {
        "required": ["program_id", "member_id", "seq", "before", "after"],
        "properties": {"seq": {**_WHOLE, "minimum": 1}},
    },
    "reports": {
        "required": ["program_id", "member_id", "reporter", "reason", "status", "counts", "reported_time"],
        "properties": {
            "status": {"enum": ["open", "upheld", "dismissed", "expired"]},
            "counts": {"bsonType": "bool"},
        },
    },
}


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.profiles.create_index([("program_id", 1), ("level", 1)])
    await database.profiles.create_index("next_change_time", sparse=True)
    await database.integrity_changes.create_index([("member_id", 1), ("seq", 1)], unique=True)
    await database.reports.create_index("member_id", partialFilterExpression={"counts": True}, name="counted")
    await database.reports.create_index(
        [("member_id", 1), ("reporter.kind", 1), ("reporter.subject", 1)],
        unique=True,
        partialFilterExpression={"status": "open"},
    )
    await ensure_limit_refusals(database)
    # Lists, by what they are filtered with.
    await database.reports.create_index([("program_id", 1), ("_id", 1)])
    await database.reports.create_index([("program_id", 1), ("status", 1), ("_id", 1)])
    await database.reports.create_index([("program_id", 1), ("member_id", 1), ("_id", 1)])
