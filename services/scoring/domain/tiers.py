"""The tier decision: facts, a policy and a time in; the tier and its receipt out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from libs.common.program import Program, TierSet
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.reasons import next_reasons, outcome_reasons
from services.scoring.domain.receipts import (
    Cause,
    NextTier,
    Outcome,
    Policy,
    Receipt,
)
from services.scoring.domain.rules import RuleResult, TierRule, tier_rule


@dataclass(frozen=True, slots=True)
class Ladder:
    """A tier set, compiled: its tiers in ascending rank and the facts that their rules read."""

    policy: Policy
    tier_set: str
    tiers: tuple[TierRule, ...]
    fact_names: tuple[str, ...]
    near_upgrade_bp: int

    def rank(self, tier: str) -> int:
        """The place of a tier, from 0; -1 before the first, for one who joins."""
        if not tier:
            return -1
        for rank, rule in enumerate(self.tiers):
            if rule.key == tier:
                return rank
        raise TierUnknown(tier_set=self.tier_set, tier=tier)


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier held and the time of the decision that gave it; no tier for one who joins."""

    tier: str = ""
    decided_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Facts that call for a decision."""

    cause: Cause
    occurred_time: datetime
    facts: Mapping[str, int]


def ladders(program: Program, digest: str) -> dict[str, Ladder]:
    """The compiled tier sets of a program by key; `digest` names its document."""
    policy = Policy(program.key, program.version, digest)
    return {tier_set.key: _ladder(policy, tier_set, program.currency) for tier_set in program.tier_sets}


def decide(ladder: Ladder, standing: Standing, step: Step) -> Receipt:
    """Decide one step: the highest tier whose own rule holds, and never a lower one than is held.

    Rules need not be nested: one who meets gold is gold, whatever silver asks.
    """
    held = ladder.rank(standing.tier)
    results = [tier.evaluate(step.facts) for tier in ladder.tiers]
    earned = _earned(ladder, results)
    rank = max(held, earned)
    outcome = Outcome.ENROLLED if held < 0 else Outcome.UPGRADED if rank > held else Outcome.KEPT
    tier = ladder.tiers[rank]
    above = ladder.tiers[rank + 1] if rank + 1 < len(ladder.tiers) else None
    gaps = results[rank + 1] if above else ()
    return Receipt(
        policy=ladder.policy,
        tier_set=ladder.tier_set,
        as_of=max(step.occurred_time, standing.decided_time or step.occurred_time),
        cause=step.cause,
        facts=tuple([(name, step.facts.get(name, 0)) for name in ladder.fact_names]),
        rules=tuple(chain.from_iterable(results)),
        outcome=outcome,
        from_tier=standing.tier,
        to_tier=tier.key,
        reasons=(
            *outcome_reasons(outcome, tier=tier, earned=ladder.tiers[earned].key, results=results[rank]),
            *next_reasons(tier.key, above, gaps, near_upgrade_bp=ladder.near_upgrade_bp),
        ),
        next=NextTier(above.key, gaps) if above else None,
    )


def decide_in_row(ladder: Ladder, standing: Standing, steps: Iterable[Step]) -> list[Receipt]:
    """Decide steps in order, each from the tier and the time that the one before gave."""
    receipts = []
    for step in steps:
        receipt = decide(ladder, standing, step)
        standing = Standing(receipt.to_tier, receipt.as_of)
        receipts.append(receipt)
    return receipts


def replay(ladder: Ladder, receipt: Receipt) -> Receipt:
    """Decide again what a receipt says that it read; the same policy gives the same bits."""
    step = Step(receipt.cause, receipt.as_of, dict(receipt.facts))
    return decide(ladder, Standing(receipt.from_tier), step)


def _ladder(policy: Policy, tier_set: TierSet, currency: str) -> Ladder:
    tiers = tuple(tier_rule(tier.key, tier.entry, currency=currency) for tier in tier_set.tiers)
    return Ladder(
        policy=policy,
        tier_set=tier_set.key,
        tiers=tiers,
        fact_names=tuple(sorted({rule.fact for tier in tiers for rule in tier.rules})),
        near_upgrade_bp=tier_set.movement.near_upgrade_bp,
    )


def _earned(ladder: Ladder, results: list[tuple[RuleResult, ...]]) -> int:
    for rank in range(len(ladder.tiers) - 1, 0, -1):
        condition = ladder.tiers[rank].condition
        if condition is not None and condition.holds(results[rank]):
            return rank
    return 0
