"""Overrides: when it takes two, who the second one is, and what is over."""

from datetime import timedelta

import pytest

from libs.common.program import preset
from services.benefits.domain.errors import TierOverrideEnded, TierOverrideOfOwn, TierUnknown
from services.benefits.domain.overrides import (
    OverrideState,
    TierOverride,
    applied,
    needs_second,
    over,
    require_second,
)
from tests.support.builders import DAY, NOON

LADDER = preset("ecommerce_five").tier_sets[0]
INSTANT = timedelta(milliseconds=1)


def an_override(**fields: object) -> TierOverride:
    asked = {
        "override_id": "ovr_1",
        "program_id": "shop",
        "member_id": "mem_1",
        "tier_set": "main",
        "tier": "gold",
        "code": "GOODWILL",
        "explanation": "case 4711",
        "asked_by": "mia",
        "asked_time": NOON,
        "until_time": NOON + DAY,
    }
    return TierOverride(**(asked | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "tier", "two"),
    [("silver", "gold", True), ("gold", "gold", True), ("gold", "silver", False), ("gold", "normal", False)],
)
def test_it_takes_two_unless_the_tier_is_lower(held: str, tier: str, two: bool) -> None:
    assert needs_second(LADDER, held=held, tier=tier) is two


def test_a_tier_that_was_replaced_counts_as_the_one_in_its_place() -> None:
    silver, gold = LADDER.tiers[1], LADDER.tiers[2].model_copy(update={"replaces": ("ruby",)})
    ladder = LADDER.model_copy(update={"tiers": (LADDER.tiers[0], silver, gold)})

    assert needs_second(ladder, held="ruby", tier="silver") is False


def test_a_tier_that_there_is_not_is_refused() -> None:
    with pytest.raises(TierUnknown):
        needs_second(LADDER, held="gold", tier="opal")


def test_the_second_person_is_another() -> None:
    with pytest.raises(TierOverrideOfOwn):
        require_second(an_override(), by="mia", time=NOON)


def test_what_waited_until_its_time_was_past_is_not_approved() -> None:
    require_second(an_override(), by="otto", time=NOON + DAY - INSTANT)

    with pytest.raises(TierOverrideEnded):
        require_second(an_override(), by="otto", time=NOON + DAY)


@pytest.mark.parametrize("state", [each for each in OverrideState if each is not OverrideState.PENDING])
def test_what_was_decided_is_not_approved(state: OverrideState) -> None:
    with pytest.raises(TierOverrideEnded) as refused:
        require_second(an_override(state=state), by="otto", time=NOON)

    assert refused.value.facts == {"state": str(state)}


def test_one_that_waits_is_rejected_and_one_in_force_is_ended() -> None:
    waiting = an_override()

    rejected = over(waiting, by="otto", time=NOON, now=NOON)
    ended = over(applied(waiting, "dec_1", by="otto", now=NOON), by="mia", time=NOON, now=NOON)

    assert (rejected.state, rejected.decided_by, rejected.ended_by) == (OverrideState.REJECTED, "otto", "")
    assert (ended.state, ended.decided_by, ended.ended_by) == (OverrideState.ENDED, "otto", "mia")


def test_one_whose_time_is_past_is_over_by_itself() -> None:
    in_force = applied(an_override(), "dec_1", by="otto", now=NOON)

    with pytest.raises(TierOverrideEnded) as refused:
        over(in_force, by="mia", time=NOON + DAY, now=NOON)

    assert refused.value.facts == {"state": "past"}
