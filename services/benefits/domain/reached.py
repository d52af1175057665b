"""Tiers that members reach for the first time, and the points that reaching one gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.effects import Effect
from services.benefits.domain.ledger import ISSUER, Transaction
from services.benefits.domain.memberships import InForce, Membership
from services.benefits.domain.posting import Posting

TIER_REWARD = "tier_reward"


@dataclass(frozen=True, slots=True)
class Reached:
    """A tier that a member reached for the first time, its place, and the points it rewards, 0 for none.

    `transaction_id` is that of the ledger, as soon as the points are given.
    """

    program_id: str
    member_id: str
    tier_set: str
    tier: str
    rank: int
    points: int
    reached_time: datetime
    decision_id: str
    transaction_id: str = ""

    @property
    def key(self) -> str:
        """What it is kept and rewarded under, once."""
        return reached_key(self.program_id, self.member_id, self.tier_set, self.tier)


def reached_key(program_id: str, member_id: str, tier_set: str, tier: str) -> str:
    """The key of a tier that a member reached."""
    return f"{program_id}/{member_id}/{tier_set}/{tier}"


def newly_reached(program: Program, effects: Sequence[Effect]) -> list[Reached]:
    """The tiers that decisions bring by rules, those that were passed included, from the lowest up.

    Of ladders with rewards or of paths alone. What staff or contracts give is
    not reached, and what rules give beneath it is. A tier that was lost is
    here again when it is met again.
    """
    sets = {each.key: each for each in program.tier_sets if each.path is not None or _rewards(each)}
    return [
        each
        for effect in effects
        for membership in effect.before
        if membership.tier_set in sets
        for each in _reached_by(sets[membership.tier_set], membership, effect)
    ]


def _rewards(tier_set: TierSet) -> bool:
    return any(tier.reward_points for tier in tier_set.tiers)


def _reached_by(tier_set: TierSet, membership: Membership, effect: Effect) -> list[Reached]:
    ranks, found = ranks_of(tier_set), list[Reached]()
    rank = ranks.get(earned_tier(membership.tier, membership.override), 0)
    for decision in effect.decisions:
        if decision.membership_id != membership.membership_id:
            continue
        after = ranks.get(earned_tier(decision.tier.to_tier, decision.tier.override), 0)
        found += [
            Reached(
                program_id=membership.program_id,
                member_id=membership.member_id,
                tier_set=tier_set.key,
                tier=tier.key,
                rank=place,
                points=tier.reward_points,
                reached_time=decision.tier.as_of,
                decision_id=decision.decision_id,
            )
            for place, tier in enumerate(tier_set.tiers[: after + 1])
            if place > rank
        ]
        rank = after
    return found


def earned_tier(tier: str, override: InForce | None) -> str:
    """What rules give: the tier, or what is beneath the one that staff gave."""
    return tier if override is None else override.earned_tier


def ranks_of(tier_set: TierSet) -> Mapping[str, int]:
    """The places of the tiers of a set, and of those of versions before."""
    return {key: rank for rank, tier in enumerate(tier_set.tiers) for key in (tier.key, *tier.replaces)}


def reward(posting: Posting, reached: Reached, *, expire_time: datetime | None) -> Transaction:
    """Post the points of a tier, as of when it was reached; in the ledger its key is unique as well."""
    transaction = posting.begin(
        TIER_REWARD,
        source=TIER_REWARD,
        external_ref=reached.key,
        line=0,
        occurred_time=reached.reached_time,
        points=reached.points,
    )
    posting.move(transaction, posting.system(ISSUER), -reached.points)
    posting.bring(
        transaction,
        reached.member_id,
        reached.points,
        active_time=reached.reached_time,
        expire_time=expire_time,
    )
    return transaction
