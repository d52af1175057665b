"""Builders of rewards and of members who want them, with defaults under which nothing stands against it."""

from dataclasses import replace
from typing import Any

from libs.common.program import Program, preset
from services.benefits.domain.reward_obstacles import Standing
from services.benefits.domain.rewards import Reward, RewardKind, Terms, created
from tests.support.builders import NOON, PROGRAM

STORE = preset(PROGRAM)


def terms(**changes: Any) -> Terms:
    """A coffee for 100 points, worth 5.00, that waits for a day."""
    coffee = Terms(
        kind=RewardKind.GOODS,
        name=("咖啡", "Coffee"),
        price_points=100,
        value_minor=500,
        reserve_minutes=24 * 60,
    )
    return replace(coffee, **changes)


def a_reward(stocked: int | None = None, *, taken: int = 0, archived: bool = False, **changes: Any) -> Reward:
    """A coffee of the music store."""
    said = terms(**changes)
    # Made while what it is paid with still paid.
    reward = created(STORE, "coffee", replace(said, point_type=""), stocked, NOON)
    return replace(reward, terms=said, taken=taken, archived=archived)


def a_standing(**changes: Any) -> Standing:
    """A member with 100 points who never redeemed anything."""
    return replace(Standing(available_points=100), **changes)


def a_program(**redemption: int) -> Program:
    """The music store with other rules of redeeming."""
    document = STORE.document()
    document["points"]["redemption"] |= redemption
    return Program.parse(document)
