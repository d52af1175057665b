"""GetPointsReport: where a program's points are, what they may cost, and who may know."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import grpc
import pytest

from laurel.benefits.v1 import reports_pb2 as pb
from laurel.benefits.v1 import reports_pb2_grpc
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from services.benefits.domain.points_report import MONTHS_COUNTED, PointsReport
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.ledger_jobs import LIABILITY, PointsCost, Rounds, nothing
from tests.benefits.proof_world import Books, ProofWorld
from tests.benefits.refusals import refusal
from tests.benefits.test_ledger_following import followed
from tests.common.streams_world import running, until
from tests.support.telemetry import metric

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
    value = first.report.value_points
    assert [each.liability_minor * value for each in cohorts] == [
        points * first.report.value_minor for points in (30, 20, 10)
    ]
    assert second.next_page_token == ""


async def test_metrics_tell_what_points_cost_in_all_and_by_month(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 30)
    await followed(books)
    ended = {"$set": {"spent": 3, "expired": 1}}
    await books.database.points_cohorts.update_one({"program_id": books.program_id}, ended)
    leases = Leases(books.database, [LIABILITY], group=new_id("jobs"), holder="test", now=now)

    async def done() -> bool:
        return costs_told(books) == [30, 30, 2_500]

    async def silent() -> bool:
        return costs_told(books) == [None, None, None]

    async with running(a_round(books, leases).run()):
        await until(silent)
        await leases.renew()
        await until(done)
        leases._held = frozenset()
        await until(silent)


async def test_metrics_forget_a_month_that_is_no_more_among_the_latest(proofs: ProofWorld) -> None:
    books = await proofs.books()
    for months_ago in range(MONTHS_COUNTED, -1, -1):
        month = f"{2024 + (10 + 24 - months_ago) // 12}-{(10 + 24 - months_ago) % 12 + 1:02d}"
        await books.database.points_cohorts.insert_one(
            {"_id": f"{books.program_id}@{month}", "program_id": books.program_id, "month": month}
        )
    report = await a_report(books)
    first, second, last = (report.cohorts[place].month for place in (0, 1, -1))
    cost = PointsCost()
    cost.tell(books.program_id, replace(report, cohorts=report.cohorts[:-1]))

    cost.tell(books.program_id, report)

    assert [costs_told(books, month)[1] for month in (first, second, last)] == [None, 0, 0]


def costs_told(books: Books, month: str = "2026-11") -> list[float | None]:
    """What the metrics say of a program, and of a month of it."""
    of_month = {"program": books.program_id, "month": month}
    return [
        metric("laurel_points_liability_minor", program=books.program_id),
        metric("laurel_points_cohort_liability_minor", **of_month),
        metric("laurel_points_cohort_breakage_bp", **of_month),
    ]


def handlers(books: Books) -> ReportHandlers:
    programs = ProgramHandlers(books.store, now)
    times = ProgramTimes(books.store, programs, AsyncMock(), now)
    return ReportHandlers(books.store, programs, times, books.follow())


async def a_report(books: Books) -> PointsReport:
    return await handlers(books).points(books.program_id)


def a_round(books: Books, leases: Leases) -> Rounds[PointsReport]:
    async def programs() -> list[str]:
        return [books.program_id]

    return Rounds(
        LIABILITY,
        leases,
        programs,
        turn=nothing,
        find=handlers(books).points,
        told=PointsCost(),
        every_seconds=0.01,
    )


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
