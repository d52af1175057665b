"""Ends of contracts: by refund or in their time, and what is offered to who has run out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from libs.common.contract_policy import Satisfaction
from services.benefits.domain.contract_periods import grace_end, left_minor
from services.benefits.domain.contracts import (
    Contract,
    ContractChange,
    FollowUp,
    Outcome,
    Refund,
    RefundKind,
    named,
    require_end,
    require_not_followed,
    require_standing,
    with_reminder,
    without_reminder,
)
from services.benefits.domain.errors import ContractEnded


def refund_amount(contract: Contract, kind: RefundKind, at: datetime, time_zone: str) -> int:
    """What a refund gives back of what was paid."""
    paid_minor = contract.sale.amount_minor
    if kind == "whole":
        return paid_minor
    require_end(contract)
    rounding = contract.terms.refund_rounding
    return left_minor(paid_minor, contract.period, at, time_zone=time_zone, rounding=rounding)


def refunded(contract: Contract, before: Contract | None, refund: Refund, time_zone: str) -> Outcome:
    """End a contract at once for its money; what follows it has to be refunded first.

    `before` is the one that it follows. If that still runs, nothing follows
    it any more: it may be renewed again, and its end is told again.
    """
    require_in_term(contract, refund.time)
    require_not_followed(contract)
    ended = replace(
        without_reminder(contract),
        refund=refund,
        until_time=max(contract.period.start_time, refund.time),
        closing_time=None,
    )
    told = ((ended, ContractChange.REFUNDED),)
    if before is None or contract.period.start_time <= refund.time:
        return Outcome(ended, (ended,), told)
    end_time = require_end(before)
    until_time = grace_end(end_time, before.terms.grace_days, time_zone)
    freed = with_reminder(replace(before, followed_by="", until_time=until_time), refund.time, time_zone)
    return Outcome(ended, (ended, freed), told)


def require_in_term(contract: Contract, at: datetime) -> None:
    """Refuse what is over, or in its grace, in which nothing is left of what was paid for."""
    require_standing(contract, at)
    if contract.period.end_time is not None and contract.period.end_time <= at:
        raise ContractEnded(**named(contract))


def renewal_cancelled(contract: Contract, at: datetime) -> Outcome:
    """Let a contract be followed by a new sale only; its end is told no more."""
    require_standing(contract, at)
    require_end(contract)
    require_not_followed(contract)
    if contract.renewal_cancelled_time is not None:
        return Outcome(contract)
    kept = replace(without_reminder(contract), renewal_cancelled_time=at)
    return Outcome(kept, (kept,), ((kept, ContractChange.RENEWAL_CANCELLED),))


def reminded(contract: Contract, time_zone: str) -> Contract:
    """A contract whose reminder was told, or passed over: with the next one."""
    assert contract.reminder_time is not None, "there was one"
    return with_reminder(contract, contract.reminder_time, time_zone)


def closed(contract: Contract, others: Mapping[str, Contract]) -> Outcome:
    """What happens to a contract at its end, and again at the end of its grace, if nothing follows it.

    `others` are contracts of the member. Who has bought another of the group
    meanwhile does not enter the pool.
    """
    if contract.followed_by:
        ended = replace(contract, closing_time=None)
        following = others.get(contract.followed_by)
        begins = [] if following is None or following.refund else [(following, ContractChange.STARTED)]
        return Outcome(ended, (ended,), ((ended, ContractChange.ENDED), *begins))
    if contract.closing_time != contract.period.end_time:
        lapsed = replace(contract, closing_time=None)
        return Outcome(lapsed, (lapsed,), ((lapsed, ContractChange.LAPSED),))
    return _ran_out(contract, others.values())


def _ran_out(contract: Contract, others: Iterable[Contract]) -> Outcome:
    end_time, until_time = require_end(contract), contract.until_time
    in_grace = until_time is not None and until_time > end_time
    ended = replace(
        contract,
        closing_time=until_time if in_grace else None,
        pooled=not any(_later(each, contract, end_time) for each in others),
    )
    ended, offered = _offered(ended, end_time)
    told = ((ended, ContractChange.ENDED), *offered)
    return Outcome(ended, (ended,), told)


def _later(other: Contract, contract: Contract, end_time: datetime) -> bool:
    """Whether another contract of the group goes on after the end of this one."""
    return (
        other.contract_id != contract.contract_id
        and other.terms.group == contract.terms.group
        and other.refund is None
        and other.stands(end_time)
    )


def satisfied(contract: Contract, satisfaction: Satisfaction, at: datetime) -> Outcome:
    """Keep how content a member is, and offer what goes with it to who is in the pool.

    Another answer changes what is offered, and not until when.
    """
    if contract.refund is not None:
        raise ContractEnded(**named(contract))
    before = contract.follow_up
    if before is not None and before.satisfaction == satisfaction:
        return Outcome(contract)
    said = (
        FollowUp(satisfaction, at)
        if before is None
        else replace(before, satisfaction=satisfaction, set_time=at)
    )
    kept, offered = _offered(replace(contract, follow_up=said), at)
    return Outcome(kept, (kept,), tuple(offered))


def _offered(contract: Contract, at: datetime) -> tuple[Contract, list[tuple[Contract, ContractChange]]]:
    """A contract with what is offered to its member, from now on, once they are in the pool."""
    said = contract.follow_up
    if said is None or not contract.pooled:
        return contract, []
    if said.offered_time is None:
        until_time = at + timedelta(days=contract.terms.follow_up.valid_days)
        said = replace(said, offered_time=at, until_time=until_time)
    offered = replace(contract, follow_up=said)
    return offered, [(offered, ContractChange.OFFERED)]
