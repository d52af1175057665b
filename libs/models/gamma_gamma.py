"""How much somebody spends at a time: Gamma-Gamma (Fader and Hardie, "The Gamma-Gamma Model", 2013).

Spend per purchase is gamma distributed with shape p and a scale of the
customer's own, drawn from another gamma distribution (q, gamma).
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from libs.models.fitting import Maximum, maximum
from libs.models.purchases import Repeats

Floats: TypeAlias = NDArray[np.float64]
NAMES = ("p", "q", "gamma")


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted parameters: `gamma` in major units, the others without unit."""

    p: float
    q: float
    gamma: float

    def expected(self, repeats: Repeats) -> Floats:
        """Mean spend per purchase in major units, (customers,): their own and everybody's, mixed."""
        x = np.where(repeats.value > 0, repeats.frequency, 0.0)
        return self.p * (self.gamma + x * repeats.value) / (self.p * x + self.q - 1)

    @classmethod
    def of(cls, found: Maximum) -> Self:
        """The parameters of a maximum."""
        return cls(*found.parameters)


def fit(repeats: Repeats) -> Maximum:
    """The parameters (p, q, gamma) with the largest likelihood, of who bought again and paid for it.

    Spend is counted in what is typical of it, so that the border of gamma is as far in any currency.
    """
    paid = (repeats.frequency > 0) & (repeats.value > 0)
    if not paid.any():
        return Maximum((), float("nan"), problem="nobody has bought again and paid")
    typical = float(np.median(repeats.value[paid]))
    x, mean = repeats.frequency[paid], repeats.value[paid] / typical
    counts, places = np.unique(x, return_inverse=True)
    log_total = np.log(x) + np.log(mean)

    def likelihood(logarithms: Floats) -> tuple[float, Floats]:
        p, q, gamma = np.exp(logarithms)
        log_scaled = np.log(x * mean + gamma)
        shapes = gammaln(p * counts + q) - gammaln(p * counts) - gammaln(q)
        value = shapes[places] + q * np.log(gamma) - np.log(mean)
        value += p * x * log_total - (p * x + q) * log_scaled
        both, own = digamma(p * counts + q), digamma(p * counts)
        by_p = (x * ((both - own)[places] + log_total - log_scaled)).sum()
        by_q = (both[places] - digamma(q) + np.log(gamma) - log_scaled).sum()
        by_gamma = (q / gamma - (p * x + q) / (x * mean + gamma)).sum()
        return float(value.sum()), np.array([p * by_p, q * by_q, gamma * by_gamma])

    found = maximum(likelihood, [(2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 2.0, 1.0)], NAMES)
    if not found.parameters:
        return found
    p, q, gamma = found.parameters
    problem = found.problem or ("q is 1 or less: spend has no mean" if q <= 1 else "")
    log_likelihood = found.log_likelihood - len(mean) * np.log(typical)
    return Maximum((p, q, gamma * typical), float(log_likelihood), found.errors, problem)
