"""The contracts of one member, kept in memory by the rules alone, with a clock that a test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from libs.common.contract_policy import Contracts, Plan
from services.benefits.domain.contract_ends import (
    closed,
    refund_amount,
    refunded,
    reminded,
    renewal_cancelled,
    satisfied,
)
from services.benefits.domain.contract_sales import Selling
from services.benefits.domain.contracts import Contract, ContractChange, Outcome, Refund, Sale

MEMBER = "mem_1"


def a_plan(key: str = "year", **fields: Any) -> Plan:
    """A plan of a year at 365.00, in the group of all that are not told another one."""
    given: dict[str, Any] = {"group": "membership", "amount_minor": 36_500, **fields}
    if not given.get("lifetime"):
        given.setdefault("term_months", 12)
    return Plan.model_validate({"key": key, "name": {"zh": key, "en": key}, **given}, strict=False)


def the_plans(*plans: Plan) -> Contracts:
    return Contracts(plans=plans)


@dataclass
class Book:
    """What the handlers do, without what they do it in."""

    at: datetime
    time_zone: str = "Asia/Shanghai"
    contracts: dict[str, Contract] = field(default_factory=dict)
    changes: list[tuple[str, ContractChange]] = field(default_factory=list)
    reminders: list[tuple[str, int, datetime]] = field(default_factory=list)
    charges: int = 0
    _ids: Any = field(default_factory=lambda: count(1))

    def sell(self, plan: Plan, *, after_running: bool = False, amount_minor: int | None = None) -> Contract:
        selling = self._selling(plan, amount_minor)
        return self._charged(selling.after_running() if after_running else selling.now())

    def renew(self, contract: Contract, plan: Plan | None = None) -> Contract:
        selling = self._selling(plan or contract.terms, None)
        return self._charged(selling.renewing(self[contract]))

    def refund(self, contract: Contract, kind: Any = "whole") -> Contract:
        now = self[contract]
        amount_minor = refund_amount(now, kind, self.at, self.time_zone)
        refund = Refund(kind, "shop", f"back {now.contract_id}", amount_minor, self.at)
        return self._kept(refunded(now, self.contracts.get(now.follows), refund, self.time_zone))

    def cancel(self, contract: Contract) -> Contract:
        return self._kept(renewal_cancelled(self[contract], self.at))

    def satisfy(self, contract: Contract, satisfaction: Any) -> Contract:
        return self._kept(satisfied(self[contract], satisfaction, self.at))

    def move(self, until: datetime) -> None:
        """Move the clock, and let happen what falls due on the way, in order: reminders first."""
        while due := [each for each in self._due() if each[0] <= until]:
            self.at, _, happen = min(due, key=lambda each: each[:2])
            happen()
        self.at = until

    def __getitem__(self, contract: Contract) -> Contract:
        """The contract as it is now."""
        return self.contracts[contract.contract_id]

    def _due(self) -> list[tuple[datetime, int, Callable[[], None]]]:
        found: list[tuple[datetime, int, Callable[[], None]]] = []
        for each in self.contracts.values():
            if each.reminder_time is not None:
                found.append((each.reminder_time, 0, lambda one=each: self._remind(one)))  # type: ignore[misc]
            if each.closing_time is not None:
                found.append((each.closing_time, 1, lambda one=each: self._close(one)))  # type: ignore[misc]
        return found

    def _remind(self, contract: Contract) -> None:
        assert contract.reminder_time is not None
        self.reminders.append((contract.contract_id, contract.reminder_days, contract.reminder_time))
        self.contracts[contract.contract_id] = reminded(contract, self.time_zone)

    def _close(self, contract: Contract) -> None:
        self._kept(closed(contract, self.contracts))

    def _selling(self, plan: Plan, amount_minor: int | None) -> Selling:
        number = next(self._ids)
        paid_minor = plan.amount_minor if amount_minor is None else amount_minor
        sale = Sale(1, "shop", f"pay {number}", "", paid_minor, self.at)
        held = [each for each in self.contracts.values() if each.stands(self.at) or each.pooled]
        return Selling(f"ctr_{number:04d}", "dating", MEMBER, plan, sale, self.time_zone, held)

    def _charged(self, outcome: Outcome) -> Contract:
        self.charges += 1
        return self._kept(outcome)

    def _kept(self, outcome: Outcome) -> Contract:
        self.contracts |= {each.contract_id: each for each in outcome.changed}
        self.changes += [(contract.contract_id, change) for contract, change in outcome.told]
        return outcome.contract
