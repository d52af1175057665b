"""Buyers that never were: purchases drawn from the models of Fader, Hardie and Lee; pure.

How often: BG/NBD (Marketing Science 24(2), 2005). A member buys at exponential
intervals with a rate of their own, drawn from a gamma distribution, and after
each repeat purchase leaves for good with a probability of their own, drawn
from a beta distribution. How much: Gamma-Gamma (Fader and Hardie 2013). Each
purchase is drawn from a gamma distribution whose scale is the member's own.
The parameters are those that both papers found for CDNOW, in weeks and dollars.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

JOINED_FROM, JOINED_DAYS = date(1997, 1, 1), 84
OBSERVED_UNTIL = date(1998, 6, 30)
DAYS_PER_WEEK = 7
# The parameters of BG/NBD, …
RATE_SHAPE, RATE_WEEKS = 0.243, 4.414
LEAVING_A, LEAVING_B = 0.793, 2.426
# … and of Gamma-Gamma.
SPEND_SHAPE, SPEND_SCALE_SHAPE, SPEND_SCALE = 6.25, 3.74, 15.44
CD_MINOR = 1480


@dataclass(frozen=True, slots=True)
class Buy:
    """One purchase of a member who is a number."""

    customer: int
    day: date
    quantity: int
    amount_minor: int

    def line(self) -> str:
        """The purchase in the format of the CDNOW sample."""
        dollars, cents = divmod(self.amount_minor, 100)
        return (
            f"{self.customer:05d} {self.customer:04d} {self.day:%Y%m%d} {self.quantity:2d} "
            f"{dollars:4d}.{cents:02d}\n"
        )


def population(members: int, seed: int) -> Iterator[list[Buy]]:
    """The purchases of each member in turn, by day; a smaller population is the beginning of a larger one."""
    # `random` and its distributions give the same numbers on any machine.
    drawn = random.Random(seed)  # noqa: S311 - no secret
    for customer in range(1, members + 1):
        scale = drawn.gammavariate(SPEND_SCALE_SHAPE, 1 / SPEND_SCALE)
        yield [_buy(drawn, customer, day, scale) for day in _days(drawn)]


def _days(drawn: random.Random) -> Iterator[date]:
    """The days on which a member buys; the first is that on which they join."""
    at = drawn.uniform(0, JOINED_DAYS)
    yield JOINED_FROM + timedelta(days=int(at))
    rate = drawn.gammavariate(RATE_SHAPE, 1 / RATE_WEEKS)
    leaving = drawn.betavariate(LEAVING_A, LEAVING_B)
    end = (OBSERVED_UNTIL - JOINED_FROM).days + 1
    while rate > 0 and (at := at + DAYS_PER_WEEK * drawn.expovariate(rate)) < end:
        yield JOINED_FROM + timedelta(days=int(at))
        if drawn.random() < leaving:
            return


def _buy(drawn: random.Random, customer: int, day: date, scale: float) -> Buy:
    amount_minor = round(100 * drawn.gammavariate(SPEND_SHAPE, 1 / scale))
    return Buy(customer, day, max(1, round(amount_minor / CD_MINOR)), amount_minor)
