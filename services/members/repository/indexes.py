"""The indexes and validators of the members database."""

from libs.common.mongo import Database, Document, drop_index, ensure_collection, ensure_common_indexes

_WHOLE = {"bsonType": ["int", "long"]}
_COUNTS: Document = {
    "bsonType": "object",
    "additionalProperties": {
        "bsonType": "object",
        "properties": {"count": _WHOLE, "amount_minor": _WHOLE, "quantity": _WHOLE},
    },
}
VALIDATORS: dict[str, Document] = {
    "members": {
        "required": ["program_id", "identities", "registered_time", "seq", "lifetime", "version"],
        "properties": {"seq": {**_WHOLE, "minimum": 0}, "lifetime": _COUNTS, "version": _WHOLE},
    },
    "events": {
        "required": [
            "program_id",
            "member_id",
            "seq",
            "kind",
            "source",
            "external_ref",
            "line",
            "payload_digest",
        ],
        "properties": {
            "seq": {**_WHOLE, "minimum": 1},
            "amount_minor": {**_WHOLE, "minimum": 0},
            "after": _COUNTS,
        },
    },
    "member_days": {"required": ["member_id", "date", "kinds"], "properties": {"kinds": _COUNTS}},
}


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.members.create_index(
        [("program_id", 1), ("identities.source", 1), ("identities.external_id", 1)], unique=True
    )
    await database.members.create_index([("program_id", 1), ("_id", 1)])
    # For those who see a part of the members only.
    for home in ("store_id", "sharing_group", "identities.0.source"):
        await database.members.create_index([("program_id", 1), (home, 1), ("_id", 1)])
    # Those whom the calendar has to look after, the longest absent first.
    await database.members.create_index(
        [("program_id", 1), ("absent_since", 1), ("_id", 1)],
        partialFilterExpression={"absent_since": {"$exists": True}},
    )
    # Which tier sets there are is up to the programs, so their keys are indexed as they come.
    await database.members.create_index([("tiers.$**", 1)])
    business_key = [("program_id", 1), ("source", 1), ("external_ref", 1), ("line", 1), ("kind", 1)]
    await database.events.create_index(business_key, unique=True)
    await database.events.create_index([("member_id", 1), ("seq", 1)], unique=True)
    await database.events.create_index([("member_id", 1), ("business_date", 1)])
    # Refunds only, so that other events pay nothing for it.
    await database.events.create_index(
        [("program_id", 1), ("source", 1), ("original.external_ref", 1)],
        partialFilterExpression={"original.external_ref": {"$exists": True}},
    )
    await database.reveals.create_index("expires", expireAfterSeconds=0)
    await database.break_glasses.create_index("expires", expireAfterSeconds=0)
    await database.break_glasses.create_index([("program_id", 1), ("_id", -1)])
    # Whole programs are read in its order. With the counts in it they were read a seventh faster, and each
    # event cost the database twice as much of its day.
    await database.member_days.create_index([("member_id", 1), ("date", 1)])
    await drop_index(database.member_days, "member_id_1_date_1_kinds_1")
