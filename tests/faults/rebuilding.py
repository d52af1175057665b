"""E2: with the streams gone and what consumers keep removed, the outbox brings all of it back as it was."""

import asyncio
import hashlib
import json
from collections.abc import Mapping

from tests.faults import dump
from tests.faults.checkers.findings import Finding, lost
from tests.faults.cluster import Cluster
from tests.faults.world import World

REBUILT_SECONDS = 120.0
POLL_SECONDS = 0.5

State = Mapping[str, object]


async def check(cluster: Cluster, world: World) -> list[Finding]:
    """Forget everything that can be rebuilt, and wait until it is as before; for ever it is not waited."""
    before = await _state(cluster, world)
    await _forget(cluster, world)
    if await _state(cluster, world) == before:
        return [lost("E2", "what consumers keep", "nothing was forgotten, so nothing is shown")]
    await cluster.flush()
    try:
        async with asyncio.timeout(REBUILT_SECONDS):
            while (after := await _state(cluster, world)) != before:
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        other = sorted(key for key in before if after.get(key) != before[key])
        return [lost("E2", "what consumers keep", f"{len(other)} differ after a replay, such as {other[:2]}")]
    return []


async def _state(cluster: Cluster, world: World) -> State:
    """What consumers keep of each member that follows from announcements alone, as digests."""
    of_program = {"program_id": world.program_id}
    members, risk = (dump.database(cluster.client, name) for name in ("members", "risk"))
    found = {f"tiers {each['_id']}": each["tiers"] async for each in members.members.find(of_program)}
    async for each in risk.profiles.find({**of_program, "_id": {"$nin": world.reported}}):
        kept = ("verification", "reporters", "integrity", "level", "seq", "applied_seq")
        found[f"profile {each['_id']}"] = {name: each[name] for name in kept}
    return {name: _digest(value) for name, value in found.items()}


async def _forget(cluster: Cluster, world: World) -> None:
    """Remove the tiers that members shows, and the profiles of risk but of those who were reported."""
    of_program = {"program_id": world.program_id}
    members, risk = (dump.database(cluster.client, name) for name in ("members", "risk"))
    await members.members.update_many(of_program, {"$set": {"tiers": {}}})
    gone = [each["_id"] async for each in members.members.find(of_program, {"_id": 1})]
    gone = sorted(set(gone) - set(world.reported))
    await risk.outbox.delete_many({"subject": {"$in": gone}})
    await risk.integrity_changes.delete_many({"member_id": {"$in": gone}})
    await risk.profiles.delete_many({"_id": {"$in": gone}})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
