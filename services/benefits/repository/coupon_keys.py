"""How the keys are kept by which codes of coupons are digested: one for each program, sealed."""

from collections.abc import AsyncIterator

from services.benefits.repository.store import BenefitsStore


async def sealed_key(store: BenefitsStore, program_id: str) -> bytes | None:
    """The key of a program, sealed."""
    found = await store.database.coupon_keys.find_one({"_id": program_id})
    return None if found is None else bytes(found["sealed"])


async def add(store: BenefitsStore, program_id: str, sealed: bytes) -> None:
    """Keep the key of a program, unless it has one: a key is for ever."""
    await store.database.coupon_keys.update_one(
        {"_id": program_id}, {"$setOnInsert": {"sealed": sealed}}, upsert=True
    )


async def all_sealed(store: BenefitsStore) -> AsyncIterator[tuple[str, bytes]]:
    """The keys of all programs."""
    async for document in store.database.coupon_keys.find({}):
        yield document["_id"], bytes(document["sealed"])


async def replace(store: BenefitsStore, program_id: str, before: bytes, sealed: bytes) -> None:
    """Keep the same key sealed otherwise."""
    await store.database.coupon_keys.update_one(
        {"_id": program_id, "sealed": before}, {"$set": {"sealed": sealed}}
    )
