"""What the graph shows of simulations: what a version of the program would do before it is live."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import relay

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.common.rpc.time import moment
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.pages import Cursor, cursors, page_info, page_token_at
from services.gateway.values import Long, checked_first, known, time_of, wire


@strawberry.enum(description="How far a simulation is.")
class SimulationState(Enum):
    WAITING = strawberry.enum_value(
        pb.SIMULATION_STATE_WAITING, description="Waits for another one of the program."
    )
    RUNNING = strawberry.enum_value(pb.SIMULATION_STATE_RUNNING, description="Runs.")
    DONE = strawberry.enum_value(pb.SIMULATION_STATE_DONE, description="Done, with a result.")
    OUTDATED = strawberry.enum_value(
        pb.SIMULATION_STATE_OUTDATED,
        description="Another version took effect, or this one was rejected, before its end: no result.",
    )


@strawberry.enum(description="Which way members would move.")
class SimulatedDirection(Enum):
    UP = strawberry.enum_value(pb.SIMULATED_DIRECTION_UP, description="Up.")
    DOWN = strawberry.enum_value(pb.SIMULATED_DIRECTION_DOWN, description="Down.")


@strawberry.type(description="What a simulation assumes, in basis points, but for the last of it.")
class SimulationAssumptions:
    loss_low_bp: int = strawberry.field(
        description="By how much those spend less, at the least, who lose status."
    )
    loss_high_bp: int = strawberry.field(description="By how much at the most.")
    gain_low_bp: int = strawberry.field(
        description="By how much those spend more, at the least, who gain status."
    )
    gain_high_bp: int = strawberry.field(description="By how much at the most.")
    gross_margin_bp: int = strawberry.field(description="What is left of a price after the goods are paid.")
    benefit_use_bp: int = strawberry.field(description="How much of the quotas of benefits is used.")
    unbounded_uses: int = strawberry.field(
        description="How often in a year a benefit without a quota is used."
    )


@strawberry.type(description="So many memberships from one tier to another.")
class TierFlow:
    from_tier: str = strawberry.field(description="Key of the tier before, or by the live version.")
    to_tier: str = strawberry.field(description="Key of the tier by the version that is looked at.")
    count: Long = strawberry.field(description="How many.")


@strawberry.type(description="So many members in a tier.")
class SimulatedTier:
    tier: str = strawberry.field(description="Key of the tier.")
    members: Long = strawberry.field(description="How many.")


@strawberry.type(description="What publishing the version now would do in a tier set.")
class SimulatedImpact:
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tiers: list[str] = strawberry.field(description="Tiers of both versions, from the lowest to the highest.")
    flows: list[TierFlow] = strawberry.field(
        description="From the tier that is held to the one that the version gives, without empty ones."
    )
    upgraded: Long = strawberry.field(description="Memberships that go up.")
    downgraded: Long = strawberry.field(description="Memberships that go down.")
    stayed: Long = strawberry.field(description="Memberships that stay.")


@strawberry.type(description="Where members would have stood by a version.")
class SimulatedStand:
    tiers: list[SimulatedTier] = strawberry.field(description="From the lowest tier to the highest.")
    upgraded: Long = strawberry.field(description="Members in a higher tier than at the date before.")
    downgraded: Long = strawberry.field(description="Members in a lower one.")


@strawberry.type(description="Where members would have stood at a date.")
class SimulatedDate:
    time: datetime = strawberry.field(description="The last moment of a business day.")
    live: SimulatedStand = strawberry.field(description="By the live version.")
    draft: SimulatedStand = strawberry.field(description="By the version that is looked at.")


@strawberry.type(description="What a version would have done in a tier set over the dates.")
class SimulatedHistory:
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tiers: list[str] = strawberry.field(description="Tiers of both versions, from the lowest to the highest.")
    dates: list[SimulatedDate] = strawberry.field(description="Each date, ascending.")
    flows: list[TierFlow] = strawberry.field(
        description="From the tier by the live version to the one by the other, at the last date."
    )
    losing: Long = strawberry.field(
        description="Members whose tier at the last date is lower by the version."
    )
    gaining: Long = strawberry.field(description="Members whose tier is higher.")


@strawberry.type(description="What a version would have cost from the first date to the last.")
class SimulatedCost:
    points: Long = strawberry.field(description="Points that purchases would have earned.")
    liability_minor: Long = strawberry.field(description="What these may cost, as points are redeemed.")
    benefits_minor: Long = strawberry.field(description="Benefits of tiers, by their costs and quotas.")
    discounts_minor: Long = strawberry.field(description="What discounts of tiers would have taken off.")


@strawberry.type(description="What the version changes in a year, against the live one.")
class SimulatedReturn:
    revenue_minor: Long = strawberry.field(description="Revenue more, or less.")
    margin_minor: Long = strawberry.field(description="Margin of it.")
    cost_minor: Long = strawberry.field(description="Cost more, or less.")
    net_minor: Long = strawberry.field(description="Margin less cost.")
    roi_bp: Long | None = strawberry.field(
        description="Net by cost that is added, in basis points; null where none is."
    )


@strawberry.type(description="What a version would have cost and brought, in minor units.")
class SimulatedMoney:
    currency: str = strawberry.field(description="Of all amounts.")
    live: SimulatedCost = strawberry.field(description="By the live version.")
    draft: SimulatedCost = strawberry.field(description="By the version that is looked at.")
    revenue_at_stake_minor: Long = strawberry.field(
        description="What those spent in 365 days whose tier is lower by the version."
    )
    revenue_gaining_minor: Long = strawberry.field(description="What those spent whose tier is higher.")
    days: Long = strawberry.field(description="Days from the first date to the last.")
    expected_redemption_bp: int = strawberry.field(
        description="The share of points that is expected to be redeemed."
    )
    low: SimulatedReturn = strawberry.field(description="If members respond badly.")
    high: SimulatedReturn = strawberry.field(description="If they respond well.")


@strawberry.type(description="Something that a result does not count, or not exactly.")
class SimulationRemark:
    code: str = strawberry.field(description="What, such as POINT_RULES_LEFT_OUT.")
    side: str | None = strawberry.field(description="`live` or `draft`; null for both.")
    keys: list[str] = strawberry.field(description="Keys that it concerns, at most 20.")


@strawberry.type(description="What came out of a simulation.")
class SimulationResult:
    members: Long = strawberry.field(description="Members of the program.")
    impacts: list[SimulatedImpact] = strawberry.field(description="What publishing now would do.")
    histories: list[SimulatedHistory] = strawberry.field(description="What it would have done.")
    money: SimulatedMoney = strawberry.field(description="What that would have cost and brought.")
    remarks: list[SimulationRemark] = strawberry.field(description="What is not counted, or not exactly.")


@strawberry.type(description="A membership that a version would move.")
class SimulatedMove:
    member_id: strawberry.ID = strawberry.field(description="The member: `mem_…`.")
    tier_set: str = strawberry.field(description="Key of the tier set.")
    from_tier: str = strawberry.field(description="Key of the tier that is held.")
    to_tier: str = strawberry.field(description="Key of the tier that the version gives.")
    upgraded: bool = strawberry.field(description="Whether it is a higher one.")


@strawberry.type(description="A move in a list.")
class SimulatedMoveEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: SimulatedMove = strawberry.field(description="The move.")


@strawberry.type(description="A page of moves.")
class SimulatedMoveConnection:
    edges: list[SimulatedMoveEdge] = strawberry.field(description="The moves with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="A run of a version against the live one, which shows what it would do.")
class Simulation:
    id: strawberry.ID = strawberry.field(description="`sim_…`.")
    version: int = strawberry.field(description="The version that is looked at.")
    digest: str = strawberry.field(description="SHA-256 of its document.")
    live_version: int = strawberry.field(description="The version that was live.")
    state: SimulationState | None = strawberry.field(description="How far it is.")
    dates: list[datetime] = strawberry.field(
        description="The last moments of the business days of the history."
    )
    as_of: datetime | None = strawberry.field(
        description="The program's time of the impact; null while it waits."
    )
    assumptions: SimulationAssumptions = strawberry.field(description="What is assumed.")
    assumed: list[str] = strawberry.field(
        description="Those of the assumptions that nobody chose, as they are named over gRPC: proposals."
    )
    asked_by: str = strawberry.field(description="Who asked for it.")
    asked_time: datetime | None = strawberry.field(description="When.")
    start_time: datetime | None = strawberry.field(description="When it began; null while it waits.")
    end_time: datetime | None = strawberry.field(description="When it ended; null before.")
    done: Long = strawberry.field(description="Members that are done.")
    total: Long | None = strawberry.field(description="Members in all; null before it has looked.")
    result_digest: str | None = strawberry.field(
        description="SHA-256 of the result: the same data gives the same."
    )
    result: SimulationResult | None = strawberry.field(description="What came out; null before the end.")

    @strawberry.field(description="Whom the version would move, in order of their ids.")
    async def moves(
        self,
        info: Info,
        direction: Annotated[
            SimulatedDirection | None, strawberry.argument(description="Up or down alone.")
        ] = None,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> SimulatedMoveConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListSimulatedMovesResponse:
            request = pb.ListSimulatedMovesRequest(
                program_id=info.context.program_id,
                simulation_id=self.id,
                direction=wire(direction),
                page_size=size,
                page_token=token,
            )
            simulations = info.context.clients.simulations
            return await simulations.ListSimulatedMoves(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return _page_of_moves(pb.ListSimulatedMovesResponse(), "", after)
        return _page_of_moves(await page(first, page_token), page_token, after)


def _page_of_moves(
    page: pb.ListSimulatedMovesResponse, page_token: str, after: str | None
) -> SimulatedMoveConnection:
    places = cursors(page_token, page.next_page_token, len(page.moves))
    return SimulatedMoveConnection(
        edges=[
            SimulatedMoveEdge(
                cursor=cursor,
                node=SimulatedMove(
                    member_id=strawberry.ID(each.member_id),
                    tier_set=each.tier_set,
                    from_tier=each.from_tier,
                    to_tier=each.to_tier,
                    upgraded=each.upgraded,
                ),
            )
            for cursor, each in zip(places, page.moves, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def simulation_of(run: pb.Simulation) -> Simulation:
    """A run as the graph shows it."""
    assumed = run.assumptions
    return Simulation(
        id=strawberry.ID(run.simulation_id),
        version=run.version,
        digest=run.digest,
        live_version=run.live_version,
        state=known(SimulationState, run.state),
        dates=[moment(each) for each in run.dates],
        as_of=time_of(run, "as_of"),
        assumptions=SimulationAssumptions(
            **{each.name: getattr(assumed, each.name) for each in assumed.DESCRIPTOR.fields}
        ),
        assumed=list(run.assumed),
        asked_by=run.asked_by,
        asked_time=time_of(run, "asked_time"),
        start_time=time_of(run, "start_time"),
        end_time=time_of(run, "end_time"),
        done=Long(run.done_count),
        total=Long(run.total_count) if run.total_count else None,
        result_digest=run.result_digest or None,
        result=_result(run.result) if run.HasField("result") else None,
    )


def _result(result: pb.SimulationResult) -> SimulationResult:
    return SimulationResult(
        members=Long(result.members_count),
        impacts=[
            SimulatedImpact(
                tier_set=each.tier_set,
                tiers=list(each.tiers),
                flows=[_flow(flow) for flow in each.flows],
                upgraded=Long(each.upgraded_count),
                downgraded=Long(each.downgraded_count),
                stayed=Long(each.stayed_count),
            )
            for each in result.impacts
        ],
        histories=[_history(each) for each in result.histories],
        money=_money(result.money),
        remarks=[
            SimulationRemark(code=each.code, side=each.side or None, keys=list(each.keys))
            for each in result.remarks
        ],
    )


def _flow(flow: pb.TierFlow) -> TierFlow:
    return TierFlow(from_tier=flow.from_tier, to_tier=flow.to_tier, count=Long(flow.count))


def _history(history: pb.SimulatedHistory) -> SimulatedHistory:
    return SimulatedHistory(
        tier_set=history.tier_set,
        tiers=list(history.tiers),
        dates=[
            SimulatedDate(time=moment(each.time), live=_stand(each.live), draft=_stand(each.draft))
            for each in history.dates
        ],
        flows=[_flow(each) for each in history.flows],
        losing=Long(history.losing_count),
        gaining=Long(history.gaining_count),
    )


def _stand(stand: pb.SimulatedStand) -> SimulatedStand:
    return SimulatedStand(
        tiers=[SimulatedTier(tier=each.tier, members=Long(each.count)) for each in stand.tiers],
        upgraded=Long(stand.upgraded_count),
        downgraded=Long(stand.downgraded_count),
    )


def _money(money: pb.SimulatedMoney) -> SimulatedMoney:
    return SimulatedMoney(
        currency=money.currency,
        live=_cost(money.live),
        draft=_cost(money.draft),
        revenue_at_stake_minor=Long(money.revenue_at_stake_minor),
        revenue_gaining_minor=Long(money.revenue_gaining_minor),
        days=Long(money.days_count),
        expected_redemption_bp=money.expected_redemption_bp,
        low=_return(money.low),
        high=_return(money.high),
    )


def _cost(cost: pb.SimulatedCost) -> SimulatedCost:
    return SimulatedCost(
        points=Long(cost.points),
        liability_minor=Long(cost.liability_minor),
        benefits_minor=Long(cost.benefits_minor),
        discounts_minor=Long(cost.discounts_minor),
    )


def _return(returned: pb.SimulatedReturn) -> SimulatedReturn:
    return SimulatedReturn(
        revenue_minor=Long(returned.revenue_minor),
        margin_minor=Long(returned.margin_minor),
        cost_minor=Long(returned.cost_minor),
        net_minor=Long(returned.net_minor),
        roi_bp=Long(returned.roi_bp) if returned.HasField("roi_bp") else None,
    )
