"""The tier decision: facts, a policy and a time in; the tier and its receipt out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from libs.common.conditions import SCORE_FACTS
from libs.common.movement_policy import ReviewGate, Season
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.scoring.domain.cards import Card, cards_of
from services.scoring.domain.errors import TierUnknown
from services.scoring.domain.moves import Look, Move, Mover, Outcome, Ranks
from services.scoring.domain.overrides import Order, beneath, ended, in_force
from services.scoring.domain.reasons import (
    Moved,
    ReasonCode,
    next_reasons,
    outcome_reasons,
    over_reasons,
    override_reasons,
)
from services.scoring.domain.receipts import Cause, NextTier, Policy, Reason, Receipt, Terms
from services.scoring.domain.rules import Node, Reading, RuleResult, TierRule, tier_rule
from services.scoring.domain.scores import score
from services.scoring.domain.terms import NO_TERM, Calendar, Given, Term

INTEGRITY = "risk.integrity"


@dataclass(frozen=True, slots=True)
class Ladder:
    """A tier set, compiled: its tiers in ascending rank and the facts that their rules read.

    `replaced` names the tier that stands for one of a version before,
    `seasons` the tiers as they are asked for in each, and `cards` are the
    scores that rules read. `variants` are the ladders of regions, whose key
    each has as its `variant`.
    """

    policy: Policy
    tier_set: str
    tiers: tuple[TierRule, ...]
    fact_names: tuple[str, ...]
    near_upgrade_bp: int
    mover: Mover
    gate: ReviewGate | None
    replaced: Mapping[str, str]
    seasons: tuple[tuple[Season, tuple[TierRule, ...]], ...]
    cards: tuple[Card, ...] = ()
    variant: str = ""
    variants: Mapping[str, "Ladder"] = field(default_factory=dict)

    def local(self, variant: str) -> "Ladder":
        """The ladder of a region; that of everywhere where none is named."""
        if variant == self.variant:
            return self
        if variant not in self.variants:
            raise TierUnknown("there is no such region", tier_set=self.tier_set, variant=variant)
        return self.variants[variant]

    def rank(self, tier: str) -> int:
        """The place of a tier, from 0; -1 before the first, for one who joins."""
        if not tier:
            return -1
        wanted = self.replaced.get(tier, tier)
        for rank, rule in enumerate(self.tiers):
            if rule.key == wanted:
                return rank
        raise TierUnknown(tier_set=self.tier_set, tier=tier)

    def asked(self, as_of: datetime) -> tuple[Season | None, tuple[TierRule, ...]]:
        """The season of a time, and what its tiers ask for."""
        for season, tiers in self.seasons:
            if season.from_time <= as_of < season.to_time:
                return season, tiers
        return None, self.tiers


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier held, its term, and the time of the decision that gave it; no tier for one who joins."""

    tier: str = ""
    decided_time: datetime | None = None
    term: Term = NO_TERM


