"""Logs: one object a line whatever is in it, in its trace, and nothing of what exceptions quote."""

import asyncio
import gc
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.trace import INVALID_SPAN, SpanKind
from pymongo.errors import DuplicateKeyError

from libs.common.telemetry import log
from libs.common.tracing import begin, go_on, incoming
from tests.support.telemetry import CALLER, SAMPLED, TRACE, Logs, logged

SECRET = "canary-of-13800138000"


@pytest.fixture
def logs() -> Iterator[Logs]:
    with logged() as lines:
        yield lines


@pytest.fixture(autouse=True)
def _outside_any_trace() -> Iterator[None]:
    go_on(INVALID_SPAN)
    yield
    go_on(INVALID_SPAN)


# Values


@pytest.mark.parametrize(
    "value",
    [
        'one\r\n{"event": "forged"}',
        "\x1b[2J\x1b[31mred",
        "\x9b31mred",
        "\x85\u2028\u2029next",
        "\u202egnp.exe",
        "\ud800",
        "\x00\x07\x08",
        "名字",
    ],
    ids=[
        "line ends",
        "orders to a terminal",
        "the short form of them",
        "line ends of Unicode",
        "turned around",
        "half a character",
        "control characters",
        "Chinese",
    ],
)
def test_a_value_stays_on_its_line_and_brings_no_order_to_a_terminal(logs: Logs, value: str) -> None:
    log("test").info("said", value=value)

    text = logs.text()
    assert text.isascii()
    assert text.count("\n") == 1
    assert all(each.isprintable() for each in text.rstrip("\n"))
    assert logs.line("said")["value"] == value


def test_what_a_library_says_is_one_object_too_and_its_first_line_only(logs: Logs) -> None:
    logging.getLogger("uvicorn.error").warning("it failed:\n%s", SECRET)

    (line,) = logs.lines()
    assert (line["event"], line["level"], line["service"]) == ("it failed:", "warning", "test")
    assert SECRET not in logs.text()


def test_a_line_of_a_library_has_an_end(logs: Logs) -> None:
    logging.getLogger("grpc").warning("x" * 100_000)

    assert len(logs.lines()[0]["event"]) == 300


# Exceptions


def fails() -> None:
    raise DuplicateKeyError(f'dup key: {{ external_id: "{SECRET}" }}', 11000)


def test_an_exception_is_logged_with_kind_number_and_place_and_not_with_what_it_says(logs: Logs) -> None:
    try:
        fails()
    except DuplicateKeyError:
        log("test").exception("defect")

    shown = logs.line("defect")["exception"]
    assert shown.startswith("pymongo.errors.DuplicateKeyError 11000\n")
    assert "in fails" in shown
    assert SECRET not in logs.text()


def test_an_exception_is_logged_with_what_it_came_of(logs: Logs) -> None:
    try:
        try:
            fails()
        except DuplicateKeyError as error:
            raise ExceptionGroup(SECRET, [KeyError(SECRET), OSError(28, SECRET)]) from error
    except ExceptionGroup:
        log("test").exception("defect")

    kinds = [part.splitlines()[0] for part in logs.line("defect")["exception"].split("\nafter\n")]
    assert kinds == ["ExceptionGroup", "KeyError", "OSError 28", "pymongo.errors.DuplicateKeyError 11000"]
    assert SECRET not in logs.text()


def test_an_exception_of_a_deep_recursion_is_logged_with_its_innermost_frames(logs: Logs) -> None:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError:
        log("test").exception("defect")

    assert logs.line("defect")["exception"].endswith("[Previous line repeated 27 more times]")


def test_a_chain_of_exceptions_has_an_end(logs: Logs) -> None:
    error: Exception = ValueError(SECRET)
    for _ in range(100):
        later = ValueError(SECRET)
        later.__cause__, error = error, later

    log("test").error("defect", exc_info=error)

    assert logs.line("defect")["exception"].count("ValueError") == 8


def test_what_exceptions_say_is_logged_where_that_is_asked_for() -> None:
    with logged(error_texts=True) as logs:
        try:
            fails()
        except DuplicateKeyError:
            log("test").exception("defect")

    assert SECRET in logs.line("defect")["exception"]


async def test_a_task_whose_exception_nobody_fetched_is_logged_without_what_it_says(logs: Logs) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()

    assert logs.line("Task exception was never retrieved")["exception"].startswith("ValueError\n")
    assert SECRET not in logs.text()


# Traces


def test_a_line_names_the_trace_that_it_is_written_in_though_no_span_is_kept(logs: Logs) -> None:
    begin("call", SpanKind.SERVER, incoming(SAMPLED))

    log("test").info("said")
    logging.getLogger("grpc").warning("said so")

    for event in ("said", "said so"):
        line = logs.line(event)
        assert (line["trace_id"], line["span_id"]) == (TRACE, CALLER)


def test_a_line_outside_any_trace_names_none(logs: Logs) -> None:
    log("test").info("said")

    assert set(json.loads(logs.text())) == {"event", "level", "timestamp", "service"}
