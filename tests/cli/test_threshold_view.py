"""What tiers had better ask for on the terminal: the candidates, the choice, and what comes next."""

from io import StringIO
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from laurel.benefits.v1 import thresholds_pb2 as pb
from laurel.benefits.v1.simulations_pb2 import (
    SimulatedCost,
    SimulatedReturn,
    SimulationAssumptions,
    SimulationRemark,
)
from libs.cli import thresholds
from libs.cli.clients import Clients
from libs.cli.threshold_view import View
from libs.common.program import preset
from libs.common.rpc.time import timestamp
from libs.common.texts import Locale
from tests.support.builders import DAY, NOON


def a_candidate(value: int, members: int, net: int, step: int | None = None) -> pb.ThresholdCandidate:
    cost = SimulatedCost(points=9, liability_minor=123_400, benefits_minor=1_000_000, discounts_minor=600)
    return pb.ThresholdCandidate(
        value=value,
        members_count=members,
        cost=cost,
        low=SimulatedReturn(net_minor=net - 500, cost_minor=700),
        high=SimulatedReturn(net_minor=net + 500, cost_minor=700),
        net_minor=net,
        step=None if step is None else pb.ThresholdStep(added_count=3, net_minor=step),
    )


def a_result(chosen: int = 20_000, **fields: Any) -> pb.ThresholdSuggestions:
    gold = pb.ThresholdSuggestion(
        tier_set="main",
        tier="gold",
        condition="entry",
        metric="spend",
        window="lifetime",
        op=">=",
        live_value=25_000,
        chosen_value=chosen,
        candidates=[
            a_candidate(30_000, 1_200, -40_000),
            a_candidate(25_000, 2_400, 0, 40_000),
            a_candidate(20_000, 12_600, 1_234_500, 1_234_500),
        ],
        left_out=[
            pb.ThresholdLeftOut(factor_bp=3_000, value=7_500, obstacle=pb.THRESHOLD_OBSTACLE_TIER_BELOW),
            pb.ThresholdLeftOut(
                factor_bp=9_000, value=23_000, obstacle=pb.THRESHOLD_OBSTACLE_INVALID, detail="Nobody can"
            ),
        ],
    )
    return pb.ThresholdSuggestions(
        program_id="music_store",
        dates=[timestamp(NOON - 30 * DAY), timestamp(NOON)],
        assumptions=SimulationAssumptions(gross_margin_bp=4_000),
        assumed=["loss_low_bp"],
        members_count=100_000,
        sampled_count=5_000,
        currency="USD",
        suggestions=[gold],
        changed=chosen != 25_000,
        remarks=[SimulationRemark(code="SAMPLED"), SimulationRemark(code="LATER_ONE", keys=["gold"])],
        **fields,
    )


def a_view(found: pb.ThresholdSuggestions, locale: Locale = "en") -> View:
    return View(found, preset("music_store"), ZoneInfo("America/New_York"), locale)


def printed(view: View) -> str:
    text = StringIO()
    console = Console(file=text, width=80)
    for each in view.tables():
        console.print(each, markup=False, highlight=False)
    return text.getvalue()


def test_the_candidates_stand_from_the_strictest_to_the_loosest_with_the_chosen_one_marked() -> None:
    shown = printed(a_view(a_result()))

    rows = [line.split() for line in shown.splitlines() if "▇" in line]
    assert rows == [
        ["$300.00", "1,200", "$11,240.00", "-$393.00", "-$400.00", "▇"],
        ["=", "$250.00", "2,400", "$11,240.00", "$7.00", "$0.00", "$400.00", "▇"],
        ["→", "$200.00", "12,600", "$11,240.00", "$12,352.00", "$12,345.00", "$12,345.00", "▇▇▇▇▇▇▇▇"],
    ]
    assert max(map(len, shown.splitlines())) <= 80


def test_the_choice_and_what_it_rests_on_are_said() -> None:
    shown = printed(a_view(a_result())).replace("\n", " ")

    assert "Gold: Lifetime spend at least …" in shown
    assert "Gold: $200.00 instead of $250.00, net a year $12,340.00 to $12,350.00" in shown
    assert "$75.00 was left out: a lower tier asks for as much" in shown
    assert "$230.00 was left out: the program would be wrong (Nobody can)" in shown
    assert "By 5,000 of 100,000 members at 2 dates, 1998-01-31 to 1998-03-02" in shown
    assert "gross margin: 40 %" in shown
    assert "at least: 0 % *" in shown
    assert "- Only a sample of the members was walked" in shown
    assert "- LATER_ONE: gold" in shown


def test_a_value_that_is_best_as_it_is_is_kept_and_nothing_is_to_be_proposed() -> None:
    view = a_view(a_result(chosen=25_000))

    assert "Gold: keep $250.00" in printed(view)
    assert view.proposal() == "Every threshold is best as it is: there is nothing to propose."


@pytest.mark.parametrize(
    ("locale", "next_step"), [("en", "See what it would do: "), ("zh", "先看效果：")], ids=["en", "zh"]
)
def test_what_comes_next_is_said_in_both_languages(locale: Locale, next_step: str) -> None:
    view = a_view(a_result(), locale)

    assert view.following(7).startswith(f"{next_step}laurel program simulate 7 --program music_store")
    assert "laurel program approve 7 --program music_store" in view.following(7)


def test_in_chinese_everything_is() -> None:
    shown = printed(a_view(a_result(), "zh"))

    assert "金卡会员：由 US$250.00 改为 US$200.00" in shown or "金卡会员：由 $250.00 改为 $200.00" in shown
    assert "100,000 位会员中的 5,000 位" in shown.replace("\n", "")


class Answers:
    """Benefits, which says how far it is before the result."""

    async def SuggestThresholds(self, request: pb.SuggestThresholdsRequest) -> Any:
        for done in (1, 2):
            yield pb.SuggestThresholdsResponse(
                progress=pb.ThresholdProgress(tier="gold", done_count=done, total_count=2)
            )
        yield pb.SuggestThresholdsResponse(suggestions=a_result())


async def test_the_result_is_the_last_answer_and_what_comes_before_is_told() -> None:
    told: list[int] = []
    clients = cast(Clients, SimpleNamespace(thresholds=Answers()))

    found = await thresholds.suggestions(
        clients, pb.SuggestThresholdsRequest(), lambda at: told.append(at.done_count)
    )

    assert (told, found) == ([1, 2], a_result())
