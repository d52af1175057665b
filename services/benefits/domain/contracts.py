"""Contracts: what members bought for a time or for life, and what is asked of one before it changes."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from libs.common.contract_policy import Plan, Satisfaction
from services.benefits.domain.contract_periods import Period, reminder_time
from services.benefits.domain.errors import ContractEnded, ContractForLife, ContractRenewed

RefundKind = Literal["whole", "pro_rata"]


class ContractChange(StrEnum):
    """What happened to a contract, as it is announced."""

    SOLD = "SOLD"
    STARTED = "STARTED"
    RENEWAL_CANCELLED = "RENEWAL_CANCELLED"
    REFUNDED = "REFUNDED"
    ENDED = "ENDED"
    LAPSED = "LAPSED"
    OFFERED = "OFFERED"


@dataclass(frozen=True, slots=True)
class Sale:
    """How a contract came about; `source` and `payment_reference` name the payment for ever."""

    program_version: int
    source: str
    payment_reference: str
    digest: str
    amount_minor: int
    sold_time: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """Money back for a contract, which it ended."""

    kind: RefundKind
    source: str
    reference: str
    amount_minor: int
    time: datetime


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How content a member was, and from when until when they have what is offered to such members."""

    satisfaction: Satisfaction
    set_time: datetime
    offered_time: datetime | None = None
    until_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A paid period of one member and plan, on the terms of its sale; all times by the program's clock.

    `since_time` is since when the member has the plan without a gap,
    `until_time` until when it grants: its end, the end of its grace, or its
    refund. `closing_time` is when the calendar looks at it next.
    """

    contract_id: str
    program_id: str
    member_id: str
    terms: Plan
    sale: Sale
    period: Period
    since_time: datetime
    until_time: datetime | None
    follows: str = ""
    followed_by: str = ""
    refund: Refund | None = None
    renewal_cancelled_time: datetime | None = None
    follow_up: FollowUp | None = None
    pooled: bool = False
    reminder_days: int = 0
    reminder_time: datetime | None = None
    closing_time: datetime | None = None

    def runs(self, at: datetime) -> bool:
        """Whether it grants anything at a time by itself."""
        return self.period.start_time <= at and self.stands(at)

    @property
    def settled(self) -> bool:
        """Whether its end is no news any more: another follows it, or nobody wants one to."""
        return bool(self.followed_by or self.refund or self.renewal_cancelled_time)

    def stands(self, at: datetime) -> bool:
        """Whether it runs at a time or will."""
        return self.until_time is None or at < self.until_time


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a contract: it, whatever changes with it, and what is to be announced, in order."""

    contract: Contract
    changed: tuple[Contract, ...] = ()
    told: tuple[tuple[Contract, ContractChange], ...] = ()


def require_standing(contract: Contract, at: datetime) -> None:
    """Refuse what is over: refunded, or ended with all of its grace."""
    if contract.refund is not None or not contract.stands(at):
        raise ContractEnded(**named(contract))


def require_not_followed(contract: Contract) -> None:
    """Refuse what another contract follows."""
    if contract.followed_by:
        raise ContractRenewed(contract_id=contract.contract_id, followed_by=contract.followed_by)


def require_end(contract: Contract) -> datetime:
    """The end of a contract; refuses one for life."""
    if contract.period.end_time is None:
        raise ContractForLife(contract_id=contract.contract_id)
    return contract.period.end_time


def with_reminder(contract: Contract, after: datetime, time_zone: str) -> Contract:
    """A contract with the next reminder of its end after a time, if there is one to come."""
    if contract.period.end_time is None or contract.renewal_cancelled_time is not None:
        return without_reminder(contract)
    for days in contract.terms.reminder_days:
        due_time = reminder_time(contract.period.end_time, days, time_zone)
        if due_time > after:
            return replace(contract, reminder_days=days, reminder_time=due_time)
    return without_reminder(contract)


def without_reminder(contract: Contract) -> Contract:
    """A contract whose end nobody is to be reminded of."""
    return replace(contract, reminder_days=0, reminder_time=None)


def named(contract: Contract) -> dict[str, str]:
    """The facts of a refusal about a contract."""
    until = contract.until_time
    return {"contract_id": contract.contract_id} | (
        {} if until is None else {"until_time": until.isoformat()}
    )
