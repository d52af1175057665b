"""Sales of contracts: of a group one at a time, each beginning where the one before it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.common.contract_policy import Plan
from services.benefits.domain.contract_periods import Period, first_period, following_period, grace_end
from services.benefits.domain.contracts import (
    Contract,
    ContractChange,
    Outcome,
    Sale,
    named,
    require_end,
    require_not_followed,
    require_standing,
    with_reminder,
    without_reminder,
)
from services.benefits.domain.errors import (
    AmountAbovePrice,
    ContractEnded,
    ContractRunning,
    ContractTooFarAhead,
    PlanNeedsAnother,
    PlanUnknown,
    RenewalCancelled,
)

# Ten years ahead somebody may pay; it bounds how many contracts of a member stand at a time.
AHEAD_MAX = timedelta(days=3_660)


@dataclass(frozen=True, slots=True)
class Selling:
    """A sale about to be made, given all contracts of the member that stand or are in the pool."""

    contract_id: str
    program_id: str
    member_id: str
    terms: Plan
    sale: Sale
    time_zone: str
    held: Sequence[Contract]

    def now(self) -> Outcome:
        """Begin a contract now; refused while another of the group stands."""
        self._require_possible()
        standing = [each for each in self._of_group() if each.stands(self.sale.sold_time)]
        if standing:
            raise ContractRunning(**named(max(standing, key=lambda each: each.period.start_time)))
        return self._sold(first_period(self.terms, self.sale.sold_time, self.time_zone))

    def after_running(self) -> Outcome:
        """Begin a contract where the one of the group that runs now ends; now when none runs."""
        running = next((each for each in self._of_group() if each.runs(self.sale.sold_time)), None)
        return self.now() if running is None else self._after(running)

    def renewing(self, before: Contract) -> Outcome:
        """Begin a contract where another ends, asked for by who may not know that the member cancelled it."""
        if before.terms.group != self.terms.group:
            raise PlanUnknown(plan=self.terms.key, group=before.terms.group)
        if before.renewal_cancelled_time is not None:
            raise RenewalCancelled(contract_id=before.contract_id)
        return self._after(before)

    def _after(self, before: Contract) -> Outcome:
        self._require_possible()
        at = self.sale.sold_time
        require_standing(before, at)
        require_not_followed(before)
        end_time = require_end(before)
        if end_time - at > AHEAD_MAX:
            raise ContractTooFarAhead(**named(before))
        period = following_period(self.terms, before.period, self.time_zone)
        if period.end_time is not None and period.end_time <= at:
            raise ContractEnded(**named(before))  # a long grace, and a short plan that would be over by now
        followed = replace(
            without_reminder(before),
            followed_by=self.contract_id,
            until_time=end_time,
            closing_time=end_time if before.closing_time == end_time else None,
            pooled=False,
        )
        outcome = self._sold(period, before)
        others = [each for each in outcome.changed if each.contract_id != before.contract_id]
        return replace(outcome, changed=(followed, *others))

    def _sold(self, period: Period, before: Contract | None = None) -> Outcome:
        """The new contract; who buys one of the group leaves the pool."""
        end_time, grace_days = period.end_time, self.terms.grace_days
        contract = Contract(
            contract_id=self.contract_id,
            program_id=self.program_id,
            member_id=self.member_id,
            terms=self.terms,
            sale=self.sale,
            period=period,
            since_time=_since(before, self.terms) or period.start_time,
            until_time=None if end_time is None else grace_end(end_time, grace_days, self.time_zone),
            follows="" if before is None else before.contract_id,
            closing_time=end_time,
        )
        contract = with_reminder(contract, self.sale.sold_time, self.time_zone)
        left = [replace(each, pooled=False) for each in self._of_group() if each.pooled]
        return Outcome(contract, (*left, contract), ((contract, ContractChange.SOLD),))

    def _of_group(self) -> list[Contract]:
        return [each for each in self.held if each.terms.group == self.terms.group]

    def _require_possible(self) -> None:
        price_minor = self.terms.amount_minor
        if self.sale.amount_minor > price_minor:
            raise AmountAbovePrice(amount_minor=self.sale.amount_minor, price_minor=price_minor)
        had = {each.terms.key for each in self.held if each.stands(self.sale.sold_time)}
        if self.terms.needs and not had.intersection(self.terms.needs):
            raise PlanNeedsAnother(plan=self.terms.key, needs=", ".join(self.terms.needs))


def _since(before: Contract | None, terms: Plan) -> datetime | None:
    """Since when a member has a plan that a contract before was of."""
    return before.since_time if before is not None and before.terms.key == terms.key else None
