"""Maximum likelihood: positive parameters, found by their logarithms, and whether the data tell them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats: TypeAlias = NDArray[np.float64]
# Of the logarithms of the parameters: the log-likelihood and its gradient.
Likelihood = Callable[[Floats], tuple[float, Floats]]

ITERATIONS_MAX = 500
# A parameter of e**±12 is at the border: the likelihood goes on growing towards none, or infinitely many.
LOGARITHM_MAX = 12.0
# A parameter that may as well be twenty times as large is not known.
ERROR_MAX = 3.0
_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where a likelihood is largest. `errors`: standard errors of the logarithms of the parameters.

    `problem` says why the data do not tell the parameters; it is empty where they do.
    """

    parameters: tuple[float, ...]
    log_likelihood: float
    errors: tuple[float, ...] = ()
    problem: str = ""


def maximum(likelihood: Likelihood, starts: Sequence[Sequence[float]], names: Sequence[str]) -> Maximum:
    """The best of what is found from some starting parameters, by L-BFGS-B.

    `problem` is set where a parameter runs to its border, where the
    likelihood is flat there, or where it is nowhere finite.
    """

    def loss(logarithms: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(logarithms)
        return -value, -gradient

    bounds = [(-LOGARITHM_MAX, LOGARITHM_MAX)] * len(names)
    with np.errstate(all="ignore"):
        found = [
            minimize(
                loss,
                np.log(start),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"maxiter": ITERATIONS_MAX, "ftol": 1e-12, "gtol": 1e-6},
            )
            for start in starts
        ]
        best = min(found, key=lambda each: each.fun if np.isfinite(each.fun) else np.inf)
        if not np.isfinite(best.fun):
            return Maximum((), float("nan"), problem="the likelihood is nowhere finite")
        errors, problem = _known(likelihood, best.x, names)
    return Maximum(tuple(np.exp(best.x).tolist()), -float(best.fun), errors, problem)


def _known(likelihood: Likelihood, place: Floats, names: Sequence[str]) -> tuple[tuple[float, ...], str]:
    """The standard errors at a maximum, and what keeps it from being one that the data tell."""
    border = [name for name, each in zip(names, place, strict=True) if abs(each) > LOGARITHM_MAX - 0.01]
    if border:
        return (), f"{', '.join(border)} runs to its border"
    columns = [
        (likelihood(place + step)[1] - likelihood(place - step)[1]) / (2 * _STEP)
        for step in np.eye(len(place)) * _STEP
    ]
    information = -np.array(columns)
    information = (information + information.T) / 2
    if not np.isfinite(information).all() or np.linalg.eigvalsh(information).min() <= 0:
        return (), "the likelihood is flat around its maximum"
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    vague = [name for name, error in zip(names, errors, strict=True) if error > ERROR_MAX]
    problem = f"the data say next to nothing about {', '.join(vague)}" if vague else ""
    return tuple(errors.tolist()), problem
