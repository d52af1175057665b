"""ScoreFrames through a real channel: several scores in one pass, and columns of either kind."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import preset
from libs.common.rpc.time import timestamp
from tests.scoring.test_batch_score import a_request
from tests.scoring.test_score_frames import a_frame, a_header, answers, refused

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

SHOP = preset("ecommerce_points")


def of_the_shop(score: pb.FrameScore, row: int, keys: list[str]) -> tuple[int | None, str, list[int]]:
    label = np.frombuffer(score.labels, "i1")[row]
    total = int(np.frombuffer(score.totals_bp, "<i4")[row]) if label >= 0 else None
    return total, keys[label] if label >= 0 else "", [factor.scores[row] for factor in score.factors]


@pytest.mark.parametrize("asked", [[], ["vci", "rfm"]], ids=["all", "some"])
async def test_several_scores_come_in_one_pass_with_what_batch_score_gives(
    scoring: "ScoringServiceAsyncStub", asked: list[str]
) -> None:
    facts, drawn = SHOP.score_facts, np.random.default_rng(1)
    columns = {fact: np.floor(drawn.lognormal(3, 2, 50)) for fact in facts}
    columns = {fact: np.where(drawn.random(50) < 0.2, np.nan, column) for fact, column in columns.items()}
    subjects = [
        pb.ScoreSubject(
            subject_id=str(row),
            as_of=timestamp(datetime(2026, 7, 1, tzinfo=UTC)),
            facts=[
                fact_pb2.Fact(name=fact, value=int(column[row]))
                for fact, column in columns.items()
                if not np.isnan(column[row])
            ],
        )
        for row in range(50)
    ]

    frame = a_frame(*(column.tolist() for column in columns.values()))
    first, second = await answers(scoring, a_header(SHOP, score="", scores=asked, facts=facts), frame, frame)
    one_by_one = (await scoring.BatchScore(a_request(*subjects, program=SHOP))).results

    assert [each.name for each in first.scores] == (asked or list(SHOP.score_policies))
    assert (first.totals_bp, list(first.label_keys)) == (b"", [])
    for score, again in zip(first.scores, second.scores, strict=True):
        policy = SHOP.score_policies[score.name]
        keys, alone = (
            list(score.label_keys),
            [next(each for each in result.scores if each.name == score.name) for result in one_by_one],
        )
        assert keys == [label.key for label in policy.labels]
        assert score.policy_version
        assert [factor.factor for factor in score.factors] == list(policy.factors)
        assert (again.totals_bp, list(again.label_keys), again.policy_version) == (score.totals_bp, [], "")
        assert [of_the_shop(score, row, keys) for row in range(50)] == [
            (
                each.value_bp if each.HasField("value_bp") else None,
                each.label,
                [part.score for part in each.contributions if part.factor != "link"]
                or [0] * len(policy.factors),
            )
            for each in alone
        ]


async def test_columns_of_int32_are_announced_and_score_as_float64_does(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    narrow = a_header()
    narrow.header.kinds.extend([pb.COLUMN_KIND_INT32, pb.COLUMN_KIND_FLOAT64, pb.COLUMN_KIND_INT32])
    short = pb.Frame(rows_count=2, frame_id=1)
    for column, kind in zip(([9, -(2**31)], [3, 3], [700, 5]), ("<i4", "<f8", "<i4"), strict=True):
        short.columns.append(np.array(column, kind).tobytes())

    found = await answers(scoring, narrow, pb.ScoreFramesRequest(frame=short))
    as_float64 = await answers(scoring, a_header(), a_frame([9, float("nan")], [3, 3], [700, 5]))
    narrow.header.kinds.pop()

    assert found == as_float64
    assert (await refused(scoring, narrow))[:2] == ("INVALID_ARGUMENT", "FRAME_INVALID")


async def test_a_header_names_one_score_or_several(scoring: "ScoringServiceAsyncStub") -> None:
    code, reason, facts = await refused(scoring, a_header(score="rfm", scores=["rfm"]))

    assert (code, reason) == ("INVALID_ARGUMENT", "FRAME_INVALID")
    assert facts["problem"] == "the header names score and scores: one or the other"
