"""Simulations at the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import simulations_pb2 as pb
from laurel.benefits.v1 import simulations_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

SIMULATION = "sim_" + "1" * 32
MOVES = 3


def a_run(state: "pb.SimulationState.ValueType", **fields: Any) -> pb.Simulation:
    """A run of the third version that Max asked for."""
    return pb.Simulation(
        simulation_id=SIMULATION,
        program_id=world.PROGRAM,
        version=3,
        digest=f"{3:064x}",
        live_version=2,
        live_digest=f"{2:064x}",
        state=state,
        dates=[timestamp(world.NOON)],
        assumptions=pb.SimulationAssumptions(loss_high_bp=2_000, unbounded_uses=12),
        assumed=["loss_high_bp"],
        asked_by="max",
        asked_time=timestamp(world.NOON),
        **fields,
    )


def a_result() -> pb.SimulationResult:
    """One who would fall from gold to silver."""
    flow = pb.TierFlow(from_tier="gold", to_tier="silver", count=1)
    live, draft = (
        pb.SimulatedStand(tiers=[pb.TierCount(tier=tier, count=1)], upgraded_count=1)
        for tier in ("gold", "silver")
    )
    cost = pb.SimulatedCost(points=2**40, liability_minor=10, benefits_minor=20, discounts_minor=30)
    returned = pb.SimulatedReturn(revenue_minor=-50, margin_minor=-15, cost_minor=0, net_minor=-15)
    return pb.SimulationResult(
        impacts=[
            pb.SimulatedImpact(tier_set="main", tiers=["silver", "gold"], flows=[flow], downgraded_count=1)
        ],
        histories=[
            pb.SimulatedHistory(
                tier_set="main",
                tiers=["silver", "gold"],
                dates=[pb.SimulatedDate(time=timestamp(world.NOON), live=live, draft=draft)],
                flows=[flow],
                losing_count=1,
            )
        ],
        money=pb.SimulatedMoney(
            currency="USD",
            live=cost,
            draft=cost,
            revenue_at_stake_minor=250,
            days_count=31,
            expected_redemption_bp=10_000,
            low=returned,
            high=pb.SimulatedReturn(cost_minor=5, roi_bp=0),
        ),
        members_count=1,
        remarks=[pb.SimulationRemark(code="BENEFITS_WITHOUT_COST", side="live", keys=["lounge"])],
    )


class FakeSimulations(Fake, simulations_pb2_grpc.SimulationsServiceServicer):
    """One run that is done, and would move three members."""

    async def SimulateProgramVersion(
        self, request: pb.SimulateProgramVersionRequest, context: Context
    ) -> Any:
        await self.begin("SimulateProgramVersion", request)
        return pb.SimulateProgramVersionResponse(simulation=a_run(pb.SIMULATION_STATE_WAITING))

    async def BatchGetSimulations(self, request: pb.BatchGetSimulationsRequest, context: Context) -> Any:
        await self.begin("BatchGetSimulations", request)
        done = a_run(
            pb.SIMULATION_STATE_DONE,
            as_of=timestamp(world.NOON),
            start_time=timestamp(world.NOON),
            end_time=timestamp(world.NOON),
            done_count=1,
            total_count=1,
            result=a_result(),
            result_digest="a" * 64,
        )
        found = pb.SimulationLookup(status=FOUND, simulation=done)
        missing = pb.SimulationLookup(status=MISSING)
        return pb.BatchGetSimulationsResponse(
            results=[found if each == SIMULATION else missing for each in request.simulation_ids]
        )

    async def ListSimulatedMoves(self, request: pb.ListSimulatedMovesRequest, context: Context) -> Any:
        await self.begin("ListSimulatedMoves", request)
        first = int(page_after(request.page_token, request.simulation_id) or 0)
        last = min(first + request.page_size, MOVES)
        moves = [
            pb.SimulatedMove(
                member_id=world.member_id(place), tier_set="main", from_tier="gold", to_tier="silver"
            )
            for place in range(first, last)
        ]
        more = page_token(str(last), request.simulation_id) if last < MOVES else ""
        return pb.ListSimulatedMovesResponse(moves=moves, next_page_token=more)
