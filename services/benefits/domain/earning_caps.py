"""Caps: how much room a rule has left on a business day, given what the rules gave before on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from libs.common.earning_policy import EarningRule, EarningTerms


@dataclass(frozen=True, slots=True)
class Used:
    """How often a rule has given something on a day, and how many points."""

    times: int = 0
    points: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(self.times + other.times, self.points + other.points)


# What the rules gave a member on one business day, by rule.
Earned = Mapping[str, Used]


@dataclass(frozen=True, slots=True)
class Room:
    """What the caps of a rule leave, None where they say nothing; and which leave least, with limits."""

    times: int | None = None
    points: int | None = None
    times_cap: tuple[str, int] = ("", 0)
    points_cap: tuple[str, int] = ("", 0)


def room(terms: EarningTerms, rule: EarningRule, earned: Earned) -> Room:
    """The least that any cap of a rule leaves; of caps that leave alike, the first."""
    left = Room()
    for key, rules, per_day in terms.caps_of(rule):
        used = sum((earned[each] for each in rules if each in earned), Used())
        if per_day.times is not None:
            times = max(0, per_day.times - used.times)
            if left.times is None or times < left.times:
                left = replace(left, times=times, times_cap=(key, per_day.times))
        if per_day.points is not None:
            points = max(0, per_day.points - used.points)
            if left.points is None or points < left.points:
                left = replace(left, points=points, points_cap=(key, per_day.points))
    return left


def with_more(earned: Earned, rule: str, points: int) -> Earned:
    """What was earned, with this more; what gave nothing is no time."""
    return {**earned, rule: earned.get(rule, Used()) + Used(1, points)} if points else earned
