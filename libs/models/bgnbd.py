"""How often somebody will buy: BG/NBD (Fader, Hardie and Lee, Marketing Science 24(2), 2005).

A customer buys at random with a rate of their own, drawn from a gamma
distribution (r, alpha), and after each purchase leaves for good with a
probability of their own, drawn from a beta distribution (a, b). Time is in
weeks; the first purchase is where the clock starts, and no repeat.
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, digamma, expit, gammaln, hyp2f1

from libs.models.fitting import Maximum, maximum
from libs.models.purchases import Repeats

Floats: TypeAlias = NDArray[np.float64]
NAMES = ("r", "alpha", "a", "b")
# Where a is 1 the expectation is a quotient of two zeros; so near it, it is the same to seven digits.
_NEAR_ONE = 1e-7
COUNT_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Fitted parameters: `alpha` in weeks, the others without unit."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, repeats: Repeats) -> Floats:
        """The probability, (customers,), of not having left for good; 1 for whoever has no repeat."""
        x = repeats.frequency
        again = np.maximum(x, 1)
        longer = (self.r + x) * (np.log(self.alpha + repeats.age) - np.log(self.alpha + repeats.recency))
        odds = np.log(self.a) - np.log(self.b + again - 1) + longer
        return np.where(x > 0, expit(-odds), 1.0)

    def expected(self, repeats: Repeats, weeks: float) -> Floats:
        """Purchases, (customers,), expected in so many weeks more.

        Equation 10 of the paper after Euler's transformation of 2F1, which
        stays finite for customers with hundreds of repeats.
        """
        x = repeats.frequency
        a = 1 + _NEAR_ONE if abs(self.a - 1) < _NEAR_ONE else self.a
        share = weeks / (self.alpha + repeats.age + weeks)
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, a + self.b + x - 1, share)
        staying = (a + self.b + x - 1) / (a - 1) * (1 - (1 - share) ** (a - 1) * series)
        return np.asarray(np.maximum(staying, 0.0) * self.alive(repeats))

    def at_least(self, count: Floats, repeats: Repeats, weeks: float) -> Floats:
        """The probability, (customers,), of so many purchases or more (from 1 on) in so many weeks more.

        That of not leaving at the purchases before, by the beta distribution
        of who is alive, times that of so many in time, which is negative
        binomial; both follow from the model and add up to `expected`.
        """
        x = repeats.frequency
        staying = np.exp(betaln(self.a, self.b + x + count - 1) - betaln(self.a, self.b + x))
        share = weeks / (self.alpha + repeats.age + weeks)
        return np.asarray(self.alive(repeats) * staying * betainc(count, self.r + x, share))

    def quantile(self, part: float, repeats: Repeats, weeks: float) -> Floats:
        """The least count, (customers,), that future purchases are at or below with this probability."""
        low, high = np.zeros(len(repeats.frequency)), np.zeros(len(repeats.frequency))
        # Most are at or below a small count: upwards in ever larger steps, then halved in between.
        rows = np.arange(len(low))
        while len(rows):
            rows = rows[~self._is_within(high[rows], repeats.of_rows(rows), weeks, part)]
            low[rows] = high[rows] + 1
            high[rows] = np.minimum(2 * high[rows] + 1, COUNT_MAX)
            rows = rows[low[rows] < COUNT_MAX]
        while len(rows := np.flatnonzero(low < high)):
            middle = np.floor((low[rows] + high[rows]) / 2)
            enough = self._is_within(middle, repeats.of_rows(rows), weeks, part)
            high[rows] = np.where(enough, middle, high[rows])
            low[rows] = np.where(enough, low[rows], middle + 1)
        return np.minimum(low, COUNT_MAX)

    def _is_within(self, count: Floats, repeats: Repeats, weeks: float, part: float) -> NDArray[np.bool_]:
        """Whether so many purchases or fewer have this probability, (customers,)."""
        return np.asarray(1 - self.at_least(count + 1, repeats, weeks) >= part)

    @classmethod
    def of(cls, found: Maximum) -> Self:
        """The parameters of a maximum."""
        return cls(*found.parameters)


def fit(repeats: Repeats) -> Maximum:
    """The parameters (r, alpha, a, b) with the largest likelihood of some customers' repeats."""
    if not (repeats.frequency > 0).any():
        return Maximum((), float("nan"), problem="nobody has bought again")
    counts, places = np.unique(repeats.frequency, return_inverse=True)
    weeks = float(np.median(repeats.age)) or 1.0

    def likelihood(logarithms: Floats) -> tuple[float, Floats]:
        return _likelihood(np.exp(logarithms), repeats, counts, places)

    starts = [(0.5, weeks / 4, 1.0, 3.0), (1.0, weeks, 0.2, 1.0), (0.2, weeks / 20, 0.5, 5.0)]
    return maximum(likelihood, starts, NAMES)


def _likelihood(
    parameters: Floats, repeats: Repeats, counts: Floats, places: NDArray[np.intp]
) -> tuple[float, Floats]:
    """The log-likelihood (equation 6 of the paper) and its gradient by the logarithms of the parameters.

    What depends on the number of repeats alone is worked out once for each number.
    """
    (r, alpha, a, b), x = parameters.tolist(), repeats.frequency
    rate, leaving = gammaln(r + counts) - gammaln(r), gammaln(a + b) - gammaln(a + b + counts)
    known = rate + r * np.log(alpha) + leaving + gammaln(b + counts) - gammaln(b)
    gone = np.log(a) - np.log(b + np.maximum(counts, 1) - 1)
    log_age, log_recency = np.log(alpha + repeats.age), np.log(alpha + repeats.recency)
    # By how much it is likelier that the customer has left than not.
    odds = np.where(x > 0, gone[places] + (r + x) * (log_age - log_recency), -np.inf)
    left = expit(odds)
    value = (known[places] - (r + x) * log_age + np.logaddexp(0.0, odds)).sum()
    by_r = (digamma(r + counts) - digamma(r) + np.log(alpha))[places]
    by_r -= log_age - left * (log_age - log_recency)
    per_age, per_recency = 1 / (alpha + repeats.age), 1 / (alpha + repeats.recency)
    by_alpha = r / alpha - (r + x) * (per_age - left * (per_age - per_recency))
    together = digamma(a + b) - digamma(a + b + counts)
    by_b = together + digamma(b + counts) - digamma(b)
    gradient = np.array(
        [
            r * by_r.sum(),
            alpha * by_alpha.sum(),
            a * together[places].sum() + left.sum(),
            b * (by_b[places] - left / (b + np.maximum(x, 1) - 1)).sum(),
        ]
    )
    return float(value), gradient
