"""Earning: how many points a purchase gives, and how they were counted."""

from dataclasses import dataclass

from libs.common.program import WHOLE_BP, EarningRule, Program


@dataclass(frozen=True, slots=True)
class Earning:
    """What one rule gave:
    floor(amount_minor / unit_minor) * points_per_unit * multiplier_bp / 10000, floored once.
    """

    rule: str
    amount_minor: int
    unit_minor: int
    points_per_unit: int
    multiplier_bp: int
    tier: str
    points: int

    def points_for(self, amount_minor: int) -> int:
        """What the rule would have given for another amount."""
        return _points(amount_minor, self.unit_minor, self.points_per_unit, self.multiplier_bp)


def earnings(program: Program, *, event_kind: str, amount_minor: int, tier: str) -> list[Earning]:
    """What each rule of the program gives for an event, at the tier held before it.

    The multiplier is that of the program's first tier set.
    """
    multipliers = {each.key: each.multiplier_bp for each in program.tier_sets[0].tiers}
    multiplier_bp = multipliers.get(tier, WHOLE_BP)
    return [
        _earning(rule, amount_minor, multiplier_bp, tier)
        for rule in program.points.earn
        if rule.event_kind == event_kind
    ]


def _earning(rule: EarningRule, amount_minor: int, multiplier_bp: int, tier: str) -> Earning:
    points = _points(amount_minor, rule.unit_minor, rule.points_per_unit, multiplier_bp)
    return Earning(rule.key, amount_minor, rule.unit_minor, rule.points_per_unit, multiplier_bp, tier, points)


def _points(amount_minor: int, unit_minor: int, points_per_unit: int, multiplier_bp: int) -> int:
    return amount_minor // unit_minor * points_per_unit * multiplier_bp // WHOLE_BP
