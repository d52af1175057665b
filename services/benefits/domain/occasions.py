"""Occasions: what of a member's tiers, points and absence is to be told, each with the key of its cause."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.ledger import currency_of, member_of
from services.benefits.domain.memberships import Decision
from services.benefits.domain.notices import NoticeCode, Occasion
from services.benefits.domain.reached import Reached

REACHED, NEAR, GRACE, KEEP_GAP = "TIER_REACHED", "NEAR_UPGRADE", "TIER_GRACE", "KEEP_GAP"
# What is told of a decision that changed nothing.
NEWS = frozenset({NEAR, GRACE})
# Why a tier is another than before, as members are told.
WHY = {REACHED, "TIER_OVERRIDDEN", "TIER_OVERRIDDEN_UNTIL", "OVERRIDE_OVER"}
# Notices are not kept for longer, so that what was told would be told again.
MONTHS_TOLD = 12
_ALTERNATIVE = re.compile(r".*any\[\d+\]")


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of a receipt."""

    code: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """A condition of the next tier that is not met, and what is missing; money where there is a currency."""

    path: str
    metric: str
    op: str
    value: int
    threshold: int
    missing: int
    currency: str

    @property
    def closable(self) -> bool:
        """Whether doing more closes it: what is too much already only grows."""
        return self.op in {">=", ">"} or (self.op == "==" and self.value < self.threshold)


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision with what its receipt says."""

    decision: Decision
    tier_set: str
    reasons: tuple[Reason, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """A member fell asleep (`dormant`), or is back; `spell` counts how often."""

    program_id: str
    member_id: str
    dormant: bool
    since_time: datetime
    spell: int
    wake_up: bool


def tier_occasions(program: Program, explained: Sequence[Explained]) -> list[Occasion]:
    """What one member's decisions in one tier set, in order, are an occasion for.

    Each change of the tier is told. Whether the next one is near counts after
    all of them.
    """
    if not explained:
        return []
    changed = [_tier_changed(each) for each in explained if each.decision.changed]
    told = [occasion for occasion in changed if occasion is not None]
    told += _at_risk(program, explained[-1])
    near = _near_upgrade(program, explained[-1])
    return told if near is None else [*told, near]


def _tier_changed(explained: Explained) -> Occasion | None:
    """None for the first tier, which comes with the registration."""
    decision = explained.decision
    if not decision.tier.from_tier:
        return None
    why = [{"code": each.code, **each.params} for each in explained.reasons if each.code in WHY]
    return Occasion(
        program_id=decision.program_id,
        member_id=decision.member_id,
        code=NoticeCode.TIER_CHANGED,
        cause=decision.decision_id,
        params={
            "tier_set": explained.tier_set,
            "from_tier": decision.tier.from_tier,
            "tier": decision.tier.to_tier,
            "outcome": decision.tier.outcome,
            "decision_id": decision.decision_id,
            **_numbered("reason", why),
        },
        occurred_time=decision.tier.as_of,
    )


def _at_risk(program: Program, explained: Explained) -> list[Occasion]:
    """That a tier is held by grace, until when and what keeps it; nothing has been decided since."""
    decision = explained.decision
    grace = next((each for each in explained.reasons if each.code == GRACE), None)
    if grace is None:
        return []
    gaps = [
        {name: each.params[name] for name in ("path", "metric", "missing", "currency") if name in each.params}
        for each in explained.reasons
        if each.code == KEEP_GAP
    ]
    until = datetime.fromisoformat(grace.params["until"])
    return [
        Occasion(
            program_id=decision.program_id,
            member_id=decision.member_id,
            code=NoticeCode.TIER_AT_RISK,
            cause=decision.decision_id,
            params={
                "tier_set": explained.tier_set,
                "tier": grace.params["tier"],
                "expire_date": business_date(until, program.time_zone).isoformat(),
                "decision_id": decision.decision_id,
                **_numbered("gap", gaps),
            },
            occurred_time=decision.tier.as_of,
        )
    ]


def _near_upgrade(program: Program, explained: Explained) -> Occasion | None:
    """Once for each tier and period of the tier set."""
    near = next((each for each in explained.reasons if each.code == NEAR), None)
    if near is None:
        return None
    decision, tier = explained.decision, near.params["tier"]
    period = _period(program, explained)
    gaps = [gap_params(gap) for gap in closable(explained.gaps)]
    return Occasion(
        program_id=decision.program_id,
        member_id=decision.member_id,
        code=NoticeCode.NEAR_UPGRADE,
        cause=f"{explained.tier_set}/{tier}/{period}",
        params={
            "tier_set": explained.tier_set,
            "tier": tier,
            "progress_bp": near.params["progress_bp"],
            "period": period,
            "decision_id": decision.decision_id,
            **_numbered("gap", gaps),
        },
        occurred_time=decision.tier.as_of,
    )


def _period(program: Program, explained: Explained) -> str:
    """The period of a tier set that a decision is in; the calendar's year where it has none, or a longer one.

    A rolling one is the term of the tier that is held, by the day on which it ends.
    """
    tier = explained.decision.tier
    day = business_date(tier.as_of, program.time_zone)
    period = next(
        (each.movement.period for each in program.tier_sets if each.key == explained.tier_set), None
    )
    if period is None:
        return str(day.year)
    match period.kind:
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "rolling" if tier.review_time is not None and (period.months or 0) <= MONTHS_TOLD:
            return f"to {business_date(tier.review_time, program.time_zone)}"
    return str(day.year)


def closable(gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps of those alternatives that doing more brings about; an alternative ends with `any[…]`."""
    blocked = [found[0] for gap in gaps if not gap.closable and (found := _ALTERNATIVE.match(gap.path))]
    within = tuple(f"{path}." for path in blocked)
    return [gap for gap in gaps if gap.closable and not f"{gap.path}.".startswith(within)]


