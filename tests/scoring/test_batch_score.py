"""BatchScore through a real channel: RFM, its absence, and who may ask."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import scoring_pb2 as pb
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info
from libs.common.rpc.time import timestamp

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub
    from tests.scoring.conftest import AsCaller

MUSIC = preset("music_store")
DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"


def a_subject(subject_id: str, **facts: int) -> pb.ScoreSubject:
    names = {"days": DAYS, "count": COUNT, "amount": AMOUNT}
    return pb.ScoreSubject(
        subject_id=subject_id,
        as_of=timestamp(datetime(1998, 7, 1, tzinfo=UTC)),
        facts=[fact_pb2.Fact(name=names[name], value=value) for name, value in facts.items()],
    )


def a_request(*subjects: pb.ScoreSubject, program: Program = MUSIC) -> pb.BatchScoreRequest:
    return pb.BatchScoreRequest(
        program_digest=program.digest(), program_document=program.canonical(), subjects=subjects
    )


async def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    info = error_info(raised.value)
    assert info is not None
    return raised.value.code().name, info.reason


async def test_members_are_scored_in_order_with_what_the_score_is_made_of(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    request = a_request(a_subject("best", days=10, count=9, amount=20_000), a_subject("new"))

    best, new = (await scoring.BatchScore(request)).results

    assert (best.subject_id, new.subject_id) == ("best", "new")
    (score,) = best.scores
    assert (score.name, score.policy_version, score.value_bp, score.label) == (
        "rfm",
        "cdnow-1998-07-01",
        50_000,
        "high_value",
    )
    assert sum(each.contribution_bp for each in score.contributions) == score.value_bp
    assert [
        (each.factor, each.fact, each.value, each.score, each.weight_bp) for each in score.contributions
    ] == [
        ("recency", DAYS, 10, 5, 3000),
        ("frequency", COUNT, 9, 5, 3000),
        ("monetary", AMOUNT, 20_000, 5, 4000),
    ]
    assert list(score.contributions[0].cuts) == [153, 443, 487, 513]
    assert not new.scores[0].HasField("value_bp")
    assert new.scores[0].absent_reason == "NO_PURCHASES"


async def test_a_score_does_not_depend_on_who_else_is_asked_for(scoring: "ScoringServiceAsyncStub") -> None:
    subjects = [
        a_subject(f"s{number}", days=number * 20, count=number, amount=number * 999)
        for number in range(1, 30)
    ]

    together = (await scoring.BatchScore(a_request(*subjects))).results
    alone = [(await scoring.BatchScore(a_request(subject))).results[0] for subject in subjects]

    assert list(together) == alone


async def test_every_score_of_a_program_is_told_with_parts_that_add_up_and_reasons(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    facts = {
        "purchase.days_since_last": 20,
        "purchase.count.lifetime": 7,
        "login.distinct_days.30d": 9,
        "login.days_since_last": 14,
        "invite.count.365d": 2,
    }
    subject = pb.ScoreSubject(
        subject_id="one",
        as_of=timestamp(datetime(2026, 7, 1, tzinfo=UTC)),
        facts=[fact_pb2.Fact(name=name, value=value) for name, value in facts.items()],
    )

    (result,) = (await scoring.BatchScore(a_request(subject, program=preset("ecommerce_points")))).results

    assert [each.name for each in result.scores] == list(preset("ecommerce_points").score_policies)
    for each in result.scores:
        assert sum(part.contribution_bp for part in each.contributions) == each.value_bp
        assert each.reasons
    activity = result.scores[1]
    logins = activity.contributions[0]
    assert (logins.factor, logins.value, logins.decay_bp, logins.score, logins.contribution_bp) == (
        *("logins", 9, 5_000),
        *(23, 575),
    )
    assert (logins.most_bp, list(logins.cuts), logins.missing) == (2_500, [0, 20], False)
    assert activity.contributions[1].missing
    assert activity.reasons[0].params["factor"] == "logins"
    assert result.scores[3].contributions[-1].factor == "link"


async def test_a_call_of_one_does_not_wait_for_a_batch_of_hundreds(
    scoring: "ScoringServiceAsyncStub",
) -> None:
    shop, ended = preset("ecommerce_points"), list[str]()

    async def scores(name: str, members: int) -> None:
        request = a_request(*(a_subject(str(n), days=n, count=9) for n in range(members)), program=shop)
        response = await scoring.BatchScore(request)
        ended.append(name)
        assert [each.subject_id for each in response.results] == [str(n) for n in range(members)]

    await scores("first", 1)
    await asyncio.gather(scores("hundreds", 500), scores("one", 1))

    assert ended == ["first", "one", "hundreds"]


async def test_a_program_without_score_policies_gives_no_scores(scoring: "ScoringServiceAsyncStub") -> None:
    request = a_request(a_subject("s1", days=1, count=1), program=preset("ecommerce_five"))

    (result,) = (await scoring.BatchScore(request)).results

    assert (result.subject_id, list(result.scores)) == ("s1", [])


async def test_a_program_that_is_not_held_is_asked_for(scoring: "ScoringServiceAsyncStub") -> None:
    request = a_request(a_subject("s1"))
    request.program_document = b""

    assert await refusal(scoring.BatchScore(request)) == ("FAILED_PRECONDITION", "PROGRAM_UNKNOWN")


@pytest.mark.parametrize("kind", ["member", "partner", "staff"])
async def test_callers_of_the_program_may_ask_for_scores(as_caller: "AsCaller", kind: Any) -> None:
    response = await as_caller(kind, "music_store").BatchScore(a_request(a_subject("s1", days=1, count=1)))

    assert response.results[0].scores[0].HasField("value_bp")


async def test_another_program_answers_a_caller_like_one_that_does_not_exist(as_caller: "AsCaller") -> None:
    stub = as_caller("staff", "ecommerce_five")

    assert await refusal(stub.BatchScore(a_request(a_subject("s1")))) == ("NOT_FOUND", "PROGRAM_UNKNOWN")
