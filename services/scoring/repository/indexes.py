"""The indexes and validators of the scoring database."""

from libs.common.mongo import Database, Document, ensure_collection, ensure_common_indexes
from services.scoring.domain.models import Stage

_WHOLE = {"bsonType": ["int", "long"], "minimum": 1}
MODELS: Document = {
    "required": ["program_id", "kind", "version", "serial", "stage", "digest", "document", "author"],
    "properties": {
        "version": _WHOLE,
        "serial": _WHOLE,
        "stage": {"enum": [str(each) for each in Stage]},
        "document": {"bsonType": "binData"},
        "facts": {"bsonType": "array", "maxItems": 50},
        "history": {"bsonType": "array", "maxItems": 50},
    },
}


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    await ensure_collection(database, "models", MODELS)
    await database.models.create_index([("program_id", 1), ("kind", 1), ("version", 1)], unique=True)
    await database.models.create_index("digest", unique=True)
    for stage in (Stage.CHAMPION, Stage.CHALLENGER):
        await database.models.create_index(
            [("program_id", 1), ("kind", 1)],
            unique=True,
            name=str(stage),
            partialFilterExpression={"stage": str(stage)},
        )
    # Lists, by what they are filtered with.
    await database.models.create_index([("program_id", 1), ("serial", -1)])
    await database.models.create_index([("program_id", 1), ("kind", 1), ("serial", -1)])
    await database.models.create_index("stage")
