"""Simulations: what a version would do is shown before anybody approves it, and is then what it does."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from laurel.benefits.v1 import programs_pb2
from laurel.benefits.v1 import simulations_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.ids import new_id
from libs.common.program import Program
from libs.common.rpc.time import moment, timestamp
from tests.benefits.changing import GOLD, MORE_FOR_GOLD, SILVER, Desk, a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.simulating import read, simulated, simulating, simulations, started, through
from tests.benefits.stories import SANDBOX_TIME, Story
from tests.support.builders import DAY, NOON

MORE = MORE_FOR_GOLD
# The shop's days are those of New York, and the sandbox stands on the last day of June.
JUNE, MAY = (datetime(1998, month, 1, 4, tzinfo=UTC) - timedelta(milliseconds=1) for month in (6, 5))


async def a_draft(desk: Desk, spend: int = MORE, **fields: Any) -> programs_pb2.ProgramVersion:
    return await desk.propose(desk.with_gold_at(spend, **fields))


async def moved_by(benefits: BenefitsWorld, run: pb.Simulation, **fields: Any) -> list[tuple[str, str, str]]:
    """Whom a run would move: member, tier before and after, from pages of two."""
    found: list[pb.SimulatedMove] = []
    request = pb.ListSimulatedMovesRequest(
        program_id=run.program_id, simulation_id=run.simulation_id, page_size=2, **fields
    )
    while True:
        page = await simulations(benefits, run.program_id).ListSimulatedMoves(request)
        found += page.moves
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return [(each.member_id, each.from_tier, each.to_tier) for each in found]


async def test_whom_a_run_would_move_is_whom_publication_moves(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    spends = [SILVER, GOLD, MORE - 1, MORE, SILVER - 1]
    stories = [await benefits.a_member(spend, program_id=desk.key) for spend in spends]
    draft = await a_draft(desk)

    run = await simulated(benefits, desk.key, draft.version)
    before = await benefits.database.decisions.count_documents({"program_id": desk.key})
    await desk.publish(await desk.approve((await desk.versions()).versions[0]))
    await recalculated(benefits, desk.key)

    down = sorted(story.member_id for story in stories[1:3])
    assert await moved_by(benefits, run) == [(each, "gold", "silver") for each in down]
    (impact,) = run.result.impacts
    flows = [(each.from_tier, each.to_tier, each.count) for each in impact.flows]
    assert flows == [
        ("normal", "normal", 1),
        ("silver", "silver", 1),
        ("gold", "silver", 2),
        ("gold", "gold", 1),
    ]
    assert (impact.upgraded_count, impact.downgraded_count, impact.stayed_count) == (0, 2, 3)
    of_run = benefits.database.decisions.find({"program_id": desk.key, "outcome": "DOWNGRADED"})
    assert sorted([each["member_id"] async for each in of_run]) == down
    # Members joined, bought, and were decided on by the new version; the run decided nothing for good.
    assert before == 10
    assert (run.state, run.done_count, run.total_count) == (pb.SIMULATION_STATE_DONE, 5, 5)


async def test_the_history_walks_members_by_both_versions_and_says_what_that_costs(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_desk(benefits)
    early, late = (Story(desk.key), Story(desk.key))
    early.buys(GOLD, at=MAY - 10 * DAY)
    late.buys(SILVER, at=MAY - 10 * DAY).buys(GOLD - SILVER, at=MAY + DAY)
    benefits.members.knows([early, late])
    draft = await a_draft(desk)

    run = await simulated(benefits, desk.key, draft.version, dates=[timestamp(each) for each in (JUNE, MAY)])

    assert [moment(each) for each in run.dates] == [MAY, JUNE]
    (history,) = run.result.histories
    first, last = history.dates
    assert _tiers(first.live) == {"silver": 1, "gold": 1}
    assert _tiers(first.draft) == {"silver": 2}
    assert (_tiers(last.live), _tiers(last.draft)) == ({"gold": 2}, {"silver": 2})
    assert (first.live.upgraded_count, last.live.upgraded_count, last.draft.upgraded_count) == (0, 1, 0)
    assert [(each.from_tier, each.to_tier, each.count) for each in history.flows] == [("gold", "silver", 2)]
    assert (history.losing_count, history.gaining_count) == (2, 0)
    money = run.result.money
    assert (money.revenue_at_stake_minor, money.revenue_gaining_minor, money.days_count) == (2 * GOLD, 0, 31)
    # Both began May as silver members by the live version or below gold, so its one purchase earns the same.
    assert money.live.points == money.draft.points > 0
    assert money.low.revenue_minor == -2 * GOLD * 2_000 // 10_000
    assert money.high.revenue_minor == -2 * GOLD * 500 // 10_000
    assert money.low.net_minor == money.low.margin_minor - money.low.cost_minor
    assert {each.code for each in run.result.remarks} >= {"POINTS_BY_SPEND_ALONE", "REDEMPTION_ASSUMED"}


def _tiers(stand: pb.SimulatedStand) -> dict[str, int]:
    return {each.tier: each.count for each in stand.tiers if each.count}


async def test_interrupted_by_whomever_a_run_comes_to_the_same_bits(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.handlers.simulating.MEMBERSHIPS_AT_ONCE", 1)
    desk = await a_desk(benefits)
    for number in range(7):
        await benefits.a_member(SILVER + 5_000 * number, program_id=desk.key)
    draft = await a_draft(desk)
    whole = await simulated(benefits, desk.key, draft.version)

    parted = await through(benefits, await started(benefits, desk.key, draft.version), replicas=3)
    raced = await started(benefits, desk.key, draft.version)
    replicas = [simulating(benefits) for _ in range(3)]
    steps = 0
    while (await read(benefits, raced)).state != pb.SIMULATION_STATE_DONE:
        at = next(each for each in await replicas[0].running() if each.simulation_id == raced.simulation_id)
        gone_on = await asyncio.gather(*(each.go_on(at) for each in replicas))
        assert len([each for each in gone_on if each is not None]) <= 1
        steps += 1
    raced = await read(benefits, raced)

    # It begins, goes through four parts of two members, and ends.
    assert steps == 6
    assert whole.result_digest == parted.result_digest == raced.result_digest != ""
    assert await moved_by(benefits, whole) == await moved_by(benefits, raced)
    assert whole.result.members_count == 7
    assert (
        await benefits.database.simulation_parts.count_documents({"simulation_id": raced.simulation_id}) == 0
    )


async def test_nobody_approves_what_was_not_simulated(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)
    request = programs_pb2.ApproveProgramVersionRequest(
        program_id=desk.key, request_id=new_id("req"), version=draft.version, digest=draft.digest
    )

    refused = await refusal(desk.officer.ApproveProgramVersion(request))
    run = await simulated(benefits, desk.key, draft.version, months=1)
    shown = (await desk.versions()).versions[0]
    request.request_id = new_id("req")
    approved = (await desk.officer.ApproveProgramVersion(request)).version

    assert (refused[1], refused[2]) == ("PROGRAM_NOT_SIMULATED", {"version": "2"})
    assert (shown.state, shown.simulation_id) == (
        programs_pb2.PROGRAM_VERSION_STATE_SIMULATED,
        run.simulation_id,
    )
    assert (approved.state, approved.simulation_id) == (
        programs_pb2.PROGRAM_VERSION_STATE_APPROVED,
        run.simulation_id,
    )


async def test_a_version_that_was_approved_before_there_were_runs_is_simulated_first(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_desk(benefits)
    approved = await desk.approve(await a_draft(desk))
    await benefits.database.programs.update_one({"_id": f"{desk.key}@2"}, {"$unset": {"simulation_id": ""}})

    refused = await refusal(desk.publish(approved))
    await simulated(benefits, desk.key, 2, months=1)
    live = await desk.publish(approved)

    assert refused[1] == "PROGRAM_NOT_SIMULATED"
    assert live.state == programs_pb2.PROGRAM_VERSION_STATE_LIVE


async def test_a_run_is_outdated_by_whatever_takes_effect_before_its_end(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    first, second = [await a_draft(desk, MORE + each) for each in range(2)]
    await desk.approve(first)
    overtaken = await started(benefits, desk.key, second.version)
    await desk.publish(first)

    ended = await through(benefits, overtaken)
    late = await refusal(started(benefits, desk.key, second.version))
    too_late = await refusal(started(benefits, desk.key, first.version))

    assert (ended.state, ended.HasField("result")) == (pb.SIMULATION_STATE_OUTDATED, False)
    assert (await desk.states())[0] == (3, "DRAFT")
    assert (late[1], too_late[1]) == ("PROGRAM_MOVED", "PROGRAM_VERSION_STATE")


async def test_a_run_of_a_version_that_is_rejected_has_no_result(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)
    run = await started(benefits, desk.key, draft.version)
    await desk.officer.RejectProgramVersion(
        programs_pb2.RejectProgramVersionRequest(
            program_id=desk.key, request_id=new_id("req"), version=draft.version, reason="a typo"
        )
    )

    assert (await through(benefits, run)).state == pb.SIMULATION_STATE_OUTDATED


async def test_five_runs_wait_and_no_more_however_many_ask_at_once(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)

    asked = await asyncio.gather(
        *(started(benefits, desk.key, draft.version) for _ in range(8)), return_exceptions=True
    )

    runs = [each for each in asked if isinstance(each, pb.Simulation)]
    assert len(runs) == 5
    refused = await refusal(started(benefits, desk.key, draft.version))
    assert (refused[0].name, refused[1]) == ("RESOURCE_EXHAUSTED", "SIMULATIONS_WAITING")
    # One at a time goes on: that which came first.
    (next_one,) = [each for each in await simulating(benefits).running() if each.program_id == desk.key]
    oldest = min(runs, key=lambda each: (moment(each.asked_time), each.simulation_id))
    assert next_one.simulation_id == oldest.simulation_id


async def test_the_last_runs_are_kept_with_whom_they_would_move(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.repository.simulations.KEPT_MAX", 2)
    desk = await a_desk(benefits)
    await benefits.a_member(GOLD, program_id=desk.key)
    draft = await a_draft(desk)

    runs = [await simulated(benefits, desk.key, draft.version, months=1) for _ in range(3)]

    request = pb.BatchGetSimulationsRequest(
        program_id=desk.key, simulation_ids=[each.simulation_id for each in runs]
    )
    answer = await simulations(benefits, desk.key).BatchGetSimulations(request)
    found, missing = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
    assert [each.status for each in answer.results] == [missing, found, found]
    moves = benefits.database.simulation_moves
    counts = [await moves.count_documents({"simulation_id": each.simulation_id}) for each in runs]
    assert counts == [0, 1, 1]
    gone = pb.ListSimulatedMovesRequest(program_id=desk.key, simulation_id=runs[0].simulation_id)
    refused = await refusal(simulations(benefits, desk.key).ListSimulatedMoves(gone))
    assert refused[1] == "SIMULATION_UNKNOWN"


async def test_runs_are_listed_in_pages_by_version(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    drafts = [await a_draft(desk, MORE + each) for each in range(2)]
    runs = [await started(benefits, desk.key, drafts[each % 2].version) for each in range(4)]
    stub = simulations(benefits, desk.key, role="analyst")

    first = await stub.ListSimulations(pb.ListSimulationsRequest(program_id=desk.key, page_size=3))
    rest = await stub.ListSimulations(
        pb.ListSimulationsRequest(program_id=desk.key, page_size=3, page_token=first.next_page_token)
    )
    of_one = await stub.ListSimulations(
        pb.ListSimulationsRequest(program_id=desk.key, version=drafts[0].version)
    )

    listed = [each.simulation_id for each in (*first.simulations, *rest.simulations)]
    assert listed == [each.simulation_id for each in reversed(runs)]
    assert [each.simulation_id for each in of_one.simulations] == [
        runs[2].simulation_id,
        runs[0].simulation_id,
    ]


async def test_a_watch_tells_how_far_a_run_is_until_its_end(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    for _ in range(3):
        await benefits.a_member(GOLD, program_id=desk.key)
    run = await started(benefits, desk.key, (await a_draft(desk)).version)
    request = pb.WatchSimulationRequest(program_id=desk.key, simulation_id=run.simulation_id)
    told: list[pb.Simulation] = []

    async def watch() -> None:
        async for answer in simulations(benefits, desk.key).WatchSimulation(request):
            told.append(answer.simulation)  # noqa: PERF401 - told as they come

    await asyncio.gather(watch(), through(benefits, run))

    assert told[-1].state == pb.SIMULATION_STATE_DONE
    assert [each.done_count for each in told] == sorted(each.done_count for each in told)
    assert not any(each.HasField("result") for each in told)


async def test_a_watch_of_no_run_is_refused(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    request = pb.WatchSimulationRequest(program_id=desk.key, simulation_id=new_id("sim"))

    refused = await refusal(simulations(benefits, desk.key).WatchSimulation(request).read())

    assert refused[1] == "SIMULATION_UNKNOWN"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"dates": [timestamp(SANDBOX_TIME)]}, "dates"),
        ({"dates": [timestamp(NOON)], "months": 3}, "months"),
        ({"assumptions": pb.SimulationAssumptions(loss_low_bp=9, loss_high_bp=8)}, "assumptions"),
        ({"assumptions": pb.SimulationAssumptions(gain_low_bp=1_001)}, "assumptions"),
    ],
    ids=["today", "dates and months", "a loss that shrinks", "a gain above the default's end"],
)
async def test_what_nobody_can_simulate_is_refused(
    benefits: BenefitsWorld, fields: dict[str, Any], problem: str
) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)

    refused = await refusal(started(benefits, desk.key, draft.version, **fields))

    assert refused[1] == "INVALID_REQUEST"
    assert problem in refused[2]


async def test_who_proposes_and_who_approves_start_runs_and_others_look(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)
    run = await started(benefits, desk.key, draft.version)
    request = pb.SimulateProgramVersionRequest(
        program_id=desk.key, request_id=new_id("req"), version=draft.version
    )
    moves = pb.ListSimulatedMovesRequest(program_id=desk.key, simulation_id=run.simulation_id)
    analyst = simulations(benefits, desk.key, role="analyst")

    by_officer = await simulations(benefits, desk.key, role="compliance_officer").SimulateProgramVersion(
        request
    )
    started_by_analyst = await refusal(analyst.SimulateProgramVersion(request))
    moves_by_analyst = await refusal(analyst.ListSimulatedMoves(moves))
    (audited,) = await benefits.database.audit.find(
        {"program_id": desk.key, "objects": run.simulation_id}
    ).to_list(2)

    assert by_officer.simulation.asked_by == "sim"
    assert (started_by_analyst[1], moves_by_analyst[1]) == ("FORBIDDEN", "FORBIDDEN")
    assert audited["act"] == "SimulateProgramVersion"


async def test_assumptions_that_nobody_chose_are_named(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await a_draft(desk)
    chosen = pb.SimulationAssumptions(gross_margin_bp=4_000)

    run = await started(benefits, desk.key, draft.version, assumptions=chosen)

    assert (run.assumptions.gross_margin_bp, run.assumptions.loss_high_bp) == (4_000, 2_000)
    assert "gross_margin_bp" not in run.assumed
    assert "loss_high_bp" in run.assumed


async def test_a_region_counts_as_it_will_when_the_version_is_live(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    story = await benefits.a_member(GOLD, program_id=desk.key)
    document = desk.with_gold_at(MORE).document()
    gold = {"entry": {"metric": "spend", "op": ">=", "value": GOLD}}
    name = {"zh": "北", "en": "North"}
    document["tier_sets"][0]["variants"] = [
        {"key": "north", "name": name, "stores": [story.home.store_id], "tiers": {"gold": gold}}
    ]
    draft = await desk.propose(Program.parse(document))

    run = await simulated(benefits, desk.key, draft.version, months=1)

    assert await moved_by(benefits, run) == []
    assert run.result.histories[0].losing_count == 0
    assert ("MEMBERS_AS_TODAY", "draft", ["region"]) in [
        (each.code, each.side, list(each.keys)) for each in run.result.remarks
    ]
