"""What all tests share: a real mongod and valkey, started once, and how generated examples are run."""

import gc
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from libs.common import mongo
from tests.support.platform import mongodb_uri, redis_url

__all__ = ["mongodb_uri", "redis_url"]

# A slow example says something of the machine, not of us.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# Nor does a machine that answers nobody for some seconds: what is about an outage sets its own time.
mongo.SELECTION_MS = 30_000

# A failed test is tried once more (`make test`), as any of ten thousand may meet such a moment. More than
# these in a run are no accident, but a defect.
SECOND_TRIES_MAX = 3
REASON_LINES_MAX = 20
_second_tries: list[str] = []


# What takes a minute or more. Begun first, so that nobody waits for one of them in the end.
LONGEST = (
    "tests/journeys/",
    "tests/gateway/test_matrix_graph.py",
    "tests/gateway/test_plan_equality.py",
    "tests/telemetry/test_canaries.py",
    "tests/cli/",
    "tests/models/",
    "tests/deploy/test_images.py",
    "tests/common/test_transactions.py",
    "tests/common/test_audit_tampering.py",
)


ONE_PLATFORM = "tests/journeys/"
"""Files that share a platform: it is started once, and not once for each worker that meets one of them."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Workers are given whole files, and one of them all that share a platform."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_PLATFORM if nodeid.startswith(ONE_PLATFORM) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Who is given which tests."""
    return Scheduling(config, log)


@pytest.fixture(autouse=True, scope="session")
def _plain_logs() -> None:
    """Defects are provoked here by the hundred, and drawing each in a frame takes most of a second."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take longest; all else stays in its order."""
    places = [*LONGEST, ""]
    items.sort(key=lambda item: next(n for n, name in enumerate(places) if item.nodeid.startswith(name)))


def pytest_collection_finish() -> None:
    """What is imported and found by now stays: to look through it for garbage takes seconds each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what is tried once more, and why."""
    if str(report.outcome) == "rerun":
        told = [line for line in report.longreprtext.splitlines() if line.startswith("E ")]
        _second_tries.append("\n".join([report.nodeid, *told[:REASON_LINES_MAX]]))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail a run in which too much was tried once more."""
    yield
    if len(_second_tries) > SECOND_TRIES_MAX and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was tried once more: each of them has a cause that somebody should find."""
    for name in _second_tries:
        terminalreporter.write_line(f"failed once, tried again: {name}", yellow=True)
    if len(_second_tries) > SECOND_TRIES_MAX:
        terminalreporter.write_line(
            f"{len(_second_tries)} tests failed at first; more than {SECOND_TRIES_MAX} fail the run", red=True
        )
