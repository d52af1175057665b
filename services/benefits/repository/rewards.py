"""The catalogue of rewards, each with the counter of what is taken; all in the transaction of the store."""

from collections.abc import Iterable
from dataclasses import asdict

from pymongo import ReturnDocument

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.reward_windows import Hours, Window
from services.benefits.domain.rewards import Limits, Reward, RewardKind, Terms
from services.benefits.repository.store import BenefitsStore

_WHOLE = {"bsonType": ["int", "long"]}
_COUNT = {**_WHOLE, "minimum": 0}
_NO_COUNT = {"bsonType": ["int", "long", "null"], "minimum": 0}
VALIDATORS: dict[str, Document] = {
    "rewards": {
        "required": ["program_id", "reward_id", "version", "terms", "counted", "stocked", "taken", "ceiling"],
        "properties": {
            "version": {**_WHOLE, "minimum": 1},
            "counted": {"bsonType": "bool"},
            "stocked": _NO_COUNT,
            "ceiling": _NO_COUNT,
            "taken": _COUNT,
            "archived": {"bsonType": "bool"},
        },
    },
}


async def ensure_reward_indexes(database: Database) -> None:
    """A reward is found by its id, and listed by it."""
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    await database.rewards.create_index([("program_id", 1), ("reward_id", 1)], unique=True)


async def add(store: BenefitsStore, reward: Reward) -> None:
    """Keep a new reward; two of one id meet here, and the second looks again."""
    await store.database.rewards.insert_one(_document(reward), session=store.session)


async def replace(store: BenefitsStore, reward: Reward) -> None:
    """Keep a reward that was read in the same transaction; whoever takes one meanwhile meets it here."""
    key = {"_id": _key(reward.program_id, reward.reward_id)}
    await store.database.rewards.replace_one(key, _document(reward), session=store.session)


async def one(store: BenefitsStore, program_id: str, reward_id: str) -> Reward | None:
    return (await several(store, program_id, [reward_id])).get(reward_id)


async def several(store: BenefitsStore, program_id: str, reward_ids: Iterable[str]) -> dict[str, Reward]:
    """Those of the rewards that there are."""
    wanted = {"program_id": program_id, "reward_id": {"$in": sorted(set(reward_ids))}}
    found = store.database.rewards.find(wanted, session=store.session)
    return {document["reward_id"]: _from(document) async for document in found}


async def page(
    store: BenefitsStore,
    program_id: str,
    *,
    kind: RewardKind | None,
    archived: bool,
    after: str | None,
    limit: int,
) -> list[Reward]:
    """Rewards by id, from the one after a place on; archived ones too, or not."""
    wanted: Document = {"program_id": program_id}
    if kind is not None:
        wanted["terms.kind"] = kind
    if not archived:
        wanted["archived"] = False
    if after is not None:
        wanted["reward_id"] = {"$gt": after}
    found = store.database.rewards.find(wanted, session=store.session)
    return [_from(document) async for document in found.sort("reward_id", 1).limit(limit)]


async def take(store: BenefitsStore, program_id: str, reward_id: str) -> Reward | None:
    """Take one of a counted reward, first in the transaction; gives it as it was, None when none is left.

    One conditional update: two who want the last one meet in it, and the second finds none.
    """
    there = {
        "_id": _key(program_id, reward_id),
        "archived": False,
        "$or": [{"ceiling": None}, {"$expr": {"$lt": ["$taken", "$ceiling"]}}],
    }
    found = await store.database.rewards.find_one_and_update(
        there, {"$inc": {"taken": 1}}, return_document=ReturnDocument.BEFORE, session=store.session
    )
    return None if found is None else _from(found)


async def put_back(store: BenefitsStore, program_id: str, reward_id: str) -> None:
    """One that was taken may be had again."""
    await store.database.rewards.update_one(
        {"_id": _key(program_id, reward_id)}, {"$inc": {"taken": -1}}, session=store.session
    )


def _key(program_id: str, reward_id: str) -> str:
    return f"{program_id}/{reward_id}"


def _document(reward: Reward) -> Document:
    fields = asdict(reward)
    return {"_id": _key(reward.program_id, reward.reward_id), **fields, "ceiling": reward.ceiling}


def _from(document: Document) -> Reward:
    fields = {name: value for name, value in document.items() if name not in {"_id", "terms", "ceiling"}}
    return Reward(terms=_terms(document["terms"]), **fields)


def _terms(document: Document) -> Terms:
    window = document["window"]
    hours = tuple(
        Hours(each["from_minute"], each["to_minute"], tuple(each["weekdays"])) for each in window["hours"]
    )
    apart = {"kind", "name", "description", "window", "limits"}
    return Terms(
        kind=RewardKind(document["kind"]),
        name=(document["name"][0], document["name"][1]),
        description=(document["description"][0], document["description"][1]),
        window=Window(window["from_time"], window["until_time"], hours),
        limits=Limits(**document["limits"]),
        **{name: value for name, value in document.items() if name not in apart},
    )
