"""What stories end to end share: part of the real purchases, and a platform."""

from collections.abc import AsyncIterator

import pytest

from libs.cli import sample
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running
from tests.journeys.expected import Purchases, counted


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


@pytest.fixture(scope="package")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunFile]:
    """A platform for the stories in which no process of it is killed."""
    async with running(DataFolder(tmp_path_factory.mktemp("platform"))) as run:
        yield run
