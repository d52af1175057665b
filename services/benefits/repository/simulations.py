"""Simulations as Mongo documents: runs, what their parts counted, and whom they would move."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from pymongo import InsertOne

from libs.common.mongo import Database, Document
from libs.common.plain import asdict
from services.benefits.domain.memberships import membership_id
from services.benefits.domain.simulation_tallies import Tally
from services.benefits.domain.simulations import KEPT_MAX, Assumptions, Simulation, SimulationState
from services.benefits.repository.store import BenefitsStore

_TALLY = TypeAdapter(Tally)
_UNENDED = [SimulationState.WAITING, SimulationState.RUNNING]


@dataclass(frozen=True, slots=True)
class Move:
    """A membership that a version would move; `place` is its id, by which moves are in order."""

    program_id: str
    member_id: str
    tier_set: str
    from_tier: str
    to_tier: str
    upgraded: bool

    @property
    def place(self) -> str:
        """The key of the membership."""
        return membership_id(self.program_id, self.member_id, self.tier_set)


async def ensure_simulation_indexes(database: Database) -> None:
    """Make what is missing."""
    await database.simulations.create_index([("program_id", 1), ("asked_time", -1), ("_id", -1)])
    await database.simulations.create_index(
        [("asked_time", 1), ("_id", 1)],
        name="unended",
        partialFilterExpression={"state": {"$in": _UNENDED}},
    )
    await database.simulation_parts.create_index([("simulation_id", 1), ("part", 1)], unique=True)
    await database.simulation_moves.create_index([("simulation_id", 1), ("place", 1)], unique=True)


async def several(store: BenefitsStore, program_id: str, ids: Sequence[str]) -> dict[str, Simulation]:
    """Those of some runs of a program that there are."""
    wanted = {"_id": {"$in": sorted(set(ids))}, "program_id": program_id}
    found = store.database.simulations.find(wanted, session=store.session)
    return {each["_id"]: _simulation_from(each) async for each in found}


async def one(store: BenefitsStore, program_id: str, simulation_id: str) -> Simulation | None:
    """A run of a program."""
    return (await several(store, program_id, [simulation_id])).get(simulation_id)


async def progress(store: BenefitsStore, program_id: str, simulation_id: str) -> Simulation | None:
    """A run without its result."""
    wanted = {"_id": simulation_id, "program_id": program_id}
    found = await store.database.simulations.find_one(wanted, {"result": 0}, session=store.session)
    return None if found is None else _simulation_from(found)


async def page(
    store: BenefitsStore,
    program_id: str,
    *,
    version: int | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Simulation]:
    """Runs of a program without their results, the latest first."""
    wanted: Document = {"program_id": program_id}
    if version is not None:
        wanted["version"] = version
    if before is not None:
        time, last = before
        wanted["$or"] = [{"asked_time": {"$lt": time}}, {"asked_time": time, "_id": {"$lt": last}}]
    found = store.database.simulations.find(wanted, {"result": 0}, session=store.session)
    ordered = found.sort([("asked_time", -1), ("_id", -1)]).limit(limit)
    return [_simulation_from(each) async for each in ordered]


async def waiting_count(store: BenefitsStore, program_id: str) -> int:
    """How many runs of a program have not ended."""
    wanted = {"program_id": program_id, "state": {"$in": _UNENDED}}
    return await store.database.simulations.count_documents(wanted, session=store.session)


async def unended(store: BenefitsStore) -> list[Simulation]:
    """The runs that have not ended, of each program the one that is next."""
    found = store.database.simulations.find({"state": {"$in": _UNENDED}}).sort(
        [("asked_time", 1), ("_id", 1)]
    )
    next_ones: dict[str, Simulation] = {}
    async for each in found:
        next_ones.setdefault(each["program_id"], _simulation_from(each))
    return list(next_ones.values())


async def keep(store: BenefitsStore, simulation: Simulation) -> None:
    """Store a run that is new."""
    await store.database.simulations.insert_one(_document(simulation), session=store.session)


async def advance(store: BenefitsStore, before: Simulation, after: Simulation) -> bool:
    """Keep how far a run is, in the transaction of what it did; not where another has gone on with it."""
    result = await store.database.simulations.replace_one(
        {"_id": before.simulation_id, "state": before.state, "parts_done": before.parts_done},
        _document(after),
        session=store.session,
    )
    return bool(result.matched_count)


async def keep_part(
    store: BenefitsStore, simulation: Simulation, tally: Tally, moves: Sequence[Move]
) -> None:
    """Store what the next part of a run counted, and whom it would move."""
    part = {"simulation_id": simulation.simulation_id, "part": simulation.parts_done, "tally": asdict(tally)}
    await store.database.simulation_parts.insert_one(part, session=store.session)
    if moves:
        await store.database.simulation_moves.bulk_write(
            [
                InsertOne({"simulation_id": simulation.simulation_id, "place": each.place, **asdict(each)})
                for each in moves
            ],
            ordered=False,
            session=store.session,
        )


async def parts(store: BenefitsStore, simulation_id: str) -> list[Tally]:
    """What the parts of a run counted, in order."""
    found = store.database.simulation_parts.find({"simulation_id": simulation_id}).sort("part", 1)
    return [_TALLY.validate_python(each["tally"]) async for each in found]


async def moves(
    store: BenefitsStore, simulation_id: str, *, upgraded: bool | None, after: str, limit: int
) -> list[Move]:
    """Whom a run would move, in order of the memberships."""
    wanted: Document = {"simulation_id": simulation_id, "place": {"$gt": after}}
    if upgraded is not None:
        wanted["upgraded"] = upgraded
    found = store.database.simulation_moves.find(wanted, {"_id": 0, "simulation_id": 0, "place": 0})
    return [Move(**each) async for each in found.sort("place", 1).limit(limit)]


async def forget_parts(store: BenefitsStore, simulation_id: str) -> None:
    """Let go of what the parts of a run counted, which its result has."""
    await store.database.simulation_parts.delete_many({"simulation_id": simulation_id})


async def forget_old(store: BenefitsStore, program_id: str) -> None:
    """Let go of all runs that have ended but the last ones; first of what is theirs."""
    ended = {"program_id": program_id, "state": {"$nin": _UNENDED}}
    found = store.database.simulations.find(ended, {"_id": 1})
    old = [each["_id"] async for each in found.sort([("asked_time", -1), ("_id", -1)]).skip(KEPT_MAX)]
    for simulation_id in old:
        await store.database.simulation_moves.delete_many({"simulation_id": simulation_id})
        await forget_parts(store, simulation_id)
        await store.database.simulations.delete_one({"_id": simulation_id})


def _document(simulation: Simulation) -> Document:
    fields = asdict(simulation)
    return {"_id": fields.pop("simulation_id"), **fields, "state": str(simulation.state)}


def _simulation_from(document: Document) -> Simulation:
    fields = {name: value for name, value in document.items() if name != "_id"}
    for name in ("dates", "assumed", "ends"):
        fields[name] = tuple(fields[name])
    fields |= {
        "state": SimulationState(fields["state"]),
        "assumptions": Assumptions(**fields["assumptions"]),
        "result": bytes(fields.get("result", b"")),
    }
    return Simulation(simulation_id=document["_id"], **fields)
