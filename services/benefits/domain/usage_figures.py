"""Usage figures: a month's usage as it may be published, so that small groups cannot be worked out.

Small is a group with fewer than `members_min` who used something, or with
fewer who did not: either would tell of somebody whom others know to be in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.benefits.domain.fairness import told
from services.benefits.domain.usage import Item, Month, Place, Tally, UsageKind, Used
from services.benefits.domain.usage_terms import Terms

NOTHING = Used()


@dataclass(frozen=True, slots=True)
class Group:
    """The members of one tier, or of several that are told together, and what they used."""

    tiers: tuple[str, ...]
    members: int
    used: Used = NOTHING

    def may_be_told(self, members_min: int) -> bool:
        """Whether neither those who used it nor those who did not are few."""
        return self.used.users >= members_min and self.members - self.used.users >= members_min


@dataclass(frozen=True, slots=True)
class ItemUsage:
    """The usage of an item among those who may have it in a tier set; `groups` add up to `everybody`."""

    kind: UsageKind
    key: str
    name: tuple[str, str]
    tier_set: str
    everybody: Group
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class UsageFigures:
    """What is published of a month; what is not among `items` was used by too few to be told, or by nobody.

    `tier_sets` has the members of each tier, of some tiers together where they
    are few. `members` is 0 where all of them are: then nothing is told.
    """

    month: Month
    program_version: int
    members_min: int
    members: int
    tier_sets: Mapping[str, Sequence[Group]]
    items: Sequence[ItemUsage]


def figures(
    month: Month,
    tally: Tally,
    ladders: Mapping[str, Sequence[str]],
    terms: Mapping[Item, Terms],
    *,
    program_version: int,
    members_min: int,
) -> UsageFigures:
    """What may be told of a tally; `ladders` are the tiers of each tier set in ascending rank.

    Which tiers are told together is the same for all items: else the members of
    a small tier were the difference between two sums.
    """
    if tally.members < members_min:
        return UsageFigures(month, program_version, members_min, 0, {}, ())
    classes = {
        tier_set: _classes({tier: tally.holders[tier_set, tier] for tier in tiers}, members_min)
        for tier_set, tiers in ladders.items()
    }
    items = (
        _item(
            item,
            terms[item],
            tier_set,
            _used(classes[tier_set], tally.used[item], tier_set),
            members_min,
        )
        for item in sorted(tally.used)
        for tier_set in terms[item].tiers
    )
    told_items = [each for each in items if each is not None]
    return UsageFigures(month, program_version, members_min, tally.members, classes, told_items)


def _classes(holders: Mapping[str, int], members_min: int) -> list[Group]:
    """The tiers that are large enough, and the others as one, which then is as well."""
    alone = set(told(holders, members_min))
    groups = [Group((tier,), count) for tier, count in holders.items() if tier in alone]
    others = [Group((tier,), count) for tier, count in holders.items() if tier not in alone]
    return [*groups, *_as_one(others)]


def _used(classes: Sequence[Group], by_place: Mapping[Place, Used], tier_set: str) -> list[Group]:
    """The classes with what their members used."""
    return [
        replace(
            each, used=sum((by_place.get((tier_set, tier), NOTHING) for tier in each.tiers), start=NOTHING)
        )
        for each in classes
    ]


def _item(
    item: Item, terms: Terms, tier_set: str, groups: Sequence[Group], members_min: int
) -> ItemUsage | None:
    """What is told of an item in a tier set: of the tiers that may have it, or of all where others had it."""
    may_have = set(terms.tiers[tier_set])
    could = [each for each in groups if not may_have.isdisjoint(each.tiers)]
    if any(each.used.users for each in groups if each not in could):
        could = list(groups)
    everybody = next(iter(_as_one(could)), None)
    if everybody is None or not everybody.may_be_told(members_min):
        return None
    return ItemUsage(*item, terms.name, tier_set, everybody, _apart(could, members_min))


def _apart(groups: Sequence[Group], members_min: int) -> list[Group]:
    """Groups that may be told, which are all members together.

    What may not be told is told as one, which then has two groups at least and
    may be told itself: for that, those with the fewest users go with it.
    """
    shown = sorted(
        (each for each in groups if each.may_be_told(members_min)), key=lambda each: -each.used.users
    )
    hidden = [each for each in groups if not each.may_be_told(members_min)]
    while shown and hidden and not _one(hidden).may_be_told(members_min):
        hidden.append(shown.pop())
    return [
        *(each for each in groups if each in shown),
        *_as_one([each for each in groups if each in hidden]),
    ]


def _as_one(groups: Sequence[Group]) -> list[Group]:
    return [_one(groups)] if groups else []


def _one(groups: Sequence[Group]) -> Group:
    """Groups together."""
    return Group(
        tuple(tier for each in groups for tier in each.tiers),
        sum(each.members for each in groups),
        sum((each.used for each in groups), start=NOTHING),
    )
