"""Value segments: customers who are alike in recency, frequency and money, by K-means, from the best down.

Columns are taken by their logarithm and scaled to the same spread. A fit is
plain numbers (centres.py).
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log1p
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from libs.models.centres import LABELS, SIGNS, Segments, limited

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

SEGMENTS_MIN, SEGMENTS_MAX = 2, 20
STARTS = 10
SILHOUETTE_SAMPLE = 5_000


class SegmentsInvalidError(ValueError):
    """What cannot be divided so, and why."""


def fit(rfm: Floats, count: int = len(LABELS), before: Segments | None = None) -> Segments:
    """Divide rows of days since the last purchase, purchase days and spend, all 0 or more.

    With the fit `before`, its centres are where this one begins, so that
    segments keep their meaning from one fit to the next.
    SegmentsInvalidError for what is no number from 0 on, and for more
    segments than there are different rows.
    """
    _require(rfm, count)
    logarithms = log1p(rfm)
    means, scales = logarithms.mean(axis=0), logarithms.std(axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    scaled = limited((logarithms - means) / scales)
    start: dict[str, Any] = {"n_init": STARTS}
    if before is not None and len(before.centres) == count:
        begun = (before.centres * before.scales + before.means - means) / scales
        start = {"init": begun, "n_init": 1}
    found = KMeans(count, random_state=0, **start).fit(scaled)
    worth = found.cluster_centers_ @ np.array(SIGNS)
    order = np.argsort(-worth, kind="stable")
    centres = found.cluster_centers_[order]
    fitted = Segments(means, scales, centres, (), 0.0)
    places = fitted.of(rfm)
    sizes = np.bincount(places, minlength=count)
    return Segments(means, scales, centres, tuple(sizes.tolist()), _silhouette(scaled, places))


def _require(rfm: Floats, count: int) -> None:
    if not np.isfinite(rfm).all() or (rfm < 0).any():
        raise SegmentsInvalidError("days, purchase days and spend are numbers from 0 on")
    different = len(np.unique(rfm, axis=0))
    if not SEGMENTS_MIN <= count <= min(SEGMENTS_MAX, different):
        if different < SEGMENTS_MIN:
            raise SegmentsInvalidError(f"{len(rfm)} customers, none different from another: none to divide")
        raise SegmentsInvalidError(
            f"{count} segments of {len(rfm)} customers, {different} of them different: {SEGMENTS_MIN} to "
            f"{min(SEGMENTS_MAX, different)} can be told apart"
        )


def _silhouette(scaled: Floats, places: Places) -> float:
    sample = np.random.default_rng(0).permutation(len(places))[:SILHOUETTE_SAMPLE]
    if not 1 < len(np.unique(places[sample])) < len(sample):
        return 0.0
    return float(silhouette_score(scaled[sample], places[sample]))
