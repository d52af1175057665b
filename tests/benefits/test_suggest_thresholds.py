"""What tiers had better ask for: candidates are walked, the best is chosen, and nothing is changed."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import grpc
import pytest

from laurel.benefits.v1 import thresholds_pb2 as pb
from laurel.benefits.v1 import thresholds_pb2_grpc
from laurel.benefits.v1.simulations_pb2 import SimulationAssumptions
from libs.common.errors import ProgramUnknown, Refusal
from libs.common.homes import keep_homes
from libs.common.program import Program
from libs.common.visibility import Home
from services.benefits.domain.threshold_results import Question
from services.benefits.handlers.thresholds import WAITING_MAX, ThresholdHandlers
from tests.benefits.changing import Desk, a_desk
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story

SERVICE = pb.DESCRIPTOR.services_by_name["ThresholdsService"]
BOUGHT = datetime(1998, 4, 15, 16, tzinfo=UTC)
GOLD = 25_000
# Nobody leaves, and who gains status buys half as much again at a margin of 80 %.
EASILY_WON = SimulationAssumptions(
    loss_low_bp=0, loss_high_bp=0, gain_low_bp=5_000, gain_high_bp=5_000, gross_margin_bp=8_000
)
# Nobody buys more, whatever they are given, and nobody less.
UNMOVED = SimulationAssumptions(loss_low_bp=0, loss_high_bp=0, gain_low_bp=0, gain_high_bp=0)


def thresholds(benefits: BenefitsWorld, program_id: str, role: str = "operations_manager") -> Any:
    """A stub of ThresholdsService for one of the staff."""
    made = thresholds_pb2_grpc.ThresholdsServiceStub
    return benefits.stub(SERVICE, made, "staff", "mia", program_id, roles=[role])


async def asked(
    benefits: BenefitsWorld, program_id: str, **fields: Any
) -> list[pb.SuggestThresholdsResponse]:
    """All answers."""
    request = pb.SuggestThresholdsRequest(program_id=program_id, **fields)
    return [each async for each in thresholds(benefits, program_id).SuggestThresholds(request)]


async def suggested(benefits: BenefitsWorld, program_id: str, **fields: Any) -> pb.ThresholdSuggestions:
    """The result, which is the last."""
    return (await asked(benefits, program_id, **fields))[-1].suggestions


async def a_shop(benefits: BenefitsWorld, *spends: int) -> Desk:
    """A program whose members each bought for so much in April."""
    desk = await a_desk(benefits)
    benefits.members.knows([Story(desk.key).buys(each, at=BOUGHT) for each in spends])
    return desk


async def test_each_candidate_says_whom_it_counts_and_what_it_costs(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, 12_000, 21_000, 26_000, 31_000)

    found = await suggested(
        benefits, desk.key, tier="gold", factors_bp=[8_000, 12_000], assumptions=EASILY_WON, months=3
    )

    (gold,) = found.suggestions
    assert (gold.tier_set, gold.tier, gold.condition, gold.metric) == ("main", "gold", "entry", "spend")
    assert [each.value for each in gold.candidates] == [30_000, 25_000, 20_000]
    assert [each.members_count for each in gold.candidates] == [1, 2, 3]
    assert [(each.gaining_count, each.losing_count) for each in gold.candidates] == [(0, 1), (0, 0), (1, 0)]
    strictest, live, loosest = gold.candidates
    # Who would be gold spent 210.00; they buy half as much again, of which 80 % are left.
    assert loosest.low.revenue_minor == loosest.high.revenue_minor == 21_000 // 2
    assert loosest.low.margin_minor == 21_000 // 2 * 8 // 10
    assert (live.low.revenue_minor, live.low.cost_minor, live.net_minor) == (0, 0, 0)
    for each in gold.candidates:
        cost = each.cost
        assert cost.liability_minor + cost.benefits_minor + cost.discounts_minor > 0
        assert each.low.net_minor == each.low.margin_minor - each.low.cost_minor
    assert not strictest.HasField("step")
    assert loosest.step.added_count == 1
    assert loosest.step.net_minor == loosest.net_minor - live.net_minor
    assert (found.members_count, found.sampled_count, found.currency) == (4, 4, "USD")


async def test_the_looser_value_is_chosen_where_it_pays_and_the_document_has_it_and_nothing_else(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits, 21_000, 26_000)

    found = await suggested(
        benefits, desk.key, tier="gold", factors_bp=[8_000, 12_000], assumptions=EASILY_WON
    )

    (gold,) = found.suggestions
    assert (gold.chosen_value, found.changed) == (20_000, True)
    assert Program.parse(found.document) == desk.with_gold_at(20_000, new_version="keep").model_copy(
        update={"version": 1}
    )
    assert found.note.startswith("Gold: Lifetime spend at least $200.00, now $250.00; net a year $")
    assert found.note.endswith(" members from 1997-06-30 to 1998-05-31, on assumptions.")
    assert [each[1] for each in await desk.states()] == ["LIVE"]


async def test_where_nobody_buys_more_the_live_value_stays_unless_a_stricter_one_saves(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits, 12_000)

    found = await suggested(benefits, desk.key, tier="gold", assumptions=UNMOVED)

    (gold,) = found.suggestions
    assert (gold.chosen_value, found.changed, found.note) == (GOLD, False, "")
    assert Program.parse(found.document) == desk.program.model_copy(update={"version": 1})


async def test_tiers_are_looked_at_from_the_top_each_with_those_above_as_chosen(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits, 9_000, 21_000, 45_000, 90_000)

    found = await suggested(benefits, desk.key, assumptions=EASILY_WON)

    assert [each.tier for each in found.suggestions] == ["diamond", "platinum", "gold", "silver"]
    chosen = [each.chosen_value for each in found.suggestions]
    assert chosen == sorted(chosen, reverse=True)
    (main,) = Program.parse(found.document).tier_sets
    assert [each.entry.value for each in main.tiers if each.entry][::-1] == chosen  # type: ignore[union-attr]


async def test_the_same_question_has_the_same_answer_to_the_bit(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, *range(9_000, 40_000, 3_000))

    answers = [await suggested(benefits, desk.key, months=4) for _ in range(2)]

    one, other = (each.SerializeToString(deterministic=True) for each in answers)
    assert one == other


async def test_of_a_large_program_an_even_sample_is_walked_and_scaled_up(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_shop(benefits, *[26_000] * 12)

    found = await suggested(benefits, desk.key, tier="gold", members_max=4, months=2, factors_bp=[12_000])

    (gold,) = found.suggestions
    assert (found.members_count, found.sampled_count) == (12, 4)
    assert [each.members_count for each in gold.candidates] == [0, 12]
    assert [each.losing_count for each in gold.candidates] == [12, 0]
    assert "SAMPLED" in {each.code for each in found.remarks}


async def test_it_says_how_far_it_is_before_the_result(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, *[26_000] * 5)

    answers = await asked(benefits, desk.key, months=2)

    *ahead, last = answers
    done = [each.progress.done_count for each in ahead]
    assert done == sorted(done)
    assert (done[-1], ahead[-1].progress.total_count) == (20, 20)
    assert {each.progress.tier for each in ahead} == {"diamond", "platinum", "gold", "silver"}
    assert last.HasField("suggestions")


async def test_candidates_that_pass_a_neighbour_are_left_out_and_said(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits, 26_000)

    found = await suggested(benefits, desk.key, tier="gold", months=2, factors_bp=[3_000, 9_990, 30_000])

    (gold,) = found.suggestions
    left_out = [(each.factor_bp, each.value, each.obstacle) for each in gold.left_out]
    assert left_out == [
        (3_000, 7_500, pb.THRESHOLD_OBSTACLE_TIER_BELOW),
        (9_990, 25_000, pb.THRESHOLD_OBSTACLE_SAME),
        (30_000, 75_000, pb.THRESHOLD_OBSTACLE_TIER_ABOVE),
    ]
    assert [each.value for each in gold.candidates] == [GOLD]


async def test_a_program_without_members_keeps_what_it_has(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits)

    found = await suggested(benefits, desk.key)

    assert (found.members_count, found.sampled_count, found.changed) == (0, 0, False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tier": "ruby"}, "TIER_UNKNOWN"),
        ({"tier_set": "other"}, "TIER_UNKNOWN"),
        ({"tier": "normal"}, "INVALID_REQUEST"),
        ({"tier": "gold", "condition": "any[3]"}, "INVALID_REQUEST"),
        ({"condition": "any[0]"}, "INVALID_REQUEST"),
        ({"months": 1}, "INVALID_REQUEST"),
        ({"factors_bp": [999]}, "INVALID_REQUEST"),
        ({"assumptions": SimulationAssumptions(loss_low_bp=3_000, loss_high_bp=1)}, "INVALID_REQUEST"),
    ],
    ids=["tier", "set", "no entry", "path", "path without tier", "a month", "factor", "range"],
)
async def test_a_question_about_nothing_is_refused(
    benefits: BenefitsWorld, fields: dict[str, Any], reason: str
) -> None:
    desk = await a_shop(benefits)

    refused = await refusal(asked(benefits, desk.key, **fields))

    assert (refused[0], refused[1]) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


class Standing:
    """The time of programs, which nobody is told before it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def now_in(self, program_id: str) -> Any:
        await self.opened.wait()
        raise ProgramUnknown(program_id=program_id)


