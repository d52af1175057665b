"""What stories end to end share: part of the real purchases, and what must come of them."""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.cli import sample
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running

# Lifetime spend in minor units from which on a tier of the music store is held.
TIERS = (("normal", 0), ("silver", 10_000), ("gold", 25_000), ("platinum", 50_000), ("diamond", 100_000))


@dataclass
class Expected:
    """The right answers for some rows, counted here from the rows alone."""

    members: int = 0
    purchases: int = 0
    spend_minor: int = 0
    points: int = 0
    tiers: dict[str, int] = field(default_factory=lambda: {key: 0 for key, _ in TIERS})


@dataclass
class Purchases:
    """A file of purchases with the right answers for it."""

    file: Path
    expected: Expected


def counted(rows: list[str]) -> Expected:
    """Tier by lifetime spend; a whole dollar is a point, or two from silver on, held before the purchase."""
    spent: dict[str, int] = defaultdict(int)
    expected = Expected(purchases=len(rows))
    for row in rows:
        customer, amount = row.split()[-4], row.split()[-1]
        minor = int(amount.replace(".", ""))
        expected.points += minor // 100 * (1 if spent[customer] < TIERS[1][1] else 2)
        spent[customer] += minor
    expected.members, expected.spend_minor = len(spent), sum(spent.values())
    for total in spent.values():
        held = max((threshold, key) for key, threshold in TIERS if total >= threshold)[1]
        expected.tiers[held] += 1
    return expected


@pytest.fixture(scope="session")
def some_purchases(tmp_path_factory: pytest.TempPathFactory) -> Purchases:
    """The purchases of every eighth customer of the sample."""
    rows = sample.FILE.read_text().splitlines()
    part = [row for row in rows if int(row.split()[1]) % 8 == 0]
    file = tmp_path_factory.mktemp("purchases") / "part.txt"
    file.write_text("\n".join(part) + "\n")
    return Purchases(file, counted(part))


@pytest.fixture(scope="session")
def all_purchases() -> Purchases:
    """The whole sample."""
    return Purchases(sample.FILE, counted(sample.FILE.read_text().splitlines()))


@pytest.fixture(scope="session")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunFile]:
    """A platform for the stories in which no process of it is killed."""
    async with running(DataFolder(tmp_path_factory.mktemp("platform"))) as run:
        yield run
