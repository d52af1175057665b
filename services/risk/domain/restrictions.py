"""Restrictions: what a member may not do for a while, why, and until when (R-02)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.risk.domain.integrity import HIGH_RISK_REPORTERS
from services.risk.domain.reports import WINDOW_DAYS

RestrictionKind = Literal["interaction"]
REPORTED_BY_SEVERAL = "REPORTED_BY_SEVERAL"


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing that a member may not do; it holds from `since` to just before `until`."""

    kind: RestrictionKind
    reason_code: str
    reason_params: Mapping[str, str]
    since: datetime
    until: datetime


def restrictions(
    ends: Collection[datetime], before: tuple[Restriction, ...], *, now: datetime
) -> tuple[Restriction, ...]:
    """What follows from reports, by when each reporter's latest ends; what goes on keeps its start.

    It ends when, without anything new, too few reporters are left.
    """
    if len(ends) < HIGH_RISK_REPORTERS:
        return ()
    params = {"reporters": str(len(ends)), "window_days": str(WINDOW_DAYS)}
    since = before[0].since if before else now
    until = sorted(ends, reverse=True)[HIGH_RISK_REPORTERS - 1]
    return (Restriction("interaction", REPORTED_BY_SEVERAL, params, since, until),)
