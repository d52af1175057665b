"""Usage: what members did in a month with benefits, rewards and coupons, by the tier that they held in it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self

from libs.common.clock import business_date, start_of_day
from libs.common.tier_policy import TierSet
from services.benefits.domain.contracts import Contract
from services.benefits.domain.standing import tier_at

# So long a month waits for what tills tell late and members give back; later corrections are not in it.
SETTLED_DAYS = 7
# Of a kind, so that what is counted stays small; what else was used is counted as one.
ITEMS_MAX = 100
OTHERS = ""


class UsageKind(StrEnum):
    """What may be used."""

    BENEFIT = "benefit"
    COUPON_CAMPAIGN = "coupon_campaign"
    REWARD = "reward"


Item = tuple[UsageKind, str]
"""Something that may be used, by its key."""
Place = tuple[str, str]
"""Tier set and tier."""


@dataclass(frozen=True, slots=True)
class Used:
    """How many members used something, how often, and how much that was in its own units."""

    users: int = 0
    uses: int = 0
    units: int = 0
    points: int = 0
    value_minor: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.users + other.users,
            self.uses + other.uses,
            self.units + other.units,
            self.points + other.points,
            self.value_minor + other.value_minor,
        )


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a program's days.

    >>> Month.parse("2026-12").following.key
    '2027-01'
    """

    first: date

    @classmethod
    def parse(cls, key: str) -> Self:
        """The month of a key, such as 2026-11."""
        return cls(date.fromisoformat(f"{key}-01"))

    @classmethod
    def settled_at(cls, moment: datetime, time_zone: str) -> Self:
        """The latest month that is settled at a time."""
        day = business_date(moment, time_zone) - timedelta(days=SETTLED_DAYS)
        return cls((day.replace(day=1) - timedelta(days=1)).replace(day=1))

    @property
    def key(self) -> str:
        """Its name."""
        return f"{self.first:%Y-%m}"

    @property
    def following(self) -> "Month":
        """The next one."""
        return Month((self.first + timedelta(days=31)).replace(day=1))

    def begin(self, time_zone: str) -> datetime:
        """When it begins where the program does its business."""
        return start_of_day(self.first, time_zone)

    def settled_time(self, time_zone: str) -> datetime:
        """When it is counted."""
        return start_of_day(self.following.first + timedelta(days=SETTLED_DAYS), time_zone)


@dataclass(frozen=True, slots=True)
class TierChange:
    """A change of a member's tier; from an empty one who joined."""

    from_tier: str
    to_tier: str
    time: datetime


def highest(
    tier_set: TierSet,
    tier: str,
    changes: Sequence[TierChange],
    contracts: Sequence[Contract],
    *,
    begin: datetime,
    end: datetime,
) -> str:
    """The highest tier that a member held between two times, earned or by contract; empty before they joined.

    `tier` is the earned one of now, and `changes` are all since the begin, in
    their order. A month has one tier of a member, so that members of its tiers
    add up to all, and whoever could use something in it is among those who could.
    """
    tiers = {tier}
    if changes:
        tiers = {changes[0].from_tier, *(each.to_tier for each in changes if each.time < end)}
    places = [
        place for place, each in enumerate(tier_set.tiers) if not tiers.isdisjoint((each.key, *each.replaces))
    ]
    if not places:
        return ""
    earned = tier_set.tiers[places[-1]].key
    starts = (each.period.start_time for each in contracts)
    held = {
        tier_at(tier_set, earned, contracts, at) for at in {begin, *(at for at in starts if begin < at < end)}
    }
    return next(each.key for each in reversed(tier_set.tiers) if each.key in held)


@dataclass(slots=True)
class Tally:
    """What was counted: members by tier, and what they used by item and tier."""

    members: int = 0
    holders: Counter[Place] = field(default_factory=Counter)
    used: dict[Item, dict[Place, Used]] = field(default_factory=dict)

    def add(self, tiers: Mapping[str, str], used: Mapping[Item, Used]) -> None:
        """Count a member by the tier of each tier set, with what they used.

        Only who has a standing in each tier set: so tiers have as many in one
        as in the other, and nobody is known by the difference.
        """
        if not all(tiers.values()):
            return
        self.members += 1
        self.holders.update(tiers.items())
        own: dict[Item, Used] = {}
        for item in sorted(used):
            counted = self._counted(item)
            own[counted] = replace(own.get(counted, Used()) + used[item], users=1)
        for item, each in own.items():
            by_place = self.used[item]
            for place in tiers.items():
                by_place[place] = by_place.get(place, Used()) + each

    def _counted(self, item: Item) -> Item:
        """As what it is counted: by itself, as long as there is room for it."""
        kind, _ = item
        if item not in self.used and sum(each == kind for each, _ in self.used) >= ITEMS_MAX:
            item = kind, OTHERS
        self.used.setdefault(item, {})
        return item


class UsageState(StrEnum):
    """How far a month is; the one in which a program is first seen is noted only."""

    NOTED = "noted"
    COUNTING = "counting"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class UsageMonth:
    """A month of a program, counted up to a membership by a version of it; `figures` are as published."""

    program_id: str
    month: Month
    state: UsageState
    program_version: int = 0
    after: str = ""
    tally: Tally = field(default_factory=Tally)
    figures: bytes = b""