async def _outcome(handlers: ThresholdHandlers) -> str:
    try:
        async with aclosing(handlers.suggest(Question("shop"))) as answers:
            await anext(answers)
    except Refusal as refused:
        return refused.reason
    return "ANSWERED"


async def test_one_is_worked_out_a_few_wait_and_more_are_refused_until_some_have_ended() -> None:
    times = Standing()
    handlers = ThresholdHandlers(*cast(Any, (None, times, None, None, None)))

    waiting = [asyncio.create_task(_outcome(handlers)) for _ in range(1 + WAITING_MAX)]
    await asyncio.sleep(0)
    too_many = await _outcome(handlers)
    waiting[0].cancel()
    waiting[-1].cancel()
    await asyncio.gather(waiting[0], waiting[-1], return_exceptions=True)
    later = [asyncio.create_task(_outcome(handlers)) for _ in range(2)]
    await asyncio.sleep(0)
    times.opened.set()

    assert too_many == "OVERLOADED"
    # The places of the two that went away were free again.
    assert await asyncio.gather(*waiting[1:-1], *later) == ["PROGRAM_UNKNOWN"] * (WAITING_MAX + 1)


async def test_a_document_of_many_bytes_is_walked_by_fewer_at_once_to_the_same_end(
    benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await a_shop(benefits, 12_000, 21_000, 26_000, 31_000)
    whole = await suggested(benefits, desk.key, tier="gold", months=2)

    monkeypatch.setattr("services.benefits.handlers.thresholds.DOCUMENTS_BYTES_MAX", 1)
    parted = await suggested(benefits, desk.key, tier="gold", months=2)

    assert parted == whole


async def test_tiers_of_regions_are_walked_by_their_own_rules_which_stay(benefits: BenefitsWorld) -> None:
    desk = await a_shop(benefits)
    document = desk.program.document()
    local = {"gold": {"entry": {"metric": "spend", "op": ">=", "value": 12_000}}}
    north = {"key": "north", "name": {"zh": "北", "en": "North"}, "stores": ["harbin"], "tiers": local}
    document["tier_sets"][0]["variants"] = [north]
    regional = Program.parse(document)
    await benefits.publish(regional)
    story = Story(desk.key).buys(12_000, at=BOUGHT)
    benefits.members.knows([story])
    await keep_homes(benefits.database, [(desk.key, story.member_id, Home(store_id="harbin"))])

    found = await suggested(benefits, desk.key, tier="gold", months=2, assumptions=UNMOVED)

    (gold,) = found.suggestions
    assert {each.members_count for each in gold.candidates} == {1}
    assert [list(each.keys) for each in found.remarks if each.code == "REGIONS_UNCHANGED"] == [["main"]]
    assert Program.parse(found.document).tier_sets[0].variants == regional.tier_sets[0].variants
