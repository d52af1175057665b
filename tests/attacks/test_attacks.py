"""The attack run in small: every case by hand, and a little of what is generated and of the floods.

`make attacks` runs the whole of it, and judges times as well. Not beside other tests: some cases wait for
an answer no longer than a quiet machine takes.
"""

import logging
from collections.abc import AsyncIterator

import pytest

from tests.attacks.report import Report
from tests.attacks.run import SMALL, attack
from tests.attacks.verdicts import Finding

pytestmark = [pytest.mark.timeout(300), pytest.mark.nightly]
# Other tests use the machine at the same time.
REFUSAL_SECONDS_MAX = 1.0


@pytest.fixture(scope="module")
async def report(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Report]:
    """What a small run found."""
    level = logging.getLogger("asyncio").level
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # writes to who has hung up
    yield await attack(tmp_path_factory.mktemp("attacks"), SMALL, lambda *_: None)
    logging.getLogger("asyncio").setLevel(level)


def found(report: Report, kind: str) -> list[Finding]:
    return [each for each in report.judge.found if each.kind == kind]


def test_every_kind_of_attack_was_tried(report: Report) -> None:
    tried = {"control", "messages", "graph", "http", "transport", "peers", "tokens", "inputs", "foreign ids"}
    tried |= {"nodes", "streams", "persisted"}
    tried |= {"generated graph", "generated calls", "roles", "replays", "crowds", "revocations", "floods"}

    assert set(report.judge.cases) == tried | {"waiting"}
    assert report.judge.cases.total() > 2_000
    assert report.generated == 200


def test_nothing_that_was_sent_made_us_fail(report: Report) -> None:
    assert found(report, "status_5xx") == []


def test_no_answer_and_no_log_shows_our_insides(report: Report) -> None:
    assert found(report, "leak") == []


def test_every_answer_is_the_documented_one(report: Report) -> None:
    assert found(report, "unexpected") == []


def test_no_refusal_takes_long(report: Report) -> None:
    assert report.judge.slowest_seconds < REFUSAL_SECONDS_MAX, report.judge.slowest_case
