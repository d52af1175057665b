"""Simulations on the wire."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.common.plain import asdict
from libs.common.rpc.time import timestamp
from services.benefits.domain.simulation_results import Cost, Money, Remark, Return, Sides
from services.benefits.domain.simulation_tallies import ImpactTally, LadderTally, SideTally, Tally
from services.benefits.domain.simulations import ASSUMED, Assumptions, Simulation


def assumptions_of(message: pb.SimulationAssumptions) -> tuple[Assumptions, tuple[str, ...]]:
    """What somebody assumes, and the names of what nobody chose."""
    chosen = {name: getattr(message, name) for name in ASSUMED if message.HasField(name)}  # type: ignore[arg-type]
    return Assumptions(**chosen), tuple(name for name in ASSUMED if name not in chosen)


def simulation_message(simulation: Simulation, *, whole: bool) -> pb.Simulation:
    """A run; `whole`: with its result."""
    return pb.Simulation(
        simulation_id=simulation.simulation_id,
        program_id=simulation.program_id,
        version=simulation.version,
        digest=simulation.digest,
        live_version=simulation.live_version,
        live_digest=simulation.live_digest,
        state=pb.SimulationState.Value(f"SIMULATION_STATE_{simulation.state.name}"),
        dates=map(timestamp, simulation.dates),
        as_of=_time(simulation.as_of),
        assumptions=pb.SimulationAssumptions(**asdict(simulation.assumptions)),
        assumed=simulation.assumed,
        asked_by=simulation.asked_by,
        asked_time=timestamp(simulation.asked_time),
        start_time=_time(simulation.start_time),
        end_time=_time(simulation.end_time),
        done_count=simulation.done,
        total_count=simulation.total,
        result=pb.SimulationResult.FromString(simulation.result) if whole and simulation.result else None,
        result_digest=simulation.result_digest,
    )


def result_message(
    tally: Tally, money: Money, remarks: Sequence[Remark], sides: Sides, dates: Sequence[datetime]
) -> pb.SimulationResult:
    """What came out of a run."""
    return pb.SimulationResult(
        impacts=[
            _impact_message(each.key, tally.impacts.get(each.key, ImpactTally()), sides)
            for each in sides.draft.tier_sets
        ],
        histories=[
            _history_message(each.key, tally.ladders[each.key], sides, dates)
            for each in sides.draft.tier_sets
        ],
        money=_money_message(money, sides),
        members_count=tally.members,
        remarks=[pb.SimulationRemark(code=each.code, side=each.side, keys=each.keys) for each in remarks],
    )


def _impact_message(key: str, impact: ImpactTally, sides: Sides) -> pb.SimulatedImpact:
    tiers = sides.tiers(key)
    # Held ones of versions before the live one are in neither; they come first.
    places = {tier: place for place, tier in enumerate(tiers)}
    flows = [(*each.partition(">")[::2], count) for each, count in impact.flows.items()]
    ordered = sorted(flows, key=lambda each: (places.get(each[0], -1), each[0], places[each[1]]))
    return pb.SimulatedImpact(
        tier_set=key,
        tiers=tiers,
        flows=[pb.TierFlow(from_tier=one, to_tier=other, count=count) for one, other, count in ordered],
        upgraded_count=impact.upgraded,
        downgraded_count=impact.downgraded,
        stayed_count=impact.stayed,
    )


def _history_message(
    key: str, ladder: LadderTally, sides: Sides, dates: Sequence[datetime]
) -> pb.SimulatedHistory:
    live, draft = ([tier.key for tier in each.tiers] for each in sides.sets(key))
    return pb.SimulatedHistory(
        tier_set=key,
        tiers=sides.tiers(key),
        dates=[
            pb.SimulatedDate(
                time=timestamp(date),
                live=_stand_message(ladder.live, place, live),
                draft=_stand_message(ladder.draft, place, draft),
            )
            for place, date in enumerate(dates)
        ],
        flows=[
            pb.TierFlow(from_tier=live[one], to_tier=draft[other], count=count)
            for one, row in enumerate(ladder.flows)
            for other, count in enumerate(row)
            if count
        ],
        losing_count=ladder.losing,
        gaining_count=ladder.gaining,
    )


def _stand_message(side: SideTally, place: int, tiers: Sequence[str]) -> pb.SimulatedStand:
    return pb.SimulatedStand(
        tiers=[
            pb.TierCount(tier=tier, count=count) for tier, count in zip(tiers, side.tiers[place], strict=True)
        ],
        upgraded_count=side.upgraded[place],
        downgraded_count=side.downgraded[place],
    )


def _money_message(money: Money, sides: Sides) -> pb.SimulatedMoney:
    return pb.SimulatedMoney(
        currency=sides.draft.currency,
        live=cost_message(money.live),
        draft=cost_message(money.draft),
        revenue_at_stake_minor=money.stake_minor,
        revenue_gaining_minor=money.gaining_minor,
        days_count=money.days,
        expected_redemption_bp=sides.redeemed_bp,
        low=return_message(money.low),
        high=return_message(money.high),
    )


def cost_message(cost: Cost) -> pb.SimulatedCost:
    """What a version costs."""
    return pb.SimulatedCost(**asdict(cost))


def return_message(returned: Return) -> pb.SimulatedReturn:
    """What a version changes in a year."""
    return pb.SimulatedReturn(**asdict(returned), net_minor=returned.net_minor, roi_bp=returned.roi_bp)


def _time(time: datetime | None) -> Timestamp | None:
    return None if time is None else timestamp(time)