def gap_params(gap: Gap) -> dict[str, str]:
    """A gap as parameters of texts."""
    params = {"path": gap.path, "metric": gap.metric, "missing": str(gap.missing)}
    return params | {"currency": gap.currency} if gap.currency else params


def wake_up(program: Program, activity: Activity) -> Occasion:
    """To be told once in a spell of dormancy."""
    return Occasion(
        program_id=activity.program_id,
        member_id=activity.member_id,
        code=NoticeCode.WAKE_UP,
        cause=str(activity.spell),
        params={"spell": str(activity.spell), "days": str(program.dormancy.after_days)},
        occurred_time=activity.since_time,
    )


def points_expiring(
    program: Program, account_id: str, *, points: int, expires: date, days: int, time: datetime
) -> Occasion:
    """To be told so many days before points of an account expire: all lots of a day in one."""
    currency = currency_of(account_id)
    redeemed = currency == program.points.currency
    return Occasion(
        program_id=program.key,
        member_id=member_of(account_id),
        code=NoticeCode.POINTS_EXPIRING,
        cause=f"{expires.isoformat()}/{days}" + ("" if redeemed else f"/{currency}"),
        params={
            "points": str(points),
            "currency": currency,
            "expire_date": expires.isoformat(),
            "days": str(days),
        },
        occurred_time=time,
    )


def tier_reward(program: Program, reached: Reached) -> Occasion:
    """To be told once, when the points of a tier are there."""
    return Occasion(
        program_id=program.key,
        member_id=reached.member_id,
        code=NoticeCode.TIER_REWARD,
        cause=f"{reached.tier_set}/{reached.tier}",
        params={
            "tier_set": reached.tier_set,
            "tier": reached.tier,
            "points": str(reached.points),
            "currency": program.points.currency,
            "decision_id": reached.decision_id,
        },
        occurred_time=reached.reached_time,
    )


def birthday(program: Program, member_id: str, *, time: datetime) -> Occasion:
    """To be told when the day begins, once in a year, even if it is another day by then."""
    return Occasion(
        program_id=program.key,
        member_id=member_id,
        code=NoticeCode.BIRTHDAY,
        cause=str(business_date(time, program.time_zone).year),
        params={"program": program.key},
        occurred_time=time,
    )


def break_glass(
    program: Program, break_glass_id: str, opened_by: str, *, until_time: datetime, time: datetime
) -> Occasion:
    """To be told at once, to those who may end it; why it was opened stands in the audit log alone."""
    return Occasion(
        program_id=program.key,
        staff_role="compliance_officer",
        code=NoticeCode.BREAK_GLASS_OPENED,
        cause=break_glass_id,
        params={
            "break_glass_id": break_glass_id,
            "opened_by": opened_by,
            "until_time": until_time.isoformat(timespec="seconds"),
        },
        occurred_time=time,
    )


def _numbered(name: str, listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """A list as parameters, such as `gap_0_metric`."""
    numbered = enumerate(listed)
    return {f"{name}_{index}_{key}": value for index, each in numbered for key, value in each.items()}


def items(params: Mapping[str, str], name: str) -> list[dict[str, str]]:
    """The list that stands numbered among parameters."""
    listed: dict[int, dict[str, str]] = {}
    for key, value in params.items():
        listed_name, _, rest = key.partition("_")
        index, _, field = rest.partition("_")
        if listed_name == name and index.isdecimal() and field:
            listed.setdefault(int(index), {})[field] = value
    return [listed[index] for index in sorted(listed)]
