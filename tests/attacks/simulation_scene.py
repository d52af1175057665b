"""Simulations of versions under attack: requests about them, and walks of members."""

from collections.abc import Callable, Mapping
from typing import Any

from laurel.benefits.v1.simulations_pb2 import SimulationAssumptions
from libs.cli import program_changes, simulations
from libs.cli.clients import connected, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id
from libs.common.program import Program
from tests.attacks import program_scene


async def runs(run: RunFile, program: Program) -> list[str]:
    """What a version would do that asks for the same in another name."""
    renamed = program.model_copy(update={"industry": f"{program.industry}_again"})
    async with connected(run, staff_token(run, program.key, ["operations_manager"])) as staff:
        draft = await program_changes.propose(staff, renamed, "another name")
        asked = await simulations.start(
            staff, program.key, draft.version, dates=[], months=1, assumptions=SimulationAssumptions()
        )
        await simulations.followed(staff, asked, lambda _: None)
    return [asked.simulation_id]


def _run(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "simulation_id": shop.simulations[0]}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "SimulateProgramVersion": lambda shop: {
        "program_id": shop.program_id,
        "request_id": new_id("req"),
        "version": shop.versions.drafts[program_scene.RUN],
        "dates": [{"seconds": 880_000_000}],
        "assumptions": {"gross_margin_bp": 4_000},
    },
    "BatchGetSimulations": lambda shop: {"program_id": shop.program_id, "simulation_ids": shop.simulations},
    "ListSimulations": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "ListSimulatedMoves": _run,
    "WatchSimulation": _run,
    "SuggestThresholds": lambda shop: {
        "program_id": shop.program_id,
        "factors_bp": [9_000],
        "months": 2,
        "members_max": 10,
    },
    "WalkTiers": lambda shop: {
        "header": {
            "programs": [{"program_digest": shop.digest, "program_document": shop.document}],
            "facts": ["purchase.amount_minor.lifetime"],
            "dates": [{"seconds": 880_000_000}],
        }
    },
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "simulation": lambda shop: {"simulationId": shop.simulations[0]},
    "simulateProgramVersion": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "version": shop.versions.drafts[program_scene.RUN],
            "dates": ["1997-11-20T07:06:40Z"],
            "assumptions": {"grossMarginBp": 4_000},
        }
    },
}
