"""ListReports: the reports of a program with their notes, oldest first, for those who decide."""

from typing import Any

import grpc
import pytest

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from tests.risk.conftest import RiskWorld, outcome
from tests.support.builders import PROGRAM

DISMISS, UPHOLD = reports_pb2.REPORT_DECISION_DISMISS, reports_pb2.REPORT_DECISION_UPHOLD
OPEN, DISMISSED = reports_pb2.REPORT_STATUS_OPEN, reports_pb2.REPORT_STATUS_DISMISSED


def asked(**fields: Any) -> pb.ListReportsRequest:
    return pb.ListReportsRequest(**{"program_id": PROGRAM, **fields})


async def listed(risk: RiskWorld, **fields: Any) -> list[reports_pb2.Report]:
    return list((await risk.staff.ListReports(asked(**fields))).reports)


async def test_reports_come_oldest_first_with_what_their_reporters_wrote(risk: RiskWorld) -> None:
    member = await risk.a_member()
    made = [await risk.report(member, note=note) for note in ("first", "second", "third")]

    reports = await listed(risk, member_id=member)

    assert [each.report_id for each in reports] == [each.report_id for each in made]
    assert [each.note for each in reports] == ["first", "second", "third"]
    assert (reports[0].reporter, reports[0].reason) == (made[0].reporter, made[0].reason)


async def test_a_decided_report_says_who_decided_it_and_why(risk: RiskWorld) -> None:
    member = await risk.a_member()
    decided = (await risk.decide(await risk.report(member), DISMISS)).report

    (report,) = await listed(risk, member_id=member)

    assert report == decided


async def test_reports_are_found_by_status_and_member_together(risk: RiskWorld) -> None:
    ann, bob = await risk.a_member(), await risk.a_member()
    open_, dismissed, other = await risk.report(ann), await risk.report(ann), await risk.report(bob)
    await risk.decide(dismissed, DISMISS)

    of_ann = {each.report_id for each in await listed(risk, member_id=ann, status=OPEN)}
    all_open = {each.report_id for each in await listed(risk, status=OPEN, page_size=100)}
    all_dismissed = {each.report_id for each in await listed(risk, status=DISMISSED, page_size=100)}

    assert of_ann == {open_.report_id}
    assert {open_.report_id, other.report_id} <= all_open
    assert dismissed.report_id in all_dismissed - all_open


async def test_pages_follow_one_another_without_a_gap_or_an_overlap(risk: RiskWorld) -> None:
    member = await risk.a_member()
    made = [(await risk.report(member)).report_id for _ in range(7)]

    sizes, found, token = [], [], ""
    while True:
        page = await risk.staff.ListReports(asked(member_id=member, page_size=3, page_token=token))
        sizes.append(len(page.reports))
        found += [each.report_id for each in page.reports]
        if not (token := page.next_page_token):
            break

    assert (sizes, found) == ([3, 3, 1], made)


async def test_a_last_page_that_is_full_has_no_next(risk: RiskWorld) -> None:
    member = await risk.a_member()
    for _ in range(2):
        await risk.report(member)

    page = await risk.staff.ListReports(asked(member_id=member, page_size=2))

    assert (len(page.reports), page.next_page_token) == (2, "")


async def test_a_page_token_belongs_to_its_filters(risk: RiskWorld) -> None:
    member = await risk.a_member()
    for _ in range(2):
        await risk.report(member)
    token = (await risk.staff.ListReports(asked(member_id=member, page_size=1))).next_page_token

    for fields in ({}, {"member_id": member, "status": OPEN}, {"member_id": await risk.a_member()}):
        request = asked(page_token=token, **fields)

        assert await outcome(risk.staff.ListReports(request)) == "PAGE_TOKEN_INVALID"


async def test_reports_of_another_program_are_not_listed(risk: RiskWorld) -> None:
    foreign = await risk.a_member(program_id="other_store")
    stranger = risk.caller("member", new_id("mem"), "other_store")
    await stranger.ReportMember(
        pb.ReportMemberRequest(
            program_id="other_store",
            request_id="one",
            member_id=foreign,
            reason=reports_pb2.REPORT_REASON_FRAUD,
        )
    )

    assert await listed(risk, member_id=foreign) == []
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await risk.staff.ListReports(asked(program_id="other_store"))
    assert reason_of(refusal.value) == "PROGRAM_UNKNOWN"


async def test_an_operations_manager_sees_reports_and_not_what_was_written(risk: RiskWorld) -> None:
    member = await risk.a_member()
    await risk.report(member, note="she lives at 5 Elm Street")
    manager = risk.caller("staff", "mia", roles=["operations_manager"])

    (report,) = (await manager.ListReports(asked(member_id=member))).reports

    assert report.member_id == member
    assert "Elm" not in report.note


@pytest.mark.parametrize("role", ["analyst", "consultant", "store_manager", "system_administrator"])
async def test_staff_without_a_part_in_it_do_not_see_reports(risk: RiskWorld, role: str) -> None:
    staff = risk.caller("staff", "sam", roles=[role])

    assert await outcome(staff.ListReports(asked())) == "FORBIDDEN"


async def test_a_member_does_not_see_who_reported_them(risk: RiskWorld) -> None:
    member = await risk.a_member()

    assert await outcome(risk.caller("member", member).ListReports(asked(member_id=member))) == "FORBIDDEN"


@pytest.mark.parametrize("fields", [{"page_size": 101}, {"page_size": -1}, {"status": 9}])
async def test_a_list_that_breaks_a_rule_is_refused(risk: RiskWorld, fields: dict[str, Any]) -> None:
    assert await outcome(risk.staff.ListReports(asked(**fields))) == "INVALID_REQUEST"