@dataclass(frozen=True, slots=True)
class Step:
    """Facts that call for a decision."""

    cause: Cause
    occurred_time: datetime
    facts: Mapping[str, int]
    look: Look = Look.EVENT
    given: Given | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is decided, and on what: `facts` have the scores that rules read.

    `moved` is what rules come to, and `move` what becomes of the member: the
    same, but where staff decided by hand, by `order`, or until now.
    """

    as_of: datetime
    season: Season | None
    facts: Mapping[str, int]
    moved: Moved
    move: Move
    order: Order | None = None

    @property
    def tier(self) -> str:
        """The tier from now on."""
        return self.moved.tiers[self.move.rank].key

    @property
    def standing(self) -> Standing:
        """What the next decision begins with."""
        return Standing(self.tier, self.as_of, self.move.term)


def ladders(program: Program, digest: str) -> dict[str, Ladder]:
    """The compiled tier sets of a program by key; `digest` names its document."""
    policy, cards = Policy(program.key, program.version, digest), _cards_read(program)
    everywhere = {each.key: _ladder(policy, each, program, cards) for each in program.tier_sets}
    for tier_set in program.tier_sets:
        variants = {
            each.key: replace(
                _ladder(policy, tier_set.in_variant(each.key), program, cards), variant=each.key
            )
            for each in tier_set.variants
        }
        everywhere[tier_set.key] = replace(everywhere[tier_set.key], variants=variants)
    return everywhere


def judge(
    ladder: Ladder,
    standing: Standing,
    facts: Mapping[str, int],
    look: Look,
    time: datetime,
    given: Given | None = None,
) -> Judged:
    """What facts at a time come to: the highest tier whose own rule holds, a lower one after a review only.

    Rules need not be nested: one who meets gold is gold, whatever silver asks.
    What staff decided by hand holds over all of it, as long as it is in force.
    """
    as_of = max(time, standing.decided_time or time)
    season, tiers = ladder.asked(as_of)
    scored = _scored(ladder, facts)
    results = [tier.evaluate(scored) for tier in tiers]
    start = beneath(standing.tier, standing.term, look, as_of)
    ranks = _ranks(tiers, ladder.rank(start.tier), results)
    integrity = _gated(ladder, facts)
    move = ladder.mover.move(ranks, start.term, start.look, as_of=as_of, gated=integrity is not None)
    moved = Moved(move, ranks, start.look, tiers, results, integrity)
    order = in_force(standing.tier, standing.term, given, as_of)
    return Judged(as_of, season, scored, moved, _move(ladder, standing, moved, order), order)


def decide(ladder: Ladder, standing: Standing, step: Step) -> Receipt:
    """Decide one step, with the receipt that says why."""
    judged = judge(ladder, standing, step.facts, step.look, step.occurred_time, step.given)
    moved, move, season = judged.moved, judged.move, judged.season
    above = None
    # Who holds a tier by the word of staff reaches none by what they do meanwhile.
    if judged.order is None and move.rank + 1 < len(moved.tiers):
        above = moved.tiers[move.rank + 1]
    gaps = above.of_entry(moved.results[move.rank + 1]) if above else ()
    following = next_reasons(judged.tier, above, gaps, near_upgrade_bp=ladder.near_upgrade_bp)
    return Receipt(
        policy=ladder.policy,
        tier_set=ladder.tier_set,
        as_of=judged.as_of,
        cause=step.cause,
        facts=_read(ladder, judged.facts),
        rules=tuple(chain.from_iterable(moved.results)),
        outcome=move.outcome,
        from_tier=standing.tier,
        to_tier=judged.tier,
        reasons=(
            *_reasons(standing, judged),
            *([] if season is None else [Reason(ReasonCode.SEASON, {"season": season.key})]),
            *([] if judged.order else following),
        ),
        next=NextTier(above.key, gaps) if above else None,
        terms=_terms(step, standing.term, move.term),
        variant=ladder.variant,
    )


def decide_in_row(ladder: Ladder, standing: Standing, steps: Iterable[Step]) -> list[Receipt]:
    """Decide steps in order, each from the tier, the term and the time that the one before gave."""
    receipts = []
    for step in steps:
        receipt = decide(ladder, standing, step)
        standing = Standing(receipt.to_tier, receipt.as_of, receipt.term)
        receipts.append(receipt)
    return receipts


def replay(ladder: Ladder, receipt: Receipt) -> Receipt:
    """Decide again what a receipt says that it read; the same policy gives the same bits."""
    terms = receipt.terms or Terms(Look.EVENT, NO_TERM, NO_TERM)
    step = Step(receipt.cause, receipt.as_of, dict(receipt.facts), terms.look, terms.given)
    return decide(ladder.local(receipt.variant), Standing(receipt.from_tier, term=terms.before), step)


def _move(ladder: Ladder, standing: Standing, moved: Moved, order: Order | None) -> Move:
    """What becomes of a member, given what rules come to and what staff decided."""
    if order is not None:
        term = order.over(moved.tier.key, moved.move.term)
        return Move(Outcome.OVERRIDDEN, ladder.rank(order.tier), term)
    if standing.term.override is not None:
        return ended(moved.move, ladder.rank(standing.tier))
    return moved.move


def _reasons(standing: Standing, judged: Judged) -> list[Reason]:
    if judged.order is not None:
        return override_reasons(judged.moved, replace(judged.order, tier=judged.tier))
    if standing.term.override is not None:
        return over_reasons(judged.moved, standing.tier)
    return outcome_reasons(judged.moved)


def _cards_read(program: Program) -> Mapping[str, Card]:
    """The cards of a program, where a rule of any of its tier sets reads scores."""
    return cards_of(program) if any(each.score_names for each in program.tier_sets) else {}


def _ladder(policy: Policy, tier_set: TierSet, program: Program, cards: Mapping[str, Card]) -> Ladder:
    reading = Reading(program.currency, tier_set.window)
    tiers = tuple(tier_rule(tier, reading) for tier in tier_set.tiers)
    return Ladder(
        policy=policy,
        tier_set=tier_set.key,
        tiers=tiers,
        fact_names=tuple(sorted({rule.fact for tier in tiers for rule in tier.rules})),
        near_upgrade_bp=tier_set.movement.near_upgrade_bp,
        mover=Mover(tier_set.movement, _calendar(tier_set, program.time_zone)),
        gate=tier_set.movement.review_gate,
        replaced={old: tier.key for tier in tier_set.tiers for old in tier.replaces},
        seasons=tuple(_in_season(tier_set, season, reading) for season in tier_set.seasons),
        cards=tuple(
            card
            for name, card in cards.items()
            if any(f"{fact}.".startswith(f"{SCORE_FACTS}{name}.") for fact in tier_set.score_names)
        ),
    )


def _calendar(tier_set: TierSet, time_zone: str) -> Calendar | None:
    movement = tier_set.movement
    if movement.period is None:
        return None
    return Calendar(movement.period, movement.grace_days, ZoneInfo(time_zone))


def _in_season(tier_set: TierSet, season: Season, reading: Reading) -> tuple[Season, tuple[TierRule, ...]]:
    in_season = replace(reading, money_bp=season.factor_bp)
    return season, tuple(tier_rule(tier, in_season) for tier in tier_set.tiers)


def _ranks(tiers: Sequence[TierRule], held: int, results: Sequence[tuple[RuleResult, ...]]) -> Ranks:
    """What is earned by entry, and the highest tier up to the held one that its own rule lets one keep."""
    earned = _highest(len(tiers) - 1, [tier.condition for tier in tiers], results)
    kept = _highest(held, [tier.keep for tier in tiers], results)
    return Ranks(held, earned, max(earned, kept))


def _highest(rank: int, conditions: Sequence[Node | None], results: Sequence[tuple[RuleResult, ...]]) -> int:
    """The highest up to a rank whose condition holds; the first where none does."""
    while rank > 0:
        condition = conditions[rank]
        if condition is not None and condition.holds(results[rank]):
            return rank
        rank -= 1
    return 0


def _gated(ladder: Ladder, facts: Mapping[str, int]) -> tuple[int, int] | None:
    """The integrity that is too little and what is asked for, where risk has to look at an upgrade first.

    One of whom risk says nothing goes on.
    """
    if ladder.gate is None or INTEGRITY not in facts or facts[INTEGRITY] >= ladder.gate.integrity_below:
        return None
    return facts[INTEGRITY], ladder.gate.integrity_below


def _scored(ladder: Ladder, facts: Mapping[str, int]) -> Mapping[str, int]:
    """The facts with the scores that rules read: the total, and 1 for the label that it has.

    What rules read and is not there is 0 for scores too, as it is in receipts.
    """
    if not ladder.cards:
        return facts
    given = {name: 0 for name in ladder.fact_names if not name.startswith(SCORE_FACTS)} | dict(facts)
    for card in ladder.cards:
        scored = score(card, given)
        if scored.total_bp is not None:
            given[f"{SCORE_FACTS}{card.name}"] = scored.total_bp
            given[f"{SCORE_FACTS}{card.name}.{scored.label}"] = 1
    return given


def _read(ladder: Ladder, facts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """What was read: by rules, 0 where it is not there, and by scores and the gate where it is."""
    read = {name: facts.get(name, 0) for name in ladder.fact_names}
    if ladder.cards:
        read |= {name: facts[name] for card in ladder.cards for name in card.facts if name in facts}
    if ladder.gate is not None and INTEGRITY in facts:
        read[INTEGRITY] = facts[INTEGRITY]
    return tuple(sorted(read.items()))


def _terms(step: Step, before: Term, after: Term) -> Terms | None:
    """What a receipt says of terms: nothing where there are none, as before there were any."""
    if step.look is Look.EVENT and before == after == NO_TERM:
        return None
    return Terms(step.look, before, after, step.given)
