"""Lint of earning: rules that pay the same twice, and caps and multipliers that never count.

Conditions of earning are texts: two that are written differently count as different.
"""

from collections.abc import Iterator
from itertools import combinations

from libs.common.documents import WHOLE_BP
from libs.common.earning_policy import EarningCap, EarningRule, Multiplier
from libs.common.lint.findings import Finding
from libs.common.program import Program


def findings(program: Program) -> Iterator[Finding]:
    """What is wrong with how points are earned."""
    yield from _twice(program)
    for place, rule in enumerate(program.points.earn):
        for cap in program.points.caps:
            if _tighter(cap, rule):
                path = f"points.earn[{place}].per_day"
                yield Finding("EARN_CAP_UNREACHED", path, {"key": rule.key, "other": cap.key})
    for place, each in enumerate(program.points.multipliers):
        other = _never_lower(program, each)
        if other:
            params = {"key": each.key, "other": other}
            yield Finding("MULTIPLIER_SHADOWED", f"points.multipliers[{place}]", params)
    for place, tier in enumerate(program.tier_sets[0].tiers):
        if tier.multiplier_bp > program.points.multiplier_max_bp:
            yield Finding("MULTIPLIER_CUT", f"tier_sets[0].tiers[{place}].multiplier_bp", {"tier": tier.key})


def _twice(program: Program) -> Iterator[Finding]:
    for (_, one), (place, other) in combinations(enumerate(program.points.earn), 2):
        if _asked(one) == _asked(other):
            yield Finding("EARN_TWICE", f"points.earn[{place}]", {"key": other.key, "other": one.key})


def _asked(rule: EarningRule) -> tuple[object, ...]:
    return rule.event_kind, rule.condition, rule.point_type, rule.min_amount_minor


def _tighter(cap: EarningCap, rule: EarningRule) -> bool:
    """Whether a shared cap is reached before each bound that a rule has of its own."""
    if rule.per_day is None or (cap.rules and rule.key not in cap.rules):
        return False
    own, shared = rule.per_day, cap.per_day
    bounds = [(own.times, shared.times), (own.points, shared.points)]
    return all(one is None or (other is not None and other <= one) for one, other in bounds)


def _never_lower(program: Program, each: Multiplier) -> str:
    """What is at least as high whenever a multiplier holds; nothing where it may count."""
    if each.kind == "bonus":
        return ""
    if program.points.stacking != "max":
        return "1" if each.bp == WHOLE_BP else ""
    lowest = min(tier.multiplier_bp for tier in program.tier_sets[0].tiers)
    if each.bp <= lowest:
        return program.tier_sets[0].key
    others = (
        other.key
        for other in program.points.multipliers
        if other.kind == "multiplier"
        and not other.condition
        and other.bp >= each.bp
        and other.key != each.key
    )
    return next(others, "")
