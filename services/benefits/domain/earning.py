"""Earning: what each rule of a program gives for an event, how that was counted, or why it gives nothing.

One pure function counts what is awarded, previewed and quoted, so that they
cannot differ.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from libs.common.birthdays import Birthday
from libs.common.documents import WHOLE_BP
from libs.common.earning_policy import PURCHASE, EarningRule
from libs.common.multipliers import Rounding, Stacking, rounded, stacked
from libs.common.program import Program
from services.benefits.domain.earning_caps import Earned, Room, room, with_more
from services.benefits.domain.earning_reasons import (
    BELOW_MINIMUM,
    BELOW_UNIT,
    CAP_POINTS,
    CAP_TIMES,
    MULTIPLIED_TO_NOTHING,
    OTHER_KIND,
    UP_TO_CAP,
    ZERO_AMOUNT,
    Params,
    params,
)
from services.benefits.domain.earning_situations import Factor, Situation


@dataclass(frozen=True, slots=True)
class Earning:
    """What one rule gave: floor(amount_minor / unit_minor) * points_per_unit, or else points_per_event,
    times the multiplier, rounded once, and no more than the caps left.

    `multiplier_bp` is what stacking came to, rounded down where a product is no
    whole basis point; `factors` are there where others than the tier's held.
    `reason` says why the rule gave nothing, or less than it counted. `point_type`
    is there where it gives others than the redeemable ones.
    """

    rule: str
    amount_minor: int
    unit_minor: int
    points_per_unit: int
    multiplier_bp: int
    tier: str
    points: int
    points_per_event: int = 0
    min_amount_minor: int = 0
    factors: tuple[Factor, ...] = ()
    stacking: Stacking = "max"
    multiplier_max_bp: int = 0
    rounding: Rounding = "floor"
    reason: str = ""
    params: Params = ()
    point_type: str = ""

    def points_for(self, amount_minor: int) -> int:
        """What the rule would have given for less money, all else as it was; never more than it gave."""
        if amount_minor <= 0 or amount_minor < self.min_amount_minor:
            return 0
        return min(self.points, self.counted(amount_minor))

    def counted(self, amount_minor: int) -> int:
        """Points for an amount before caps."""
        units = amount_minor // self.unit_minor if self.unit_minor else 0
        base = self.points_per_event + units * self.points_per_unit
        if not self.factors:
            return rounded(base * self.multiplier_bp, WHOLE_BP, self.rounding)
        held = [(each.kind, each.bp) for each in self.factors]
        total = stacked(held, self.stacking, self.multiplier_max_bp)
        return rounded(base * total.numerator, total.denominator, self.rounding)

    def content(self) -> dict[str, Any]:
        """What is stored and signed: without what says nothing, which older earnings do not have."""
        content = asdict(self)
        silent = [each.name for each in fields(self) if getattr(self, each.name) == each.default]
        return {name: value for name, value in content.items() if name not in silent}


def earnings(
    program: Program,
    *,
    event_kind: str,
    amount_minor: int,
    tier: str,
    tiers: Mapping[str, str] | None = None,
    occurred_time: datetime | None = None,
    store_id: str = "",
    source: str = "",
    attributes: Mapping[str, str] | None = None,
    metrics: Mapping[str, int] | None = None,
    earned: Earned | None = None,
    birthday: Birthday | None = None,
) -> list[Earning]:
    """What each rule for events of this kind gives for one, in the order of the rules.

    These keywords stay. Of the member, all is as before the event: `tier` in
    the program's first tier set, `tiers` in all, `metrics` by the short names
    of libs.common.conditions.METRICS, `earned` by rule on the event's business
    day (`handlers/earning.py` reads them). What is left out counts as nothing;
    without `occurred_time` no condition on dates holds. For the next event of
    one basket go on with `earned_with(program, earned, earnings)`.
    """
    situation = Situation(
        program=program,
        event_kind=event_kind,
        amount_minor=amount_minor,
        tier=tier,
        tiers=tiers or {},
        occurred_time=occurred_time,
        store_id=store_id,
        source=source,
        attributes=attributes or {},
        metrics=metrics or {},
        earned=earned or {},
        birthday=birthday,
    )
    return counted(situation, (rule for rule in program.points.earn if rule.event_kind == event_kind))


def counted(situation: Situation, rules: Iterable[EarningRule]) -> list[Earning]:
    """What rules give, in their order: what an earlier one takes of a cap is gone for a later one."""
    given, earned = [], situation.earned
    for rule in rules:
        earning = _counted(situation, rule, room(situation.program.points, rule, earned))
        earned = with_more(earned, rule.key, earning.points)
        given.append(earning)
    return given


def earned_with(program: Program, earned: Earned, given: Iterable[Earning]) -> Earned:
    """What rules under caps have given on a day, with these earnings more; others need not be known."""
    capped = {rule.key for rule in program.points.earn if any(True for _ in program.points.caps_of(rule))}
    for earning in given:
        if earning.rule in capped:
            earned = with_more(earned, earning.rule, earning.points)
    return earned


def _counted(situation: Situation, rule: EarningRule, left: Room) -> Earning:
    earning = _uncounted(situation, rule)
    reason, told = _obstacle(situation, rule, left)
    if reason:
        return replace(earning, reason=reason, params=told)
    earning = _multiplied(situation, rule, earning)
    points = earning.counted(situation.amount_minor)
    if not points:
        told = params(multiplier_bp=earning.multiplier_bp)
        return replace(earning, reason=MULTIPLIED_TO_NOTHING, params=told)
    if left.points is None or points <= left.points:
        return replace(earning, points=points)
    cap, limit = left.points_cap
    told = params(cap=cap, limit=limit, counted=points)
    return replace(earning, points=left.points, reason=UP_TO_CAP if left.points else CAP_POINTS, params=told)


def _uncounted(situation: Situation, rule: EarningRule) -> Earning:
    terms = situation.program.points
    return Earning(
        rule=rule.key,
        amount_minor=situation.amount_minor,
        unit_minor=rule.unit_minor or 0,
        points_per_unit=rule.points_per_unit or 0,
        multiplier_bp=min(situation.tier_bp, terms.multiplier_max_bp) if rule.multiplied else WHOLE_BP,
        tier=situation.tier,
        points=0,
        points_per_event=rule.points_per_event or 0,
        min_amount_minor=rule.min_amount_minor,
        rounding=terms.rounding,
        point_type=rule.point_type or "",
    )


def redeemable(given: Iterable[Earning]) -> int:
    """How many of the points that rules gave are those that members redeem."""
    return sum(each.points for each in given if not each.point_type)


def _multiplied(situation: Situation, rule: EarningRule, earning: Earning) -> Earning:
    """The earning with what multiplies it; as it is where that is the tier's multiplier alone."""
    terms = situation.program.points
    held = situation.factors if rule.multiplied and terms.multipliers else ()
    if len(held) <= 1:
        return earning
    total = stacked([(each.kind, each.bp) for each in held], terms.stacking, terms.multiplier_max_bp)
    return replace(
        earning,
        multiplier_bp=math.floor(total * WHOLE_BP),
        factors=held,
        stacking=terms.stacking,
        multiplier_max_bp=terms.multiplier_max_bp,
    )


