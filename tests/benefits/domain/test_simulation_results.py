"""What simulations count and come to: parts add up, costs by the document, a range with its assumptions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import InvalidRequest
from libs.common.program import Program, preset
from services.benefits.domain.simulation_results import Return, Sides, money, points, remarks
from services.benefits.domain.simulation_tallies import (
    ImpactTally,
    Tally,
    Walked,
    Walks,
    added,
    both_tiers,
    tally,
)
from services.benefits.domain.simulations import Assumptions, last_moments

NAME = {"zh": "级", "en": "Tier"}
DATES = tuple(datetime(1998, 1, 1, tzinfo=UTC) + timedelta(days=each) for each in (0, 73, 365))
EXPECTED = {"redeemed_bp": 5_000, "redemption_months": 3}


def a_program(silver: dict[str, Any] | None = None, **fields: Any) -> Program:
    """Normal, silver and gold members; a point for each dollar, a point worth a cent."""
    document = preset("music_store").document() | fields
    (tier_set,) = document["tier_sets"]
    tier_set["tiers"] = [
        {"key": "normal", "name": NAME},
        {"key": "silver", "name": NAME, "entry": _spend(100), "multiplier_bp": 20_000, **(silver or {})},
        {"key": "gold", "name": NAME, "entry": _spend(200), "discount_bp": 9_000},
    ]
    return Program.parse(document)


def _spend(value: int) -> dict[str, Any]:
    return {"metric": "spend", "op": ">=", "value": value}


def counted(
    live: Program, draft: Program, by_live: list[list[int]], by_draft: list[list[int]], spent: list[list[int]]
) -> Tally:
    """The tally of members by the ranks and the spend of each at each date; all of it in the last year."""
    walks = Walks(
        {"main": Walked([bytes(each) for each in by_live])},
        {"main": Walked([bytes(each) for each in by_draft], between=len(spent[0]))},
        spent,
        spent[-1],
    )
    return tally({"main": ImpactTally({"gold>silver": 1}, downgraded=1)}, walks, live, draft)


def test_tiers_moves_and_flows_are_counted_by_date() -> None:
    program = a_program()

    ladder = counted(
        program, program, [[0, 1], [1, 1], [2, 0]], [[0, 0], [0, 0], [1, 0]], [[0, 0], [50, 0], [90, 0]]
    ).ladders["main"]

    assert ladder.live.tiers == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert (ladder.live.upgraded, ladder.live.downgraded) == ([0, 1, 1], [0, 0, 1])
    assert ladder.flows == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert (ladder.losing, ladder.gaining) == (1, 0)


def test_a_tier_that_replaces_another_is_as_high_as_that() -> None:
    live, draft = a_program(), a_program({"key": "ruby", "replaces": ["silver"]})

    ladder = counted(live, draft, [[1]] * 3, [[1]] * 3, [[0]] * 3).ladders["main"]

    assert (ladder.losing, ladder.gaining) == (0, 0)
    assert both_tiers(live.tier_sets[0], draft.tier_sets[0]) == ["normal", "silver", "ruby", "gold"]


def test_what_was_spent_counts_for_the_tier_at_the_beginning() -> None:
    program = a_program()
    found = counted(program, program, [[0], [1], [2]], [[0], [0], [1]], [[100], [350], [900]]).money

    assert found.live == [[250, 0, 0], [0, 550, 0]]
    assert found.draft == [[250, 0, 0], [550, 0, 0]]
    assert (found.stake, found.gaining) == (900, 0)


@given(
    st.lists(st.tuples(*[st.integers(0, 2)] * 6, *[st.integers(0, 10**6)] * 3), min_size=2, max_size=12),
    st.integers(1, 11),
)
def test_parts_add_up_to_the_whole_wherever_they_are_cut(members: list[tuple[int, ...]], cut: int) -> None:
    program = a_program()

    def of(some: list[tuple[int, ...]]) -> Tally:
        columns = [list(each) for each in zip(*some, strict=True)] or [[] for _ in range(9)]
        return counted(program, program, columns[:3], columns[3:6], columns[6:])

    first, rest = members[: cut % len(members)], members[cut % len(members) :]
    whole, both = of(members), added(of(first), of(rest))

    both.impacts = whole.impacts
    assert both == whole


def test_flows_of_parts_are_joined_by_their_tiers() -> None:
    one, other = ImpactTally({"a>b": 1}, upgraded=1), ImpactTally({"a>b": 2, "b>a": 3}, downgraded=3)

    assert added(one, other) == ImpactTally({"a>b": 3, "b>a": 3}, upgraded=1, downgraded=3)


def test_points_are_by_the_rules_for_money_and_the_multiplier_of_the_tier() -> None:
    rules = [
        {"key": "buy", "event_kind": "purchase", "unit_minor": 100, "points_per_unit": 3},
        {
            "key": "flat",
            "event_kind": "purchase",
            "unit_minor": 100,
            "points_per_unit": 1,
            "multiplied": False,
        },
        {"key": "large", "event_kind": "purchase", "points_per_event": 50},
        {
            "key": "shop",
            "event_kind": "purchase",
            "unit_minor": 100,
            "points_per_unit": 9,
            "condition": "store == 'x'",
        },
    ]
    program = a_program(points={"name": NAME, "earn": rules})

    # 10.00 at once, 5.00 twice: 20.00 at three points, and 15.00 at one.
    assert points(program, [[1_000, 0, 0], [0, 500, 0]]) == 20 * 3 + 15
    assert points(program, [[-1_000, 0, 0], [0, 0, 0]]) == 0
    found = {(each.code, each.side): each.keys for each in remarks(_nobody(program), _sides(program))}
    assert found["POINT_RULES_LEFT_OUT", "live"] == ("large", "shop")


def _nobody(program: Program) -> Tally:
    return counted(program, program, [[]] * 3, [[]] * 3, [[]] * 3)


def _sides(program: Program, draft: Program | None = None) -> Sides:
    return Sides(program, draft or program, **EXPECTED)


def test_costs_are_those_of_the_document_for_the_days_that_tiers_were_held() -> None:
    benefit = {"benefit": "lounge", "kind": "service", "name": NAME, "cost_minor": 700}
    quota = {"benefit": "gift", "kind": "service", "name": NAME, "cost_minor": 1_000}
    quota |= {"quota": {"amount": 3, "period": "month"}}
    program = a_program({"benefits": [benefit, quota]})
    assumed = Assumptions(benefit_use_bp=5_000, unbounded_uses=2)
    found = counted(program, program, [[1], [2], [2]], [[0], [0], [0]], [[0], [10_000], [190_000]])

    of = money(found, DATES, assumed, _sides(program))

    # A year of it: two lounges, and half of 36 gifts. Gold has what silver has.
    assert of.live.benefits_minor == 2 * 700 + 18 * 1_000
    assert of.draft.benefits_minor == 0
    # 100.00 at two points as silver, 1,800.00 at one as gold; of points half are redeemed, each for a cent.
    assert of.live.points == 200 + 1_800
    assert of.live.liability_minor == 1_000
    # Who is gold pays nine tenths: of what was paid, a tenth was not asked for.
    assert of.live.discounts_minor == 18_000
    assert of.draft.points == 1_900
    assert of.days == 365


def test_the_range_is_what_losing_and_gaining_status_may_do_in_a_year() -> None:
    program = a_program()
    assumed = Assumptions(
        loss_low_bp=1_000, loss_high_bp=3_000, gain_low_bp=0, gain_high_bp=2_000, gross_margin_bp=5_000
    )
    found = counted(program, program, [[2, 0]] * 3, [[1, 1]] * 3, [[0, 0], [0, 0], [1_000, 400]])

    of = money(found, DATES, assumed, _sides(program))

    assert (of.stake_minor, of.gaining_minor) == (1_000, 400)
    assert (of.low.revenue_minor, of.high.revenue_minor) == (-300, -100 + 80)
    assert (of.low.margin_minor, of.high.margin_minor) == (-150, -10)
    cost = of.draft.total_minor - of.live.total_minor
    assert of.low.cost_minor == of.high.cost_minor == cost
    assert of.low.net_minor == -150 - cost


@pytest.mark.parametrize(
    ("cost", "roi"), [(100, 5_000), (0, None), (-100, None)], ids=["more", "none", "less"]
)
def test_there_is_an_roi_where_something_is_paid_for_it(cost: int, roi: int | None) -> None:
    assert Return(revenue_minor=300, margin_minor=150, cost_minor=cost).roi_bp == roi


def test_at_one_date_nothing_costs_anything() -> None:
    program = a_program()

    found = counted(program, program, [[2]], [[0]], [[500]])

    of = money(found, DATES[:1], Assumptions(), _sides(program))

    assert (of.days, of.live.total_minor, of.low.cost_minor, of.stake_minor) == (0, 0, 0, 500)


def test_what_is_not_counted_is_said() -> None:
    benefit = {"benefit": "lounge", "kind": "service", "name": NAME}
    draft = a_program({"benefits": [benefit]})
    gated = draft.document()
    gated["tier_sets"][0]["movement"] = {"review_gate": {"integrity_below": 5_000}}
    live = a_program()
    one = counted(live, live, [[0]] * 3, [[0]] * 3, [[0]] * 3)

    found = remarks(one, Sides(live, Program.parse(gated), 10_000, 0))

    assert {(each.code, each.side, each.keys) for each in found} == {
        ("POINTS_BY_SPEND_ALONE", "", ()),
        ("REDEMPTION_ASSUMED", "", ()),
        ("BENEFITS_WITHOUT_COST", "draft", ("lounge",)),
        ("MEMBERS_AS_TODAY", "draft", ("integrity",)),
        ("REVIEWS_BETWEEN_DATES", "draft", ()),
    }


def test_the_last_ends_of_months_are_those_that_are_over_where_the_program_is() -> None:
    ends = last_moments([], months=3, today=date(1998, 3, 31), time_zone="Asia/Shanghai")

    assert [each.isoformat() for each in ends] == [
        "1997-12-31T15:59:59.999000+00:00",
        "1998-01-31T15:59:59.999000+00:00",
        "1998-02-28T15:59:59.999000+00:00",
    ]
    assert len(last_moments([], months=0, today=date(1998, 3, 31), time_zone="UTC")) == 12


def test_a_day_that_is_not_over_is_refused() -> None:
    today = datetime(1998, 3, 31, 3, tzinfo=UTC)

    with pytest.raises(InvalidRequest):
        last_moments([today], months=0, today=date(1998, 3, 31), time_zone="UTC")
    assert (
        len(last_moments([today, today], months=0, today=date(1998, 3, 31), time_zone="America/New_York"))
        == 1
    )
