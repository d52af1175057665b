"""The indexes and validators of the benefits database."""

from libs.common.mongo import Database, Document, ensure_collection, ensure_common_indexes
from services.benefits.domain.ledger import ISSUER

_WHOLE = {"bsonType": ["int", "long"]}
VALIDATORS: dict[str, Document] = {
    "accounts": {
        "required": ["program_id", "owner", "currency", "stripe", "balance", "held", "seq"],
        "properties": {"balance": _WHOLE, "held": {**_WHOLE, "minimum": 0}, "seq": {**_WHOLE, "minimum": 0}},
        # Members never hold less than nothing; the issuer owes what they hold.
        "anyOf": [
            {"properties": {"owner": {"bsonType": "string", "pattern": f"^{ISSUER}:"}}},
            {"properties": {"balance": {"minimum": 0}}},
        ],
    },
    "entries": {
        "required": [
            "program_id",
            "transaction_id",
            "account_id",
            "seq",
            "points",
            "balance_after",
            "digest",
        ],
        "properties": {"seq": {**_WHOLE, "minimum": 1}, "points": _WHOLE, "balance_after": _WHOLE},
    },
    "lots": {
        "required": [
            "program_id",
            "account_id",
            "transaction_id",
            "earned",
            "remaining",
            "active_time",
            "digest",
        ],
        "properties": {"earned": {**_WHOLE, "minimum": 1}, "remaining": {**_WHOLE, "minimum": 0}},
    },
    "transactions": {
        "required": ["program_id", "kind", "source", "external_ref", "line", "points", "digest"],
        "properties": {"points": {**_WHOLE, "minimum": 0}},
    },
    "memberships": {
        "required": ["program_id", "member_id", "tier_set", "tier", "seq", "applied_seq", "version"],
        "properties": {
            "seq": {**_WHOLE, "minimum": 1},
            "applied_seq": {**_WHOLE, "minimum": 0},
            "version": _WHOLE,
        },
    },
}


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.programs.create_index([("program_id", 1), ("version", 1)], unique=True)
    await database.memberships.create_index([("member_id", 1), ("tier_set", 1)])
    await database.decisions.create_index([("membership", 1), ("seq", 1)], unique=True)
    await database.decisions.create_index(
        [("membership", 1), ("seq", -1)], name="changes", partialFilterExpression={"changed": True}
    )
    await database.accounts.create_index([("owner", 1), ("currency", 1), ("stripe", 1)], unique=True)
    business_key = [("program_id", 1), ("source", 1), ("external_ref", 1), ("line", 1), ("kind", 1)]
    await database.transactions.create_index(business_key, unique=True)
    await database.entries.create_index([("account_id", 1), ("seq", 1)], unique=True)
    await database.entries.create_index("transaction_id")
    await database.lots.create_index("account_id")
