"""ScoreFrames through a real channel: the same as BatchScore, in order, and what ends a stream."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info, reason_of
from services.scoring.domain.columns import NUMPY
from services.scoring.handlers import LOOKUPS_AT_ONCE_MAX
from services.scoring.kernels import Kernels
from tests.scoring.test_batch_score import AMOUNT, COUNT, DAYS, MUSIC, a_request, a_subject

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub
    from tests.scoring.conftest import AsCaller

FACTS = (DAYS, COUNT, AMOUNT)


def a_header(
    program: Program = MUSIC, *, score: str = "rfm", scores: Iterable[str] = (), facts: Iterable[str] = FACTS
) -> pb.ScoreFramesRequest:
    header = pb.FrameHeader(
        program_digest=program.digest(),
        program_document=program.canonical(),
        facts=facts,
        score=score,
        scores=scores,
    )
    return pb.ScoreFramesRequest(header=header)


def a_frame(*columns: list[float], frame_id: int = 1, rows: int | None = None) -> pb.ScoreFramesRequest:
    data = [np.array(column, "<f8").tobytes() for column in columns]
    return pb.ScoreFramesRequest(
        frame=pb.Frame(frame_id=frame_id, rows_count=len(columns[0]) if rows is None else rows, columns=data)
    )


async def answers(
    stub: "ScoringServiceAsyncStub", *requests: pb.ScoreFramesRequest
) -> list[pb.ScoreFramesResponse]:
    return [answer async for answer in stub.ScoreFrames(iter(requests))]


async def refused(
    stub: "ScoringServiceAsyncStub", *requests: pb.ScoreFramesRequest
) -> tuple[str, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answers(stub, *requests)
    info = error_info(raised.value)
    assert info is not None
    return raised.value.code().name, info.reason, dict(info.metadata)


def told(answer: pb.ScoreFramesResponse, keys: list[str]) -> list[tuple[int | None, str, list[int]]]:
    """The total, label and points of each row."""
    totals, labels = (
        np.frombuffer(answer.totals_bp, "<i4").tolist(),
        np.frombuffer(answer.labels, "i1").tolist(),
    )
    points = zip(*(factor.scores for factor in answer.factors), strict=True)
    return [
        (None, "", [0, 0, 0]) if label < 0 else (total, keys[label], list(each))
        for total, label, each in zip(totals, labels, points, strict=True)
    ]


async def test_frames_are_answered_in_order_with_what_batch_score_gives(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    drawn = random.Random(1)
    rows = [(drawn.randint(0, 600), drawn.randint(0, 6), drawn.randint(0, 20_000)) for _ in range(90)]
    frames = [rows[:1], rows[1:40], rows[40:]]
    subjects = [
        a_subject(str(n), days=days, count=count, amount=amount)
        for n, (days, count, amount) in enumerate(rows)
    ]

    found = await answers(
        scoring,
        a_header(),
        *(a_frame(*map(list, zip(*each, strict=True)), frame_id=9 - n) for n, each in enumerate(frames)),
    )
    one_by_one = (await scoring.BatchScore(a_request(*subjects))).results

    assert [(each.frame_id, each.rows_count) for each in found] == [(9, 1), (8, 39), (7, 50)]
    keys = list(found[0].label_keys)
    assert (keys[0], found[0].policy_version) == ("high_value", "cdnow-1998-07-01")
    assert [(list(each.label_keys), each.policy_version) for each in found[1:]] == [([], "")] * 2
    assert [factor.factor for factor in found[0].factors] == ["recency", "frequency", "monetary"]
    assert [row for each in found for row in told(each, keys)] == [
        (
            score.value_bp if score.HasField("value_bp") else None,
            score.label,
            [each.score for each in score.contributions] or [0, 0, 0],
        )
        for score in (result.scores[0] for result in one_by_one)
    ]


async def test_a_large_frame_is_scored_beside_the_calls_of_others(scoring: "ScoringServiceAsyncStub") -> None:
    rows = LOOKUPS_AT_ONCE_MAX // 6 + 1  # three columns, three factors

    (answer,) = await answers(scoring, a_header(), a_frame([10.0] * rows, [9.0] * rows, [20_000.0] * rows))

    assert {row[0] for row in told(answer, list(answer.label_keys))} == {50_000}


async def test_an_answer_comes_before_the_next_frame_is_sent(scoring: "ScoringServiceAsyncStub") -> None:
    answered = asyncio.Event()

    async def requests() -> AsyncIterator[pb.ScoreFramesRequest]:
        yield a_header()
        yield a_frame([1], [1], [1], frame_id=1)
        await answered.wait()
        yield a_frame([1], [1], [1], frame_id=2)

    found = []
    async for answer in scoring.ScoreFrames(requests()):
        found.append(answer.frame_id)
        answered.set()

    assert found == [1, 2]


async def test_a_bad_frame_ends_the_stream_after_the_answers_before_it(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    requests = [
        a_header(),
        a_frame([1], [1], [1]),
        a_frame([1], [float("inf")], [1], frame_id=5),
        a_frame([1], [1], [1]),
    ]
    call: Any = scoring.ScoreFrames(iter(requests))

    first = await call.read()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()

    info = error_info(raised.value)
    assert info is not None
    assert first.frame_id == 1
    assert raised.value.code().name == "INVALID_ARGUMENT"
    assert (info.reason, info.metadata["frame_id"], info.metadata["column"]) == ("FRAME_INVALID", "5", COUNT)


@pytest.mark.parametrize(
    ("requests", "problem"),
    [
        ([a_frame([1], [1], [1])], "the header is missing"),
        ([], "the header is missing"),
        ([a_header(), a_header()], "the header comes twice"),
        ([a_header(), a_frame([1], [1])], "has 2 columns, the header names 3"),
        ([a_header(), a_frame([1], [1], [1], rows=2)], "has 8 bytes, 2 rows take 16"),
    ],
    ids=["no header", "nothing", "two headers", "a column less", "a row less"],
)
async def test_what_is_not_as_announced_is_refused(
    scoring: "ScoringServiceAsyncStub", requests: list[pb.ScoreFramesRequest], problem: str
) -> None:
    code, reason, facts = await refused(scoring, *requests)

    assert (code, reason) == ("INVALID_ARGUMENT", "FRAME_INVALID")
    assert facts["problem"].startswith(problem)


@pytest.mark.parametrize(
    "frame", [a_frame([], [], []), a_frame([1], [1], [1], rows=20_001), pb.ScoreFramesRequest()], ids=str
)
async def test_a_message_keeps_the_rules_of_its_proto(
    scoring: "ScoringServiceAsyncStub", frame: pb.ScoreFramesRequest
) -> None:
    assert (await refused(scoring, a_header(), frame))[:2] == ("INVALID_ARGUMENT", "INVALID_REQUEST")


async def test_a_score_without_a_policy_is_refused(scoring: "ScoringServiceAsyncStub") -> None:
    without = a_header(preset("ecommerce_five"))

    assert (await refused(scoring, without))[:2] == ("FAILED_PRECONDITION", "SCORE_UNKNOWN")
    assert (await refused(scoring, a_header(score="churn")))[:2] == ("FAILED_PRECONDITION", "SCORE_UNKNOWN")
    several, none = a_header(score="", scores=["rfm", "churn"]), a_header(preset("ecommerce_five"), score="")
    assert (await refused(scoring, several))[:2] == ("FAILED_PRECONDITION", "SCORE_UNKNOWN")
    assert (await refused(scoring, none))[:2] == ("FAILED_PRECONDITION", "SCORE_UNKNOWN")


async def test_a_program_that_is_not_held_is_asked_for(scoring: "ScoringServiceAsyncStub") -> None:
    header = a_header()
    header.header.program_document = b""

    assert (await refused(scoring, header))[:2] == ("FAILED_PRECONDITION", "PROGRAM_UNKNOWN")


async def test_another_program_answers_a_caller_like_one_that_does_not_exist(as_caller: "AsCaller") -> None:
    assert (await refused(as_caller("staff", "ecommerce_five"), a_header()))[:2] == (
        "NOT_FOUND",
        "PROGRAM_UNKNOWN",
    )


async def test_a_caller_who_goes_away_leaves_the_service_to_others(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    async def requests() -> AsyncIterator[pb.ScoreFramesRequest]:
        yield a_header()
        while True:
            yield a_frame([1] * 20_000, [1] * 20_000, [1] * 20_000)

    for _ in range(5):
        call: Any = scoring.ScoreFrames(requests())
        await call.read()
        call.cancel()

    assert len(await answers(scoring, a_header(), a_frame([1], [1], [1]))) == 1


async def test_a_stream_ends_at_its_deadline(scoring: "ScoringServiceAsyncStub") -> None:
    async def requests() -> AsyncIterator[pb.ScoreFramesRequest]:
        yield a_header()
        await asyncio.sleep(60)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async for _ in scoring.ScoreFrames(requests(), timeout=0.3):
            pass

    assert reason_of(raised.value) == "DEADLINE_EXCEEDED"


async def test_frames_are_scored_by_numpy_until_machine_code_is_there_and_where_it_cannot_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cannot() -> None:
        raise RuntimeError("no compiler for this machine")

    kernels, hindered = Kernels(), Kernels()
    assert kernels.best is NUMPY

    await kernels.compile()
    monkeypatch.setattr("services.scoring.kernels.compiled", cannot)
    await hindered.compile()

    assert kernels.best is not NUMPY
    assert hindered.best is NUMPY
