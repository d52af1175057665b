"""Changes of a program under attack, and decisions explained: requests about both."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1.simulations_pb2 import SimulationAssumptions
from libs.cli import program_changes, programs, simulations
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from libs.common.program import Dormancy, Program

# What each request is about, so that it is as it has to be: once for controls, once for replays, once for the
# graph. Of the retired ones each has rules of its own, so that rolling back to it changes something.
ONCE, AGAIN, GRAPH = "once", "again", "graph"
USES = (ONCE, AGAIN, GRAPH)
# A draft that is looked at and never decided on.
RUN = "run"
RETIRED = {ONCE: 1, AGAIN: 2, GRAPH: 3}
PART = 1_000


class Versions(BaseModel):
    """Versions of a program by what they are for: drafts, simulated ones, and approved ones."""

    drafts: dict[str, int]
    simulated: dict[str, int]
    digests: dict[str, str]
    approved: dict[str, int]


def varied(program: Program, days: int) -> Program:
    """The program, but that its members fall asleep after so many days."""
    return program.model_copy(update={"dormancy": Dormancy(after_days=days), "version": 0})


async def history(clients: Clients, program: Program) -> None:
    """Publish what is retired when the program is live."""
    for number in RETIRED.values():
        await programs.publish(clients, varied(program, 300 + number))
    await programs.publish(clients, program)


async def versions(run: RunFile, program: Program) -> Versions:
    """Versions on their way to be live, each proposed by one person and decided on by another."""
    key = program.key
    manager = staff_token(run, key, ["operations_manager"])
    officer = staff_token(run, key, ["compliance_officer"], subject="an_officer")
    async with connected(run, manager) as staff, connected(run, officer) as other:
        drafts = {use: await _proposed(staff, program, 400 + n) for n, use in enumerate((*USES, RUN))}
        simulated = {use: await _simulated(staff, program, 500 + n) for n, use in enumerate(USES)}
        approved = {use: await _simulated(staff, program, 600 + n) for n, use in enumerate(USES)}
        for each in approved.values():
            await program_changes.approve(other, each)
    return Versions(
        drafts={use: each.version for use, each in drafts.items()},
        simulated={use: each.version for use, each in simulated.items()},
        digests={use: each.digest for use, each in simulated.items()},
        approved={use: each.version for use, each in approved.items()},
    )


async def _proposed(staff: Clients, program: Program, days: int) -> pb.ProgramVersion:
    return await program_changes.propose(staff, varied(program, days), "members sleep later")


async def _simulated(staff: Clients, program: Program, days: int) -> pb.ProgramVersion:
    draft = await _proposed(staff, program, days)
    asked = await simulations.start(
        staff, program.key, draft.version, dates=[], months=1, assumptions=SimulationAssumptions()
    )
    await simulations.followed(staff, asked, lambda _: None)
    return draft


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


def _draft(shop: Any) -> bytes:
    return varied(Program.parse(shop.document), 700).canonical()


def _parts(document: bytes) -> list[str]:
    text = document.decode()
    return [text[start : start + PART] for start in range(0, len(text), PART)]


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "ProposeProgram": lambda shop: {**_named(shop), "document": _draft(shop), "note": "later"},
    "ApproveProgramVersion": lambda shop: {
        **_named(shop),
        "version": shop.versions.simulated[ONCE],
        "digest": shop.versions.digests[ONCE],
    },
    "RejectProgramVersion": lambda shop: {
        **_named(shop),
        "version": shop.versions.drafts[ONCE],
        "reason": "a typo",
    },
    "PublishProgramVersion": lambda shop: {
        **_named(shop),
        "version": shop.versions.approved[ONCE],
        "effective_time": {"seconds": 4_000_000_000},
    },
    "RollBackProgram": lambda shop: {
        **_named(shop),
        "to_version": RETIRED[ONCE],
        "reason": "complaints",
    },
    "ListProgramVersions": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "BatchReplayDecisions": lambda shop: {
        "program_id": shop.program_id,
        "decision_ids": shop.decisions[:2],
    },
    "FindPaths": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "tier_set": "main",
        "target_tier": "gold",
    },
    "GetKeeping": lambda shop: {
        "program_id": shop.program_id,
        "member_id": shop.members[0],
        "tier_set": "main",
    },
    "BatchFindPaths": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"member_id": shop.members[0], "tier_set": "main"}],
    },
    "BatchGetKeepings": lambda shop: {
        "program_id": shop.program_id,
        "keys": [{"member_id": shop.members[0], "tier_set": "main"}],
    },
    "ReplayReceipts": lambda shop: {
        "program_digest": shop.digest,
        "program_document": shop.document,
        "receipts": [
            {
                "tier_set": "main",
                "from_tier": "normal",
                "as_of": {"seconds": 900_000_000},
                "cause": {"run_id": "run_1"},
                "facts": [{"name": "purchase.amount_minor.lifetime", "value": 100}],
            }
        ],
    },
    "FindTierPaths": lambda shop: {
        "program_digest": shop.digest,
        "program_document": shop.document,
        "tier_set": "main",
        "tier": "normal",
        "target_tier": "gold",
        "now": {"seconds": 900_000_000},
        "by_time": {"seconds": 900_086_400},
        "facts": [{"name": "purchase.amount_minor.lifetime", "value": 100}],
    },
    "BatchGetProgramVersions": lambda shop: {"program_id": shop.program_id, "versions": [1, 2]},
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "decision": lambda shop: {"decisionId": shop.decisions[0]},
    "programVersions": lambda shop: {"first": 2, "after": None},
    "proposeProgram": lambda shop: {
        "input": {"requestId": new_id("req"), "documentParts": _parts(_draft(shop)), "note": "later"}
    },
    "approveProgramVersion": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "version": shop.versions.simulated[GRAPH],
            "digest": shop.versions.digests[GRAPH],
        }
    },
    "rejectProgramVersion": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "version": shop.versions.drafts[GRAPH],
            "reason": "a typo",
        }
    },
    "publishProgramVersion": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "version": shop.versions.approved[GRAPH],
            "effectiveTime": "2096-10-02T07:06:40Z",
        }
    },
    "rollBackProgram": lambda shop: {
        "input": {"requestId": new_id("req"), "toVersion": RETIRED[GRAPH], "reason": "complaints"}
    },
}
