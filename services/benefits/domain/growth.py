"""Growth paths: which of them a member is shown, and how far they are on one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.common.tier_policy import Tier, TierSet
from services.benefits.domain.memberships import Membership
from services.benefits.domain.occasions import Gap
from services.benefits.domain.reached import Reached, earned_tier, ranks_of, reached_key


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a path: whether a member has reached it, and since when, where that was written down."""

    tier: Tier
    reached: bool
    written: Reached | None


@dataclass(frozen=True, slots=True)
class PathProgress:
    """How far a member is on a path: its nodes in order, the next one, and what is missing for it."""

    tier_set: TierSet
    nodes: tuple[Node, ...]
    next_node: str = ""
    gaps: tuple[Gap, ...] = ()


def is_shown(tier_set: TierSet, main_tier: str) -> bool:
    """Whether a tier set is a path for who holds this tier of the program's first one."""
    path = tier_set.path
    return path is not None and (not path.for_tiers or main_tier in path.for_tiers)


def progress(
    tier_set: TierSet,
    membership: Membership,
    written: Mapping[str, Reached],
    *,
    next_node: str,
    gaps: Sequence[Gap],
) -> PathProgress:
    """How far a member is, given what was written down of them by key, and what the last decision found."""
    rank = ranks_of(tier_set).get(earned_tier(membership.tier, membership.override), 0)
    key = (membership.program_id, membership.member_id, tier_set.key)
    nodes = tuple(
        Node(tier, place <= rank, written.get(reached_key(*key, tier.key)))
        for place, tier in enumerate(tier_set.tiers)
    )
    return PathProgress(tier_set, nodes, next_node, tuple(gaps))
