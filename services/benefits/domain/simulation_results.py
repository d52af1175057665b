"""What a simulation comes to: tiers by date, who would move, and what that costs and brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from libs.common.documents import WHOLE_BP
from libs.common.earning_policy import PURCHASE, EarningRule
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.domain.programs import tier_set_of
from services.benefits.domain.simulation_tallies import MoneyTally, Tally, both_tiers
from services.benefits.domain.simulations import Assumptions

YEAR_DAYS = 365
PERIODS_OF_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1, "ever": 1}
KEYS_MAX = 20


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a result does not count, or not exactly: of a side, or of both when it is empty."""

    code: str
    side: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a version would have cost from the first date to the last."""

    points: int
    liability_minor: int
    benefits_minor: int
    discounts_minor: int

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.liability_minor + self.benefits_minor + self.discounts_minor


@dataclass(frozen=True, slots=True)
class Return:
    """What a version changes in a year: revenue, the margin of it, and cost."""

    revenue_minor: int
    margin_minor: int
    cost_minor: int

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.margin_minor - self.cost_minor

    @property
    def roi_bp(self) -> int | None:
        """What is left for each unit of cost that is added; None where none is."""
        return self.net_minor * WHOLE_BP // self.cost_minor if self.cost_minor > 0 else None


@dataclass(frozen=True, slots=True)
class Money:
    """What both versions would have cost, what is at stake, and the range of what may come of it."""

    live: Cost
    draft: Cost
    stake_minor: int
    gaining_minor: int
    days: int
    low: Return
    high: Return


@dataclass(frozen=True, slots=True)
class Sides:
    """The two versions, and which share of points is expected to be redeemed."""

    live: Program
    draft: Program
    redeemed_bp: int
    redemption_months: int

    def sets(self, key: str) -> tuple[TierSet, TierSet]:
        """A tier set in both."""
        return tier_set_of(self.live, key), tier_set_of(self.draft, key)

    def tiers(self, key: str) -> list[str]:
        """The tiers of both versions in a set, in ascending rank."""
        return both_tiers(*self.sets(key))


def money(tally: Tally, dates: Sequence[datetime], assumed: Assumptions, sides: Sides) -> Money:
    """What the tallies of all members come to in money."""
    days = [(later - sooner).days for sooner, later in pairwise(dates)]
    counted = tally.money
    costs = [
        Cost(
            points=points(side, spent),
            liability_minor=_liability_minor(side, points(side, spent), sides.redeemed_bp),
            benefits_minor=_benefits_minor(tally, side, name, days, assumed),
            discounts_minor=_discounts_minor(side, spent),
        )
        for name, side, spent in (("live", sides.live, counted.live), ("draft", sides.draft, counted.draft))
    ]
    more = costs[1].total_minor - costs[0].total_minor
    of_year = more * YEAR_DAYS // sum(days) if days else 0
    return Money(
        live=costs[0],
        draft=costs[1],
        stake_minor=counted.stake,
        gaining_minor=counted.gaining,
        days=sum(days),
        low=_return(counted, assumed, assumed.loss_high_bp, assumed.gain_low_bp, of_year),
        high=_return(counted, assumed, assumed.loss_low_bp, assumed.gain_high_bp, of_year),
    )


def points(program: Program, spent: Sequence[Sequence[int]]) -> int:
    """What purchases would earn: by the program's own rules for money, and the multiplier of the tier.

    Of all that was spent, so that whole units are counted once, and what is rounded off is no difference.
    """
    tiers, most = program.tier_sets[0].tiers, program.points.multiplier_max_bp
    by_tier = [max(0, sum(each[rank] for each in spent)) for rank in range(len(tiers))]
    multiplied = sum(
        amount * min(tier.multiplier_bp, most) for tier, amount in zip(tiers, by_tier, strict=True)
    )
    return sum(
        rule.base(multiplied // WHOLE_BP if rule.multiplied else sum(by_tier))
        for rule in program.points.earn
        if _counts(rule)
    )


def _counts(rule: EarningRule) -> bool:
    """Whether a rule gives redeemable points for money alone."""
    by_money = rule.event_kind == PURCHASE and rule.unit_minor is not None
    return by_money and rule.point_type is None and not rule.condition


def _liability_minor(program: Program, count: int, redeemed_bp: int) -> int:
    redemption = program.points.redemption
    return -(-count * redemption.value_minor * redeemed_bp // (redemption.points * WHOLE_BP))


def _benefits_minor(
    tally: Tally, program: Program, side: str, days: Sequence[int], assumed: Assumptions
) -> int:
    """What benefits would have cost those who held their tiers, day by day."""
    found = 0
    for tier_set in program.tier_sets:
        counted = getattr(tally.ladders[tier_set.key], side).tiers
        for rank in range(len(tier_set.tiers)):
            yearly = _yearly_cost(tier_set, rank, assumed)
            found += yearly * sum(held[rank] * days_of for held, days_of in zip(counted, days, strict=False))
    return found // (YEAR_DAYS * WHOLE_BP)


def _yearly_cost(tier_set: TierSet, rank: int, assumed: Assumptions) -> int:
    """What the benefits of a tier cost a year and member, in 10,000ths of a minor unit."""
    found = 0
    for grant in (grant for tier in tier_set.granting(rank) for grant in tier.benefits):
        uses = assumed.unbounded_uses * WHOLE_BP
        if grant.quota is not None:
            uses = grant.quota.amount * PERIODS_OF_YEAR[grant.quota.period] * assumed.benefit_use_bp
        found += grant.cost_minor * uses
    return found


def _discounts_minor(program: Program, spent: Sequence[Sequence[int]]) -> int:
    """What discounts would have taken off prices whose rest was paid; what has no price left is left out."""
    found = 0
    for rank, tier in enumerate(program.tier_sets[0].tiers):
        paid = max(0, sum(each[rank] for each in spent))
        found += paid * (WHOLE_BP - tier.discount_bp) // WHOLE_BP
    return found


def _return(counted: MoneyTally, assumed: Assumptions, loss_bp: int, gain_bp: int, cost_minor: int) -> Return:
    revenue = (counted.gaining * gain_bp - counted.stake * loss_bp) // WHOLE_BP
    return Return(revenue, revenue * assumed.gross_margin_bp // WHOLE_BP, cost_minor)


def remarks(tally: Tally, sides: Sides) -> list[Remark]:
    """What the result does not count, or not exactly."""
    found = [Remark("POINTS_BY_SPEND_ALONE")]
    if not sides.redemption_months:
        found.append(Remark("REDEMPTION_ASSUMED"))
    for side, program in (("live", sides.live), ("draft", sides.draft)):
        between = any(getattr(each, side).between for each in tally.ladders.values())
        told = {
            "POINT_RULES_LEFT_OUT": [each.key for each in program.points.earn if not _counts(each)],
            "BENEFITS_WITHOUT_COST": sorted(_without_cost(program)),
            "POINTS_READ_LEFT_OUT": _points_read(program),
            "MEMBERS_AS_TODAY": _as_today(program),
        }
        found += [Remark(code, side, tuple(keys[:KEYS_MAX])) for code, keys in told.items() if keys]
        found += [Remark("REVIEWS_BETWEEN_DATES", side)] if between else []
    return found


def _without_cost(program: Program) -> set[str]:
    return {
        grant.benefit
        for tier_set in program.tier_sets
        for tier in tier_set.tiers
        for grant in tier.benefits
        if not grant.cost_minor
    }


def _points_read(program: Program) -> list[str]:
    """The tier sets that ask for points that qualify, of which nobody knows how many there were."""
    return [each.key for each in program.tier_sets if each.reads_points]


def _as_today(program: Program) -> list[str]:
    """What is told of members as it is today: where they belong, and what risk says."""
    regions = any(each.variants for each in program.tier_sets)
    gated = any(each.movement.review_gate is not None for each in program.tier_sets)
    return [each for each, asked in (("region", regions), ("integrity", gated)) if asked]
