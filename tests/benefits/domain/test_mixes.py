"""What is given back is divided by segment, to the unit, and says why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.mix_policy import Mix
from libs.common.program import Program, preset
from services.benefits.domain.earning_situations import Situation
from services.benefits.domain.mixes import Split, split
from tests.support.builders import NOON, PROGRAM

NAME = {"zh": "某", "en": "Some"}
HIGH = {"key": "high_value", "name": NAME, "condition": "tier == 'gold'", "cash_bp": 4_000}
ORDINARY = {"key": "ordinary", "name": NAME, "cash_bp": 6_000}
STORE = preset(PROGRAM).document()


def divided(
    value_minor: int, *segments: dict[str, Any], tier: str = "normal", rounding: str = "floor"
) -> Split:
    mix = {"segments": segments or (HIGH, ORDINARY), "rounding": rounding}
    program = Program.parse(STORE | {"mix": mix})
    assert isinstance(program.mix, Mix)
    situation = Situation(
        program=program, event_kind="purchase", amount_minor=value_minor, tier=tier, occurred_time=NOON
    )
    return split(program.mix, situation)


@pytest.mark.parametrize(
    ("tier", "segment", "cash", "service"), [("gold", "high_value", 40, 60), ("normal", "ordinary", 60, 40)]
)
def test_a_value_of_100_is_40_cash_and_60_service_for_high_value_members_and_the_reverse_for_others(
    tier: str, segment: str, cash: int, service: int
) -> None:
    found = divided(100, tier=tier)

    assert (found.segment.key, found.cash_minor, found.service_minor) == (segment, cash, service)


@given(
    value_minor=st.integers(0, 10**12),
    cash_bp=st.integers(0, 10_000),
    rounding=st.sampled_from(["floor", "half_up"]),
)
def test_cash_and_service_are_the_value_and_within_a_unit_of_their_shares(
    value_minor: int, cash_bp: int, rounding: str
) -> None:
    found = divided(value_minor, ORDINARY | {"cash_bp": cash_bp}, rounding=rounding)

    assert found.cash_minor + found.service_minor == value_minor
    assert min(found.cash_minor, found.service_minor) >= 0
    assert abs(found.cash_minor * 10_000 - value_minor * cash_bp) < 10_000


@pytest.mark.parametrize(("rounding", "cash", "service"), [("floor", 61, 42), ("half_up", 62, 41)])
def test_the_cash_is_rounded_as_the_program_says_and_service_is_the_rest(
    rounding: str, cash: int, service: int
) -> None:
    found = divided(103, rounding=rounding)

    assert (found.cash_minor, found.service_minor) == (cash, service)


def test_a_promotion_is_a_segment_of_its_own_dates() -> None:
    sale = ORDINARY | {"key": "sale", "condition": "date == '1998-03-02'", "cash_bp": 9_000}

    assert divided(100, sale, HIGH, ORDINARY, tier="gold").segment.key == "sale"


def test_each_segment_before_the_one_that_decided_says_why_it_did_not() -> None:
    unanswered = HIGH | {"key": "odd", "condition": "attributes.campaign == 'x'"}

    found = divided(100, unanswered, HIGH, ORDINARY)

    assert [(each.segment.key, each.reason) for each in found.tried] == [
        ("odd", "EARNING_CONDITION_FAILED"),
        ("high_value", "EARNING_CONDITION_NOT_MET"),
        ("ordinary", ""),
    ]
