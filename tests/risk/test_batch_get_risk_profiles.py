"""BatchGetRiskProfiles: the standing of each member, in the order of the keys."""

import grpc
import pytest

from laurel.common.v1 import lookup_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.rpc.errors import reason_of
from tests.risk.conftest import SUSPECT, VERIFIED, RiskWorld
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
NOBODY = "mem_" + "0" * 32


async def read(risk: RiskWorld, *member_ids: str) -> list[pb.RiskProfileResult]:
    request = pb.BatchGetRiskProfilesRequest(program_id=PROGRAM, member_ids=member_ids)
    return list((await risk.staff.BatchGetRiskProfiles(request)).results)


async def test_each_member_is_answered_in_their_place_found_or_missing(risk: RiskWorld) -> None:
    one, other = await risk.a_member(VERIFIED), await risk.a_member(SUSPECT)

    results = await read(risk, other, NOBODY, one, other)

    assert [result.status for result in results] == [FOUND, MISSING, FOUND, FOUND]
    assert [result.profile.integrity for result in results] == [20, 0, 80, 20]
    assert [result.profile.member_id for result in results] == [other, "", one, other]


async def test_a_profile_says_how_its_score_came_about_and_since_when(risk: RiskWorld) -> None:
    (result,) = await read(risk, await risk.a_member())

    assert [(part.code, part.points) for part in result.profile.parts] == [("UNVERIFIED", 60)]
    assert result.profile.reporters_count == 0
    assert result.profile.HasField("changed_time")


async def test_three_reporters_are_high_risk_and_the_parts_add_up(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    # Reports come with part 2; what counts them will store profiles as this.
    stored = {
        "reporters": 3,
        "integrity": 35,
        "level": "high",
        "parts": [{"code": "VERIFIED", "points": 80}, {"code": "REPORTS", "points": -45}],
    }
    await risk.database.profiles.update_one({"_id": member}, {"$set": stored})

    profile = (await read(risk, member))[0].profile

    assert (profile.level, profile.reporters_count) == (pb.RISK_LEVEL_HIGH, 3)
    assert sum(part.points for part in profile.parts) == profile.integrity == 35


async def test_a_member_of_another_program_answers_like_a_missing_one(risk: RiskWorld) -> None:
    stranger = await risk.a_member(program_id="other_store")

    foreign, missing = await read(risk, stranger, NOBODY)

    assert foreign == missing == pb.RiskProfileResult(status=MISSING)


async def test_a_foreign_program_answers_like_one_that_does_not_exist(risk: RiskWorld) -> None:
    await risk.a_member(program_id="other_store")

    refusals = []
    for program_id in ("other_store", "no_such_store"):
        request = pb.BatchGetRiskProfilesRequest(program_id=program_id, member_ids=[NOBODY])
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await risk.staff.BatchGetRiskProfiles(request)
        refusals.append((refusal.value.code(), reason_of(refusal.value), refusal.value.details()))

    assert refusals[0] == refusals[1]
    assert refusals[0][:2] == (grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")


@pytest.mark.parametrize("count", [0, 501], ids=["none", "one too many"])
async def test_one_to_five_hundred_members_are_asked_for(risk: RiskWorld, count: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await read(risk, *[NOBODY] * count)

    assert reason_of(refusal.value) == "INVALID_REQUEST"
