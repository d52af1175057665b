"""GetPointsReport: where a program's points are, what they may cost, and who may know."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import reports_pb2 as pb
from laurel.benefits.v1 import reports_pb2_grpc
from libs.common.caller import PrincipalKind
from tests.benefits.proof_world import Books, ProofWorld
from tests.benefits.refusals import refusal
from tests.benefits.test_ledger_following import followed

FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)


def caller(books: Books, kind: PrincipalKind = "staff", subject: str = "ann", **claims: Any) -> Any:
    return reports_pb2_grpc.ReportsServiceStub(books.world.channel(books.program_id, kind, subject, **claims))


async def report(books: Books, **fields: Any) -> pb.GetPointsReportResponse:
    request = pb.GetPointsReportRequest(program_id=books.program_id, **fields)
    answer: pb.GetPointsReportResponse = await caller(books).GetPointsReport(request)
    return answer


@pytest.fixture(scope="module")
async def books(proofs: ProofWorld) -> Books:
    """Three months of 10, 20 and 30 points, all of which their members still have."""
    books = await proofs.books()
    for months_ago, points in ((60, 10), (30, 20), (0, 30)):
        await books.day(FRIDAY - timedelta(days=months_ago), points)
    await followed(books)
    return books


async def test_a_report_says_where_the_points_are_and_what_they_may_cost(books: Books) -> None:
    found = (await report(books)).report

    states = {each.state: each.points for each in found.states}
    assert (found.issued_points, found.difference_points, found.outstanding_points) == (60, 0, 60)
    assert states == {"pending": 0, "active": 60, "held": 0, "spent": 0, "expired": 0, "reversed": 0}
    assert (found.points_currency, found.currency) == ("points", "CNY")
    assert (found.expected_redemption_bp, found.expected_redemption_months) == (10_000, 0)
    assert found.liability_minor * found.value_points == 60 * found.value_minor
    assert found.cohorts_behind_seconds == 0


async def test_cohorts_come_in_pages_the_latest_first(books: Books) -> None:
    first = await report(books, page_size=2)
    second = await report(books, page_size=2, page_token=first.next_page_token)

    cohorts = [*first.report.cohorts, *second.report.cohorts]
    assert [(each.month, each.earned_points, each.active_points) for each in cohorts] == [
        ("2026-11", 30, 30),
        ("2026-10", 20, 20),
        ("2026-09", 10, 10),
    ]
    assert {each.worth_bp for each in cohorts} == {10_000}
    assert second.next_page_token == ""


async def test_points_that_are_not_followed_yet_cost_as_much(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 50)

    found = (await report(books)).report

    assert (found.outstanding_points, list(found.cohorts)) == (50, [])
    assert found.liability_minor * found.value_points >= 50 * found.value_minor
    assert found.cohorts_behind_seconds > 0


async def test_points_of_nothing_are_the_difference(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 50)
    member = {"program_id": books.program_id, "balance": 50}
    await books.database.accounts.update_one(member, {"$inc": {"balance": 5}})

    found = (await report(books)).report

    assert (found.issued_points, found.difference_points) == (50, -5)


async def test_a_program_without_points_owes_nothing(proofs: ProofWorld) -> None:
    found = (await report(await proofs.books())).report

    assert (found.issued_points, found.liability_minor, list(found.cohorts)) == (0, 0, [])


@pytest.mark.parametrize(
    ("kind", "claims", "may"),
    [
        ("staff", {"roles": ["analyst"]}, True),
        ("staff", {"roles": ["operations_manager"]}, True),
        ("staff", {"roles": ["consultant"], "stores": ["online"]}, False),
        ("member", {}, False),
        ("partner", {}, False),
    ],
    ids=["an analyst", "a manager", "a consultant", "a member", "a partner"],
)
async def test_a_report_is_for_who_answers_for_the_program(
    books: Books, kind: PrincipalKind, claims: dict[str, Any], may: bool
) -> None:
    request = pb.GetPointsReportRequest(program_id=books.program_id)
    asked = caller(books, kind, **claims).GetPointsReport(request)

    if may:
        assert (await asked).report.issued_points == 60
    else:
        assert (await refusal(asked))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_foreign_program_is_as_if_it_were_not_there(books: Books) -> None:
    foreign = pb.GetPointsReportRequest(program_id="ecommerce_five")
    missing = pb.GetPointsReportRequest(program_id="no_such_store")

    found = [await refusal(caller(books).GetPointsReport(each)) for each in (foreign, missing)]

    assert [each[:2] for each in found] == [(grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")] * 2
