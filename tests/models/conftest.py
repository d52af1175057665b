"""What tests of models share: real purchases, and what is read of them at the end of September 1997."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from libs.cli import cdnow
from libs.models.purchases import PurchaseLog, Repeats

CDNOW = Path(__file__).parents[2] / "examples" / "cdnow" / "CDNOW_sample.txt"
UNTIL = date(1997, 9, 30)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """As `evaluate` has it: workers of a test run that each take all cores wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def log() -> PurchaseLog:
    """The CDNOW sample: 2,357 customers over 78 weeks."""
    _, rows = cdnow.read(CDNOW)
    return PurchaseLog.of((row.customer, row.day, row.quantity, row.amount_minor) for row in rows)


@pytest.fixture(scope="session")
def repeats(log: PurchaseLog) -> Repeats:
    """What models of lifetime value read of them after 39 weeks."""
    return Repeats.of(log, UNTIL.toordinal())
