"""Schedules follow from their seed, leave no kind out, and are long enough."""

from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign
from tests.faults.firewall import Firewall
from tests.faults.hand import drops
from tests.faults.nemesis import PLANS, Plan, schedule
from tests.faults.replica_set import Member
from tests.faults.servers import Server


def a_campaign(folder: Path, *, smoke: bool = True, firewall: Firewall | None = None) -> Campaign:
    return Campaign(seed=1, smoke=smoke, faults=list(PLANS), folder=folder, firewall=firewall)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_same_seed_gives_the_same_schedule_and_another_one_another(plan: Plan) -> None:
    first = schedule(plan, 20, seed=1, smoke=True)

    assert schedule(plan, 20, seed=1, smoke=True) == first
    assert schedule(plan, 20, seed=2, smoke=True) != first


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_kinds_come_in_turn_and_last_as_long_as_they_should(plan: Plan) -> None:
    strikes = list(chain(*schedule(plan, 24, seed=3, smoke=False)))

    low, high = plan.lasts
    counts = Counter(strike.kind for strike in strikes)
    assert set(counts) == set(plan.kinds)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert all(low <= strike.lasts_seconds <= high for strike in strikes)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_what_is_done_at_once_is_done_to_different_ones(plan: Plan) -> None:
    groups = schedule(plan, 20, seed=5, smoke=True)

    assert all(len({strike.kind for strike in group}) == len(group) for group in groups)
    assert sum(map(len, groups)) == 20


def test_a_smoke_run_has_sixty_faults_even_where_packets_cannot_be_dropped(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path)

    assert "N3" not in [plan.name for plan in campaign.plans]
    assert sum(order.count for plan in campaign.plans for order in campaign.orders(plan)) >= 60


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_release_run_does_all_of_it_in_rounds_of_their_own_seeds(tmp_path: Path, plan: Plan) -> None:
    orders = a_campaign(tmp_path, smoke=False).orders(plan)

    assert sum(order.count for order in orders) == plan.release
    assert sum(order.operations for order in orders) >= plan.release_operations
    assert len({order.seed for order in orders}) == len(orders) > 1


def test_an_isolation_drops_what_its_kind_says() -> None:
    primary, *others = [Member(Server(str(n), [], Path(), before=None), n, 100 + n) for n in range(3)]

    mute, deaf = drops("mute", primary, others), drops("deaf", primary, others)

    assert {(drop.group, drop.port) for drop in mute} == {(100, 1), (100, 2)}
    assert {(drop.group, drop.port) for drop in deaf} == {(101, 0), (102, 0)}
    assert drops("peers", primary, others) == mute + deaf
    assert {(drop.group, drop.port) for drop in drops("everybody", primary, others)} == {
        (100, None),
        (None, 0),
    }
