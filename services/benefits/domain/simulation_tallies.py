"""What a part of a simulation counts: parts add up, whatever their order, to what all members come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.programs import tier_set_of

Ranks = bytes | bytearray
"""The places of members' tiers, a byte each."""


@dataclass(slots=True)
class ImpactTally:
    """Memberships of a tier set decided on by the version, by `from>to` tiers."""

    flows: dict[str, int] = field(default_factory=dict)
    upgraded: int = 0
    downgraded: int = 0
    stayed: int = 0


@dataclass(slots=True)
class SideTally:
    """Where members stand by a version: by date and rank, and how many moved since the date before."""

    tiers: list[list[int]]
    upgraded: list[int]
    downgraded: list[int]
    between: int = 0


@dataclass(slots=True)
class LadderTally:
    """Where members stand in a tier set by both versions; `flows` are by rank from the one to the other."""

    live: SideTally
    draft: SideTally
    flows: list[list[int]]
    losing: int = 0
    gaining: int = 0


@dataclass(slots=True)
class MoneyTally:
    """What members spent between dates, by the rank of the first tier set that they began it with.

    `stake` is what those spent in the year before the last date whose tier is
    lower by the version, `gaining` what those did whose is higher.
    """

    live: list[list[int]]
    draft: list[list[int]]
    stake: int = 0
    gaining: int = 0


@dataclass(slots=True)
class Tally:
    """All that a part counts."""

    members: int
    impacts: dict[str, ImpactTally]
    ladders: dict[str, LadderTally]
    money: MoneyTally


def added(one: Any, other: Any) -> Any:
    """The sum of two tallies of one shape: numbers add up, wherever they stand."""
    if isinstance(one, int):
        return one + other
    if isinstance(one, list):
        return [added(mine, theirs) for mine, theirs in zip(one, other, strict=True)]
    if isinstance(one, dict):
        both = {key: added(one[key], other[key]) for key in one.keys() & other.keys()}
        return {key: both.get(key, one.get(key, other.get(key))) for key in sorted(one.keys() | other.keys())}
    return type(one)(*(added(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)))


def rank_of(tier_set: TierSet, tier: str) -> int:
    """The place of a tier, or of the one that stands for it; -1 of who joins."""
    for rank, each in enumerate(tier_set.tiers):
        if tier == each.key or tier in each.replaces:
            return rank
    return -1


def both_tiers(live: TierSet, draft: TierSet) -> list[str]:
    """The tiers of both versions in ascending rank; those of the live one alone before what replaces them."""
    own = {each.key for each in draft.tiers}
    gone: dict[int, list[str]] = {}
    for each in live.tiers:
        if each.key not in own:
            gone.setdefault(rank_of(draft, each.key), []).append(each.key)
    return [key for rank, tier in enumerate(draft.tiers) for key in (*gone.get(rank, ()), tier.key)]


@dataclass(frozen=True, slots=True)
class Walked:
    """Where members stand in a tier set by a version: by date their ranks, a byte each."""

    ranks: Sequence[Ranks]
    between: int = 0


@dataclass(frozen=True, slots=True)
class Walks:
    """Where members stand in the tier sets of both versions; what they spent by each date, and in a year."""

    live: Mapping[str, Walked]
    draft: Mapping[str, Walked]
    spent: Sequence[Sequence[int]]
    spent_in_year: Sequence[int]


def tally(impacts: dict[str, ImpactTally], walks: Walks, live: Program, draft: Program) -> Tally:
    """What a part counts; tier sets are the same in both versions."""
    sets = [(each, tier_set_of(draft, each.key)) for each in live.tier_sets]
    return Tally(
        members=len(walks.spent_in_year),
        impacts=impacts,
        ladders={
            each.key: _ladder_tally(each, other, walks.live[each.key], walks.draft[each.key])
            for each, other in sets
        },
        money=_money_tally(*sets[0], walks),
    )


def _ladder_tally(live: TierSet, draft: TierSet, by_live: Walked, by_draft: Walked) -> LadderTally:
    ends = by_live.ranks[-1], by_draft.ranks[-1]
    pairs, signs = (
        Counter(zip(*ends, strict=True)),
        Counter(_signs(_standing_for(live, draft, ends[0]), ends[1])),
    )
    return LadderTally(
        live=_side_tally(by_live, len(live.tiers)),
        draft=_side_tally(by_draft, len(draft.tiers)),
        flows=[[pairs[one, other] for other in range(len(draft.tiers))] for one in range(len(live.tiers))],
        losing=signs[-1],
        gaining=signs[1],
    )


def _side_tally(walked: Walked, tiers_count: int) -> SideTally:
    counts = [Counter(each) for each in walked.ranks]
    moves = [Counter(_signs(before, after)) for before, after in pairwise(walked.ranks)]
    return SideTally(
        tiers=[[each[rank] for rank in range(tiers_count)] for each in counts],
        upgraded=[0, *(each[1] for each in moves)],
        downgraded=[0, *(each[-1] for each in moves)],
        between=walked.between,
    )


def _money_tally(live: TierSet, draft: TierSet, walks: Walks) -> MoneyTally:
    by_live, by_draft = walks.live[live.key].ranks, walks.draft[draft.key].ranks
    spent = [[later - sooner for sooner, later in zip(*each, strict=True)] for each in pairwise(walks.spent)]
    signs = _signs(_standing_for(live, draft, by_live[-1]), by_draft[-1])
    of_year = list(zip(signs, walks.spent_in_year, strict=True))
    return MoneyTally(
        live=_by_rank(by_live, spent, len(live.tiers)),
        draft=_by_rank(by_draft, spent, len(draft.tiers)),
        stake=sum(spend for sign, spend in of_year if sign < 0),
        gaining=sum(spend for sign, spend in of_year if sign > 0),
    )


def _by_rank(ranks: Sequence[Ranks], spent: Sequence[Sequence[int]], tiers_count: int) -> list[list[int]]:
    """What was spent between dates, by the tier at the beginning."""
    found = []
    for held, amounts in zip(ranks, spent, strict=False):  # nothing is spent after the last date
        sums = [0] * tiers_count
        for rank, amount in zip(held, amounts, strict=True):
            sums[rank] += amount
        found.append(sums)
    return found


def _standing_for(live: TierSet, draft: TierSet, ranks: Ranks) -> bytes:
    """Ranks of the live version as those of the tiers that stand for them in the other one."""
    places = bytes(rank_of(draft, each.key) for each in live.tiers)
    return bytes(places[rank] for rank in ranks)


def _signs(before: Ranks, after: Ranks) -> list[int]:
    """1 for each who is higher after, -1 for each who is lower."""
    return [(new > old) - (new < old) for old, new in zip(before, after, strict=True)]
