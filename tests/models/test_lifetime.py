"""Lifetime value: customers drawn from the model spend what it says, and stay within its bounds."""

import numpy as np
import pytest

from libs.models.bgnbd import BgNbd
from libs.models.gamma_gamma import GammaGamma
from libs.models.lifetime import INSIDE, historic_purchases, lifetime_value
from libs.models.purchases import Repeats

OFTEN, MUCH = BgNbd(0.8, 6.0, 0.9, 2.5), GammaGamma(6.25, 3.74, 15.44)
WEEKS = 26.0


def test_buyers_of_the_model_spend_what_it_says() -> None:
    """20,000 customers drawn as the papers say, watched for 39 weeks and then for 26."""
    drawn = np.random.default_rng(11)
    count, age = 20_000, 39.0
    rate, leaving = drawn.gamma(OFTEN.r, 1 / OFTEN.alpha, count), drawn.beta(OFTEN.a, OFTEN.b, count)
    scale = drawn.gamma(MUCH.q, 1 / MUCH.gamma, count)
    frequency, recency, later, time = (np.zeros(count) for _ in range(4))
    staying = np.ones(count, bool)
    while staying.any():
        time = time + drawn.exponential(1 / np.maximum(rate, 1e-12))
        early, late = staying & (time <= age), staying & (time > age) & (time <= age + WEEKS)
        frequency, recency = frequency + early, np.where(early, time, recency)
        later += late
        staying &= (time <= age + WEEKS) & (drawn.random(count) >= leaving)
    seen = np.maximum(frequency, 1)
    value = np.where(frequency > 0, drawn.gamma(MUCH.p * seen, 1 / scale) / seen, 0)
    spent = np.where(later > 0, drawn.gamma(MUCH.p * np.maximum(later, 1), 1 / scale), 0)

    found = lifetime_value(OFTEN, MUCH, Repeats(frequency, recency, np.full(count, age), value), WEEKS)
    assert found.purchases.sum() == pytest.approx(later.sum(), rel=0.03)
    assert found.value.sum() == pytest.approx(spent.sum(), rel=0.05)
    within = (found.purchases_low <= later) & (later <= found.purchases_high)
    assert INSIDE <= within.mean() < 1
    assert (found.value_low <= found.value_high).all()
    assert ((found.alive > 0) & (found.alive <= 1)).all()


def test_the_historic_rate_goes_on() -> None:
    customers = Repeats(*map(np.array, ([10.0, 0.0, 1.0], [20.0, 0, 0], [20.0, 5.0, 0.0], [5.0, 0, 5.0])))

    assert historic_purchases(customers, 10.0).tolist() == [5.0, 0.0, 70.0]
