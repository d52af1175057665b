"""Simulations in the graph: started by who changes the program, shown with the version, moves in pages."""

from typing import Any

from laurel.benefits.v1 import simulations_pb2 as pb
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_simulations import MOVES, SIMULATION
from tests.gateway.world import PROGRAM, member_id

COST = "points liabilityMinor benefitsMinor discountsMinor"
RETURN = "revenueMinor marginMinor costMinor netMinor roiBp"
STAND = "tiers { tier members } upgraded downgraded"
RESULT = f"""
  members
  impacts {{ tierSet tiers flows {{ fromTier toTier count }} upgraded downgraded stayed }}
  histories {{
    tierSet tiers flows {{ fromTier toTier count }} losing gaining
    dates {{ time live {{ {STAND} }} draft {{ {STAND} }} }}
  }}
  money {{
    currency live {{ {COST} }} draft {{ {COST} }} revenueAtStakeMinor revenueGainingMinor days
    expectedRedemptionBp low {{ {RETURN} }} high {{ {RETURN} }}
  }}
  remarks {{ code side keys }}
"""
RUN = f"""
  id version liveVersion digest state dates asOf assumed askedBy askedTime startTime endTime done total
  resultDigest assumptions {{ lossHighBp unboundedUses }} result {{ {RESULT} }}
"""
OF_VERSIONS = f"{{ programVersions(first: 3) {{ edges {{ node {{ version simulation {{ {RUN} }} }} }} }} }}"
MOVED = """
query($id: ID!, $after: String, $direction: SimulatedDirection) {
  simulation(simulationId: $id) {
    moves(first: 2, after: $after, direction: $direction) {
      edges { cursor node { memberId tierSet fromTier toTier upgraded } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
START = """
mutation($input: SimulateProgramVersionInput!) {
  simulateProgramVersion(input: $input) {
    ... on Simulating { simulation { id state total result { members } } }
    ... on Refused { reason }
  }
}
"""
AT = "1998-07-01T12:00:00+00:00"


def as_a(graph: Graph, role: str) -> str:
    return graph.token("staff", PROGRAM, subject="ann", roles=[role])


async def test_a_version_has_what_it_would_do_beside_it(graph: Graph) -> None:
    token = as_a(graph, "analyst")

    data = await graph.data(OF_VERSIONS, token=token)

    latest, live, first = [each["node"] for each in data["programVersions"]["edges"]]
    assert (latest["version"], live["version"], first["simulation"]) == (3, 2, None)
    assert latest["simulation"] == live["simulation"]
    run = latest["simulation"]
    result = run.pop("result")
    assert run == {
        "id": SIMULATION,
        "version": 3,
        "liveVersion": 2,
        "digest": f"{3:064x}",
        "state": "DONE",
        "dates": [AT],
        "asOf": AT,
        "assumed": ["loss_high_bp"],
        "askedBy": "max",
        "askedTime": AT,
        "startTime": AT,
        "endTime": AT,
        "done": 1,
        "total": 1,
        "resultDigest": "a" * 64,
        "assumptions": {"lossHighBp": 2_000, "unboundedUses": 12},
    }
    assert result["impacts"][0]["flows"] == [{"fromTier": "gold", "toTier": "silver", "count": 1}]
    (history,) = result["histories"]
    assert history["dates"][0]["live"]["tiers"] == [{"tier": "gold", "members": 1}]
    assert history["dates"][0]["draft"]["tiers"] == [{"tier": "silver", "members": 1}]
    assert result["money"]["live"]["points"] == 2**40
    assert (result["money"]["low"]["roiBp"], result["money"]["high"]["roiBp"]) == (None, 0)
    assert result["remarks"] == [{"code": "BENEFITS_WITHOUT_COST", "side": "live", "keys": ["lounge"]}]
    assert graph.services.asked.calls["BatchGetSimulations"] == 1


async def _moves(graph: Graph, token: str, **variables: str) -> Any:
    return (await graph.data(MOVED, token=token, id=SIMULATION, **variables))["simulation"]["moves"]


async def test_whom_it_would_move_comes_in_pages(graph: Graph) -> None:
    token = as_a(graph, "compliance_officer")

    first = await _moves(graph, token)
    rest = await _moves(graph, token, after=first["pageInfo"]["endCursor"], direction="DOWN")

    shown = [each["node"]["memberId"] for each in (*first["edges"], *rest["edges"])]
    assert shown == [member_id(place) for place in range(MOVES)]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    asked = graph.services.asked.requests["ListSimulatedMoves"]
    assert asked.direction == pb.SIMULATED_DIRECTION_DOWN


async def test_an_analyst_sees_what_it_would_do_and_not_to_whom(graph: Graph) -> None:
    answer = await graph.ask(MOVED, id=SIMULATION, token=as_a(graph, "analyst"))

    assert answer["data"]["simulation"] is None or answer["data"]["simulation"]["moves"] is None
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_run_is_started_with_days_and_assumptions(graph: Graph) -> None:
    fields = {
        "requestId": "req_1",
        "version": 3,
        "dates": ["1998-06-30T12:00:00-04:00"],
        "assumptions": {"grossMarginBp": 4_000},
    }

    answer = await graph.data(START, token=as_a(graph, "operations_manager"), input=fields)

    assert answer["simulateProgramVersion"] == {
        "simulation": {"id": SIMULATION, "state": "WAITING", "total": None, "result": None}
    }
    asked = graph.services.asked.requests["SimulateProgramVersion"]
    assert (asked.version, asked.request_id, asked.months) == (3, "req_1", 0)
    assert asked.assumptions == pb.SimulationAssumptions(gross_margin_bp=4_000)
    assert len(asked.dates) == 1


async def test_a_refusal_is_a_value(graph: Graph) -> None:
    fields = {"requestId": REFUSED, "version": 3, "months": 6}

    answer = await graph.data(START, token=as_a(graph, "operations_manager"), input=fields)

    assert answer["simulateProgramVersion"] == {"reason": "MEMBER_UNKNOWN"}


async def test_a_simulation_that_is_gone_is_null(graph: Graph) -> None:
    query = "query($id: ID!) { simulation(simulationId: $id) { id } }"

    found = await graph.data(query, token=as_a(graph, "analyst"), id="sim_" + "2" * 32)

    assert found == {"simulation": None}
