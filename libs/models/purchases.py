"""Purchases as columns, and what models read of them: facts at a day, and repeats as BG/NBD counts them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from libs.models.features import LIFETIME, WINDOWS

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

DAYS_PER_WEEK = 7
ENDS_MAX = 60
# Logs are in dollars; programs say their currency.
MINOR_PER_MAJOR = 100
# More than a day's ordinal ever is, so that a customer and a day are one number.
_DAYS_END = 10_000_000


@dataclass(frozen=True, slots=True)
class PurchaseLog:
    """Purchases, one a row: whose (0 to `customers_count` - 1), the day's ordinal, and for how much."""

    customers_count: int
    customer: Integers
    day: Integers
    amount_minor: Integers
    quantity: Integers

    @classmethod
    def of(cls, rows: Iterable[tuple[str, date, int, int]]) -> Self:
        """The log of (customer, day, quantity, amount in minor units); customers are numbered by name."""
        names, days, quantities, amounts = zip(*rows, strict=True)
        customers, numbers = np.unique(np.array(names), return_inverse=True)
        return cls(
            customers_count=len(customers),
            customer=numbers.astype(np.int64),
            day=np.array([day.toordinal() for day in days], np.int64),
            amount_minor=np.array(amounts, np.int64),
            quantity=np.array(quantities, np.int64),
        )

    def where(self, rows: NDArray[np.bool_]) -> "PurchaseLog":
        """These rows, with the customers as they are numbered."""
        return PurchaseLog(
            self.customers_count,
            self.customer[rows],
            self.day[rows],
            self.amount_minor[rows],
            self.quantity[rows],
        )

    def of_buyers_until(self, day: int) -> "PurchaseLog":
        """The purchases, later ones too, of those who had bought by the end of a day, numbered anew."""
        had_bought = np.zeros(self.customers_count, bool)
        had_bought[self.customer[self.day <= day]] = True
        kept = self.where(had_bought[self.customer])
        numbers = np.cumsum(had_bought) - 1
        return PurchaseLog(
            int(had_bought.sum()), numbers[kept.customer], kept.day, kept.amount_minor, kept.quantity
        )

    def purchase_days(self) -> tuple[Integers, Integers, Integers]:
        """Customer, day and amount in minor units of each day on which a customer bought, in this order."""
        keys, places = np.unique(self.customer * _DAYS_END + self.day, return_inverse=True)
        amounts = np.zeros(len(keys), np.int64)
        np.add.at(amounts, places, self.amount_minor)
        return keys // _DAYS_END, keys % _DAYS_END, amounts

    def days_bought(self) -> Integers:
        """On how many days each customer bought."""
        return np.bincount(self.purchase_days()[0], minlength=self.customers_count)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What BG/NBD and Gamma-Gamma read of each customer (Fader, Hardie and Lee 2005), rows alike.

    `frequency`: days with a purchase after the first; `recency`: weeks from the first to the last of them;
    `age`: weeks from the first to the end; `value`: mean spend of a repeat day, in major units, 0 without.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    value: Floats

    @classmethod
    def of(cls, log: PurchaseLog, until: int) -> Self:
        """The repeats by the end of a day, of a log whose customers all had bought by then."""
        customer, day, amount = log.where(log.day <= until).purchase_days()
        first_row = np.searchsorted(customer, np.arange(log.customers_count))
        last_row = np.searchsorted(customer, np.arange(log.customers_count), side="right") - 1
        first, last, frequency = day[first_row], day[last_row], last_row - first_row
        spent = np.bincount(customer, amount, log.customers_count) - amount[first_row]
        return cls(
            frequency=frequency.astype(np.float64),
            recency=(last - first) / DAYS_PER_WEEK,
            age=(until - first) / DAYS_PER_WEEK,
            value=spent / np.maximum(frequency, 1) / MINOR_PER_MAJOR,
        )

    def of_rows(self, rows: NDArray[np.intp]) -> "Repeats":
        """Those of some customers."""
        return Repeats(self.frequency[rows], self.recency[rows], self.age[rows], self.value[rows])


def facts_of(log: PurchaseLog, until: int) -> Mapping[str, Floats]:
    """The facts that members keeps of purchases, at the end of a day, as columns by name.

    Of a log without refunds, whose customers all had bought by then; facts of
    what did not happen in a window are 0.
    """
    past = log.where(log.day <= until)
    facts: dict[str, Any] = {}
    for window, days in (*WINDOWS.items(), (LIFETIME, until)):
        within = past.where(past.day > until - days)
        sums = {
            "amount_minor": np.bincount(within.customer, within.amount_minor, log.customers_count),
            "quantity": np.bincount(within.customer, within.quantity, log.customers_count),
        }
        facts[f"purchase.count.{window}"] = np.bincount(within.customer, minlength=log.customers_count)
        facts[f"purchase.distinct_days.{window}"] = within.days_bought()
        for kind in ("purchase", "purchase_gross"):
            facts |= {f"{kind}.{measure}.{window}": column for measure, column in sums.items()}
    first, last = np.full(log.customers_count, until), np.zeros(log.customers_count, np.int64)
    np.minimum.at(first, past.customer, past.day)
    np.maximum.at(last, past.customer, past.day)
    facts |= {"purchase.days_since_first": until - first, "purchase.days_since_last": until - last}
    return {name: column.astype(np.float64) for name, column in facts.items()}


def ends_of(horizon_days: int) -> list[int]:
    """Days after the cut-off at which what came is looked at: by weeks, or several of them."""
    weeks = -(-horizon_days // DAYS_PER_WEEK)
    step = DAYS_PER_WEEK * -(-weeks // ENDS_MAX)
    return [*range(step, horizon_days, step), horizon_days]
