"""Documents of models for tests: small, plain, and of every kind and method."""

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from libs.common.documents import Text
from libs.models import documents
from libs.models.documents import DAYS, FIRST, LAST, SPENT, ModelDocument

Floats = NDArray[np.float64]
COMMON: dict[str, Any] = {
    "program_id": "demo",
    "as_of": date(1997, 9, 30),
    "horizon_days": 273,
    "members_count": 2357,
    "data_digest": "0" * 64,
    "metrics": {"auc": 0.779},
}
FREQUENCY = documents.FrequencyParameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
SPEND = documents.SpendParameters(p=6.25, q=3.74, gamma=15.44)
TYPICAL = documents.Typical(
    purchase_days=1.0, days_since_first=230.0, days_since_last=190.0, spent_minor=4000.0
)
BANDS = (
    documents.Band(key="high", name=Text(zh="高", en="high"), from_bp=6000),
    documents.Band(key="medium", name=Text(zh="中", en="medium"), from_bp=3000),
    documents.Band(key="low", name=Text(zh="低", en="low"), from_bp=0),
)
KEPT = (
    documents.KeptFeature(name="purchase.lapse", missing=30.0),
    documents.KeptFeature(name="purchase.count.90d", missing=9.0),
    documents.KeptFeature(name="login.days_since_last", missing=365.0),
)
TREE = documents.Nodes(
    feature=(0, -1, 3, -1, -1),
    threshold=(1.5, 0.0, 0.25, 0.0, 0.0),
    below=(1, 0, 3, 0, 0),
    above=(2, 0, 4, 0, 0),
    value=(0.02, -0.4, 0.31, 0.1, 0.6),
)
LOGISTIC = documents.Logistic(
    means=(0.8, 0.5, 3.0, 0.4), scales=(0.5, 0.7, 2.0, 1.1), weights=(0.9, -0.4, 0.2, 0.6), bias=0.3
)
TREES = documents.Trees(bias=0.5, trees=(TREE, TREE))


def churn(scorer: Any = LOGISTIC, **other: Any) -> documents.Churn:
    """A model of churn."""
    kept = () if isinstance(scorer, documents.FrequencyAlone) else KEPT
    values: dict[str, Any] = {
        "kept": kept,
        "frequency": FREQUENCY,
        "typical": TYPICAL,
        "slope": 1.1,
        "shift": -0.05,
    }
    return documents.Churn(**COMMON, scorer=scorer, bands=BANDS, **values | other)


def lifetime_value(**other: Any) -> documents.LifetimeValue:
    """A model of lifetime value."""
    values: dict[str, Any] = {"frequency": FREQUENCY, "spend": SPEND, "typical": TYPICAL, "currency": "USD"}
    return documents.LifetimeValue(**COMMON, **values | other)


def value_segment() -> documents.ValueSegment:
    """A model of four segments."""
    centres = ((-1.0, 1.5, 1.4), (-0.5, 0.3, 0.2), (0.2, -0.4, -0.5), (1.0, -0.6, -0.4))
    names = (("high_value", "高价值"), ("potential", "潜力"), ("general", "一般"), ("lost", "流失"))
    return documents.ValueSegment(
        **COMMON,
        means=(4.5, 0.9, 8.1),
        scales=(1.2, 0.5, 1.1),
        segments=tuple(
            documents.SegmentCentre(key=key, name=Text(zh=zh, en=key.replace("_", " ")), centre=centre)
            for (key, zh), centre in zip(names, centres, strict=True)
        ),
    )


ALL: dict[str, ModelDocument] = {
    "logistic": churn(),
    "trees": churn(TREES),
    "bgnbd": churn(documents.FrequencyAlone()),
    "historic churn": churn(frequency=None),
    "value": lifetime_value(),
    "historic value": lifetime_value(frequency=None, spend=None, problem="nobody has bought again"),
    "segments": value_segment(),
}


def members(count: int = 500, seed: int = 1) -> dict[str, Floats]:
    """Facts of members as they are found, some of whom never purchased, some facts missing."""
    drawn = np.random.default_rng(seed)
    first = drawn.integers(0, 700, count).astype(np.float64)
    last = np.floor(first * drawn.random(count))
    days = drawn.geometric(0.4, count).astype(np.float64)
    facts = {
        FIRST: first,
        LAST: last,
        DAYS: days,
        SPENT: drawn.integers(-5_000, 90_000, count).astype(np.float64),
        "purchase.count.90d": drawn.integers(0, 9, count).astype(np.float64),
        "login.days_since_last": drawn.integers(0, 365, count).astype(np.float64),
    }
    for column in facts.values():
        column[drawn.random(count) < 0.1] = np.nan
    days[drawn.random(count) < 0.1] = 0
    return facts
