"""BatchGetPointsAccounts: the balance of each member, in the order of the keys."""

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def accounts(benefits: BenefitsWorld, *member_ids: str) -> list[pb.PointsAccountResult]:
    request = pb.BatchGetPointsAccountsRequest(program_id=PROGRAM, member_ids=member_ids)
    return list((await benefits.staff.BatchGetPointsAccounts(request)).results)


async def test_each_member_is_answered_in_their_place_found_or_missing(benefits: BenefitsWorld) -> None:
    one, other = await benefits.a_member(1_000), await benefits.a_member(10_000, 5_000)

    results = await accounts(benefits, other.member_id, "mem_" + "0" * 32, one.member_id, other.member_id)

    assert [result.status for result in results] == [FOUND, MISSING, FOUND, FOUND]
    assert [result.account.balance_points for result in results] == [200, 0, 10, 200]


async def test_an_account_says_what_is_available_and_how_many_entries_there_are(
    benefits: BenefitsWorld,
) -> None:
    story = await benefits.a_member(10_000, 50, 5_000)

    (result,) = await accounts(benefits, story.member_id)

    assert result.account == pb.PointsAccount(
        member_id=story.member_id, currency="points", balance_points=200, available_points=200, seq=2
    )


async def test_there_is_no_account_before_the_first_point(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(0, 99)

    (result,) = await accounts(benefits, story.member_id)

    assert result == pb.PointsAccountResult(status=MISSING)


async def test_an_account_of_another_program_and_the_issuers_answer_like_missing_ones(
    benefits: BenefitsWorld,
) -> None:
    stranger = await benefits.a_member(10_000, program_id=await benefits.a_program())

    results = await accounts(benefits, stranger.member_id, "issuer", f"issuer:{PROGRAM}", "")

    assert results == [pb.PointsAccountResult(status=MISSING)] * 4


async def test_a_foreign_program_answers_like_one_that_does_not_exist(benefits: BenefitsWorld) -> None:
    requests = [
        pb.BatchGetPointsAccountsRequest(program_id=program_id, member_ids=["mem_1"])
        for program_id in (await benefits.a_program(), "no_such_store")
    ]

    refusals = [await refusal(benefits.staff.BatchGetPointsAccounts(request)) for request in requests]

    assert refusals[0][:2] == refusals[1][:2]
    assert refusals[0][1] == "PROGRAM_UNKNOWN"