def _obstacle(situation: Situation, rule: EarningRule, left: Room) -> tuple[str, Params]:
    """Why a rule gives nothing, whatever multiplies it: what the event is first, then what the member had."""
    if rule.event_kind != situation.event_kind:
        return OTHER_KIND, params(kind=situation.event_kind, wanted=rule.event_kind)
    if rule.event_kind == PURCHASE and (short := _short(situation, rule))[0]:
        return short
    if (unmet := situation.unmet(rule.condition))[0]:
        return unmet
    if left.times == 0:
        cap, limit = left.times_cap
        return CAP_TIMES, params(cap=cap, limit=limit)
    return "", ()


def _short(situation: Situation, rule: EarningRule) -> tuple[str, Params]:
    """Why a purchase is too small for a rule."""
    amount_minor = situation.amount_minor
    if amount_minor == 0:
        return ZERO_AMOUNT, ()
    if amount_minor < rule.min_amount_minor:
        return BELOW_MINIMUM, _missing(situation, rule.min_amount_minor)
    if rule.unit_minor is not None and amount_minor < rule.unit_minor:
        return BELOW_UNIT, _missing(situation, rule.unit_minor)
    return "", ()


def _missing(situation: Situation, threshold: int) -> Params:
    value = situation.amount_minor
    currency = situation.program.currency
    return params(value=value, threshold=threshold, missing=threshold - value, currency=currency)
