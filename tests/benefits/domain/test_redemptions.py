"""Redemptions: from which state each step leads where, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.benefits.domain.errors import GrantOfOwn, RedemptionEnded
from services.benefits.domain.redemptions import (
    Grant,
    Redemption,
    RedemptionState,
    approved,
    cancelled,
    expired,
    fulfilled,
    granted,
    is_due,
    rejected,
    reserved,
)
from tests.benefits.domain.reward_builders import a_reward
from tests.support.builders import DAY, NOON

LATER = NOON + timedelta(hours=1)


def a_redemption(state: RedemptionState = RedemptionState.RESERVED, *, stocked: int | None = 5) -> Redemption:
    """A coffee that a member redeemed at noon."""
    made = reserved(
        a_reward(stocked), "mem_1", redemption_id="rdm_1", hold_id="hld_1", day="1998-03-02", now=NOON
    )
    return replace(made, state=state)


def a_grant(*, at_once: bool = False) -> Redemption:
    """A coffee that Ann gives."""
    return granted(
        a_reward(5),
        "mem_1",
        Grant("ann", "an apology"),
        at_once=at_once,
        redemption_id="rdm_1",
        day="1998-03-02",
        now=NOON,
    )


def by(step: str, redemption: Redemption, at: datetime = LATER) -> Redemption:
    steps: dict[str, Callable[[], Redemption]] = {
        "fulfil": lambda: fulfilled(redemption, at),
        "cancel": lambda: cancelled(redemption, at, by_member=False),
        "cancel oneself": lambda: cancelled(redemption, at, by_member=True),
        "approve": lambda: approved(redemption, a_reward(5), by="bob", decision="yes", now=at),
        "reject": lambda: rejected(redemption, by="bob", decision="no", now=at),
    }
    return steps[step]()


LEADS = {
    ("fulfil", "reserved"): "fulfilled",
    ("cancel", "reserved"): "cancelled",
    ("cancel", "fulfilled"): "cancelled",
    ("cancel oneself", "reserved"): "cancelled",
    ("approve", "pending"): "reserved",
    ("reject", "pending"): "rejected",
}
STEPS = sorted({step for step, _ in LEADS})


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", RedemptionState)
def test_each_step_leads_from_its_own_states_and_is_refused_in_all_others(
    step: str, state: RedemptionState
) -> None:
    redemption = replace(a_grant(), state=state, due_time=NOON + DAY)

    if (step, str(state)) in LEADS:
        assert by(step, redemption).state == LEADS[step, str(state)]
    else:
        with pytest.raises(RedemptionEnded) as refused:
            by(step, redemption)
        assert refused.value.facts == {"state": state.upper()}


def test_what_is_reserved_keeps_the_terms_of_its_reward() -> None:
    redemption = a_redemption()

    assert (redemption.reward_version, redemption.price_points, redemption.value_minor) == (1, 100, 500)
    assert (redemption.name, redemption.due_time, redemption.counted) == (
        ("咖啡", "Coffee"),
        NOON + DAY,
        True,
    )
    assert not a_redemption(stocked=None).counted


@pytest.mark.parametrize(("at", "due"), [(NOON + DAY - timedelta(seconds=1), False), (NOON + DAY, True)])
def test_it_waits_until_its_end_and_no_longer(at: datetime, due: bool) -> None:
    assert is_due(a_redemption(), at) is due


def test_past_its_end_nothing_is_given_though_nobody_has_ended_it() -> None:
    with pytest.raises(RedemptionEnded) as refused:
        fulfilled(a_redemption(), NOON + DAY)

    assert refused.value.facts == {"state": "EXPIRED"}


def test_it_ends_when_it_was_due_however_late_somebody_looks() -> None:
    ended = expired(a_redemption())

    assert (ended.state, ended.ended_time) == (RedemptionState.EXPIRED, NOON + DAY)
    assert not is_due(ended, NOON + 2 * DAY)


@pytest.mark.parametrize("state", RedemptionState)
def test_what_is_reserved_or_fulfilled_counts(state: RedemptionState) -> None:
    assert a_redemption(state).live is (state in {"reserved", "fulfilled"})


def test_a_grant_costs_nothing_and_waits_for_a_second_person() -> None:
    grant = a_grant()

    assert (grant.state, grant.price_points, grant.value_minor, grant.hold_id) == ("pending", 0, 500, "")
    assert (grant.due_time, grant.counted, grant.shown) == (None, False, False)


def test_a_small_grant_is_reserved_at_once() -> None:
    grant = a_grant(at_once=True)

    assert (grant.state, grant.due_time, grant.counted, grant.shown) == ("reserved", NOON + DAY, True, True)


def test_who_asked_for_a_grant_does_not_approve_it() -> None:
    with pytest.raises(GrantOfOwn):
        approved(a_grant(), a_reward(5), by="ann", decision="yes", now=LATER)


def test_who_asked_for_a_grant_does_not_reject_it() -> None:
    with pytest.raises(GrantOfOwn):
        rejected(a_grant(), by="ann", decision="no", now=LATER)


def test_an_approved_grant_waits_from_its_approval_on() -> None:
    grant = by("approve", a_grant())

    assert grant.due_time == LATER + DAY
    assert grant.counted
    assert grant.grant == Grant("ann", "an apology", "bob", "yes")


def test_what_members_redeem_themselves_is_no_grant_to_be_decided() -> None:
    with pytest.raises(RedemptionEnded):
        by("approve", a_redemption())
