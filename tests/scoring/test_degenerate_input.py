"""Input that makes no sense, over a real channel: refused clearly, within two seconds, in little memory."""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import orjson
import pytest

from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import preset
from libs.common.rpc.errors import error_info
from tests.scoring.test_batch_score import COUNT, a_subject
from tests.scoring.test_score_frames import a_frame, a_header

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

SECONDS_MAX, MEGABYTES_MAX = 2.0, 200
ROWS = 1_000_000
DIMENSION = {"fact": COUNT, "name": {"zh": "项", "en": "Item"}, "scale": {"kind": "linear", "high": 10}}


@contextmanager
def within_bounds() -> Iterator[None]:
    """What happens here takes two seconds at most, and our process, the service in it, 200 MB more."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now on
    before, started = _megabytes("VmRSS"), time.monotonic()
    yield
    assert time.monotonic() - started < SECONDS_MAX
    assert _megabytes("VmHWM") - before < MEGABYTES_MAX


def _megabytes(name: str) -> float:
    (found,) = re.findall(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found) / 1024


def a_program(judgements: Any, dimensions: int) -> bytes:
    """A document whose scorecard is judged in pairs."""
    document = preset("ecommerce_five").document()
    document["scorecards"] = [
        {
            "key": "value",
            "version": "1",
            "name": {"zh": "价值", "en": "Value"},
            "dimensions": [DIMENSION | {"key": f"item_{number}"} for number in range(dimensions)],
            "judgements": judgements,
            "bands": [{"key": "all", "name": {"zh": "全部", "en": "All"}, "min_total_bp": 0}],
        }
    ]
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


async def scored_by(stub: "ScoringServiceAsyncStub", document: bytes) -> tuple[str, str, str]:
    """Status, reason and facts of the refusal of a program."""
    request = pb.BatchScoreRequest(
        program_digest=hashlib.sha256(document).hexdigest(),
        program_document=document,
        subjects=[a_subject("one", days=1, count=1, amount=1)],
    )
    with within_bounds(), pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.BatchScore(request)
    return _told(raised.value)


async def refused_frames(
    stub: "ScoringServiceAsyncStub", requests: Iterable[pb.ScoreFramesRequest]
) -> tuple[str, str, str]:
    with within_bounds(), pytest.raises(grpc.aio.AioRpcError) as raised:
        async for _ in stub.ScoreFrames(iter(requests)):
            pass
    return _told(raised.value)


def _told(error: grpc.aio.AioRpcError) -> tuple[str, str, str]:
    info = error_info(error)
    assert info is not None, error
    return error.code().name, info.reason, str(dict(info.metadata))


def ones(size: int) -> list[list[str]]:
    return [["1"] * size for _ in range(size)]


def circular(size: int) -> list[list[str]]:
    """Each weighs nine times the next one, and the last nine times the first."""
    rows = ones(size)
    for row in range(size):
        rows[row][(row + 1) % size], rows[(row + 1) % size][row] = "9", "1/9"
    return rows


@pytest.mark.parametrize(
    ("judgements", "dimensions", "said"),
    [
        ([["1", "2"], ["1/2"]], 2, "judgements are 2 rows of 2"),
        ([["1", "2"]], 2, "judgements are 2 rows of 2"),
        (ones(3), 2, "judgements are 2 rows of 2"),
        ([["1", "0"], ["0", "1"]], 2, "judgements[0][1]"),
        ([["1", "1/0"], ["0", "1"]], 2, "judgements[0][1]"),
        ([["1", "inf"], ["0", "1"]], 2, "judgements[0][1]"),
        ([["1", "NaN"], ["NaN", "1"]], 2, "judgements[0][1]"),
        ([["1", 1e308], [1e-308, "1"]], 2, "judgements[0][1]"),
        ([["1", "-3"], ["-1/3", "1"]], 2, "judgements[0][1]"),
        ([["1", "9" * 5000], ["1", "1"]], 2, "judgements[0][1]"),
        ([["1", "3"], ["3", "1"]], 2, "turned over"),
        ([["2", "1"], ["1", "2"]], 2, "item_0 over item_0"),
        (circular(3), 3, "judgements contradict"),
        (circular(10), 10, "judgements contradict"),
        (ones(11), 11, "dimensions"),
        (ones(11), 10, "judgements"),
        ([["1"] * 100_000], 2, "judgements"),
        (ones(0), 0, "dimensions"),
        ("1", 2, "judgements"),
    ],
    ids=[
        "a row too short",
        "a row less",
        "a row more",
        "zeros",
        "by zero",
        "infinite",
        "no number",
        "huge numbers",
        "negative",
        "a number of 5,000 digits",
        "not turned over",
        "more than itself",
        "a circle of three",
        "a circle of ten",
        "11 dimensions",
        "11 rows",
        "a row of 100,000",
        "nothing",
        "no matrix",
    ],
)
async def test_judgements_that_make_no_sense_are_refused_by_name(
    scoring: "ScoringServiceAsyncStub", judgements: Any, dimensions: int, said: str
) -> None:
    status, reason, facts = await scored_by(scoring, a_program(judgements, dimensions))

    assert (status, reason) == ("INVALID_ARGUMENT", "PROGRAM_INVALID")
    assert said in facts


@pytest.mark.parametrize("document", [b"{}", b"[]", b"null", b"\xff", b"[" * 100_000], ids=repr)
async def test_an_empty_program_and_what_is_none_are_refused(
    scoring: "ScoringServiceAsyncStub", document: bytes
) -> None:
    status, reason, _ = await scored_by(scoring, document)

    assert (status, reason) == ("INVALID_ARGUMENT", "PROGRAM_INVALID")


@pytest.mark.parametrize(
    "number",
    [float("inf"), float("-inf"), 1e308, -1e308, 2.0**53, 5e-324, 0.5, -1.0],
    ids=repr,
)
async def test_numbers_that_are_no_facts_are_refused_with_their_row(
    scoring: "ScoringServiceAsyncStub", number: float
) -> None:
    columns = [[1.0] * 20_000, [1.0] * 19_999 + [number], [1.0] * 20_000]

    status, reason, facts = await refused_frames(scoring, [a_header(), a_frame(*columns)])

    assert (status, reason) == ("INVALID_ARGUMENT", "FRAME_INVALID")
    assert "row 19999" in facts
    assert COUNT in facts


@pytest.mark.parametrize("lengths", [(1, 2, 2), (2, 2, 3), (2, 0, 2), (0, 0, 0)], ids=str)
async def test_columns_of_other_lengths_than_was_said_are_refused(
    scoring: "ScoringServiceAsyncStub", lengths: tuple[int, ...]
) -> None:
    frame = a_frame(*([1.0] * length for length in lengths), rows=2)

    status, reason, _ = await refused_frames(scoring, [a_header(), frame])

    assert (status, reason) == ("INVALID_ARGUMENT", "FRAME_INVALID")


@pytest.mark.parametrize("rows", [ROWS, 2**31 - 1], ids=str)
async def test_a_frame_that_says_it_has_a_million_rows_is_refused(
    scoring: "ScoringServiceAsyncStub", rows: int
) -> None:
    frame = a_frame([1.0], [1.0], [1.0], rows=rows)

    status, reason, _ = await refused_frames(scoring, [a_header(), frame])

    assert (status, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


@pytest.mark.parametrize("columns", [1, 3, 4])
async def test_a_million_rows_are_refused(scoring: "ScoringServiceAsyncStub", columns: int) -> None:
    frame = pb.ScoreFramesRequest(
        frame=pb.Frame(rows_count=ROWS, columns=[np.ones(ROWS, "<f8").tobytes()] * columns)
    )

    status, reason, _ = await refused_frames(scoring, [a_header(), frame])

    assert (status, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


async def test_what_is_larger_than_any_frame_is_refused_before_it_is_read(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    columns = [np.ones(ROWS, "<f8").tobytes()] * 5
    frame = pb.ScoreFramesRequest(frame=pb.Frame(rows_count=ROWS, columns=columns))

    with within_bounds(), pytest.raises(grpc.aio.AioRpcError) as raised:
        async for _ in scoring.ScoreFrames(iter([a_header(), frame])):
            pass

    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED  # of gRPC itself, which says the size
    assert "larger than max" in str(raised.value.details())
