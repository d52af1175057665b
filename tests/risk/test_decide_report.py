"""DecideReport: a report is upheld or dismissed once, and what it brought about follows."""

import asyncio
import json
from typing import Any

import grpc
import pytest

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import moment
from services.risk.domain.reports import WINDOW
from tests.risk.conftest import VERIFIED, RiskWorld, a_decision_on, outcome
from tests.support.builders import DAY

UPHOLD, DISMISS = reports_pb2.REPORT_DECISION_UPHOLD, reports_pb2.REPORT_DECISION_DISMISS


@pytest.mark.parametrize(
    ("decision", "status", "reporters"),
    [(UPHOLD, reports_pb2.REPORT_STATUS_UPHELD, 1), (DISMISS, reports_pb2.REPORT_STATUS_DISMISSED, 0)],
    ids=["uphold", "dismiss"],
)
async def test_the_answer_has_the_report_as_decided_and_the_profile_after_it(
    risk: RiskWorld,
    decision: reports_pb2.ReportDecision.ValueType,
    status: reports_pb2.ReportStatus.ValueType,
    reporters: int,
) -> None:
    member = await risk.a_member(VERIFIED)
    report = await risk.report(member, note="not for the answer")
    officer = risk.caller("staff", "olga", roles=["compliance_officer"])

    answer = await officer.DecideReport(a_decision_on(report.report_id, decision, explanation="as seen"))

    assert (answer.report.status, answer.report.note) == (status, "")
    assert (answer.report.finding.decided_by, answer.report.finding.explanation) == ("olga", "as seen")
    assert moment(answer.report.finding.decided_time) == risk.clock.moment
    assert answer.profile == await risk.profile(member)
    assert answer.profile.reporters_count == reporters


async def test_upholding_changes_nothing_that_counts_and_announces_nothing(risk: RiskWorld) -> None:
    member = await risk.a_member()
    report = await risk.report(member)
    before = await risk.profile(member), len(await risk.announced(member))

    await risk.decide(report, UPHOLD)

    assert (await risk.profile(member), len(await risk.announced(member))) == before


async def test_upheld_reports_count_with_open_ones(risk: RiskWorld) -> None:
    member = await risk.a_member()
    for _ in range(2):
        await risk.decide(await risk.report(member), UPHOLD)

    await risk.report(member)

    assert (await risk.profile(member)).level == pb.RISK_LEVEL_HIGH


async def test_dismissed_reports_do_not_count_however_many(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    for _ in range(4):
        await risk.decide(await risk.report(member), DISMISS)

    profile = await risk.profile(member)

    assert (profile.level, profile.integrity) == (pb.RISK_LEVEL_LOW, 80)


# Which report


async def test_a_report_of_another_program_answers_like_one_that_there_is_not(risk: RiskWorld) -> None:
    foreign = await risk.a_member(program_id="other_store")
    stranger = risk.caller("member", new_id("mem"), "other_store")
    request = pb.ReportMemberRequest(
        program_id="other_store",
        request_id="one",
        member_id=foreign,
        reason=reports_pb2.REPORT_REASON_FRAUD,
    )
    report = (await stranger.ReportMember(request)).report
    told = []
    for report_id in (report.report_id, new_id("rep"), "none"):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await risk.staff.DecideReport(a_decision_on(report_id))
        told.append((refusal.value.code(), refusal.value.details(), error_info(refusal.value)))

    assert told[0] == told[1] == told[2]
    assert reason_of(refusal.value) == "REPORT_UNKNOWN"


async def test_a_foreign_program_answers_like_one_that_does_not_exist(risk: RiskWorld) -> None:
    for program_id in ("other_store", "no_such_store"):
        decision = a_decision_on(new_id("rep"), program_id=program_id)

        assert await outcome(risk.staff.DecideReport(decision)) == "PROGRAM_UNKNOWN"


@pytest.mark.parametrize(
    "role", ["analyst", "consultant", "store_manager", "operations_manager", "system_administrator"]
)
async def test_only_a_compliance_officer_decides(risk: RiskWorld, role: str) -> None:
    report = await risk.report(await risk.a_member())
    staff = risk.caller("staff", "sam", roles=[role])

    assert await outcome(staff.DecideReport(a_decision_on(report.report_id))) == "FORBIDDEN"


async def test_a_member_does_not_decide_what_is_reported_of_them(risk: RiskWorld) -> None:
    member = await risk.a_member()
    report = await risk.report(member)

    refused = await outcome(risk.caller("member", member).DecideReport(a_decision_on(report.report_id)))

    assert refused == "FORBIDDEN"


@pytest.mark.parametrize(
    "fields",
    [{"decision": 0}, {"decision": 9}, {"explanation": ""}, {"explanation": "x" * 501}, {"report_id": ""}],
    ids=["no decision", "unknown decision", "no explanation", "long explanation", "no report"],
)
async def test_a_decision_that_breaks_a_rule_is_refused(risk: RiskWorld, fields: dict[str, Any]) -> None:
    decision = a_decision_on(**{"report_id": new_id("rep"), **fields})

    assert await outcome(risk.staff.DecideReport(decision)) == "INVALID_REQUEST"


# Once


@pytest.mark.parametrize("second", [UPHOLD, DISMISS], ids=["uphold", "dismiss"])
async def test_a_report_that_was_decided_is_not_decided_again(
    risk: RiskWorld, second: reports_pb2.ReportDecision.ValueType
) -> None:
    report = await risk.report(await risk.a_member())
    await risk.decide(report, DISMISS)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await risk.decide(report, second)

    info = error_info(refusal.value)
    assert info is not None
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert (info.reason, dict(info.metadata)) == (
        "REPORT_ALREADY_DECIDED",
        {"report_id": report.report_id, "status": "DISMISSED"},
    )


@pytest.mark.parametrize("ended", [False, True], ids=["nobody ended it yet", "ended"])
async def test_a_report_of_ninety_days_is_not_decided(risk: RiskWorld, ended: bool) -> None:
    member = await risk.a_member()
    report = await risk.report(member)
    risk.clock.advance(WINDOW)
    if ended:
        await risk.expire()

    assert await outcome(risk.decide(report, DISMISS)) == "REPORT_EXPIRED"


async def test_the_same_request_again_gets_the_first_answer_byte_for_byte(risk: RiskWorld) -> None:
    member = await risk.a_member()
    request = a_decision_on((await risk.report(member)).report_id)
    first = await risk.staff.DecideReport(request)
    await risk.report(member)
    risk.clock.advance(DAY)

    second = await risk.staff.DecideReport(request)

    assert second.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)


async def test_another_decision_under_the_same_request_id_is_refused(risk: RiskWorld) -> None:
    report = await risk.report(await risk.a_member())
    await risk.staff.DecideReport(a_decision_on(report.report_id, UPHOLD, request_id="d-1"))

    other = a_decision_on(report.report_id, DISMISS, request_id="d-1")

    assert await outcome(risk.staff.DecideReport(other)) == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_request_eight_times_at_once_is_one_decision(risk: RiskWorld) -> None:
    member = await risk.a_member()
    request = a_decision_on((await risk.report(member)).report_id)

    answers = await asyncio.gather(*(risk.staff.DecideReport(request) for _ in range(8)))

    assert len({each.SerializeToString(deterministic=True) for each in answers}) == 1
    assert [each.integrity_after for each in await risk.changes(member)] == [60, 45, 60]


async def test_of_two_officers_at_once_one_decides_and_the_other_hears_what(risk: RiskWorld) -> None:
    report = await risk.report(await risk.a_member())
    officers = [risk.caller("staff", name) for name in ("olga", "otto")]

    outcomes = await asyncio.gather(
        officers[0].DecideReport(a_decision_on(report.report_id, UPHOLD)),
        officers[1].DecideReport(a_decision_on(report.report_id, DISMISS)),
        return_exceptions=True,
    )

    refused = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    decided = [each for each in outcomes if isinstance(each, pb.DecideReportResponse)]
    assert [reason_of(each) for each in refused] == ["REPORT_ALREADY_DECIDED"]
    status = reports_pb2.ReportStatus.Name(decided[0].report.status)
    info = error_info(refused[0])
    assert info is not None
    assert status == f"REPORT_STATUS_{info.metadata['status']}"


async def test_a_dismissal_and_further_reports_at_once_are_both_counted(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    reports = [await risk.report(member) for _ in range(3)]

    await asyncio.gather(
        *(risk.decide(each, DISMISS) for each in reports), *(risk.report(member) for _ in range(2))
    )

    profile = await risk.profile(member)
    assert (profile.reporters_count, profile.integrity, len(profile.restrictions)) == (2, 50, 0)
    assert [each.seq for each in await risk.changes(member)] == list(range(1, 10))
    assert [each.seq for each in await risk.announced(member)] == list(range(1, 10))


# What is left behind


async def test_a_decision_leaves_one_audit_record_of_both_sides_and_the_explanation(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    report, *_ = [await risk.report(member, note="she lives at 5 Elm Street") for _ in range(3)]
    request = a_decision_on(report.report_id, explanation="the messages do not bear it out")
    await risk.staff.DecideReport(request)
    await risk.staff.DecideReport(request)

    records = risk.database.audit.find({"objects": report.report_id, "act": "DecideReport"})
    (record,) = await records.to_list(None)

    assert record["reason"] == "the messages do not bear it out"
    assert record["objects"] == sorted([member, report.report_id])
    assert json.loads(record["before"]) == {"integrity": 35, "level": "HIGH", "status": "OPEN"}
    assert json.loads(record["after"]) == {"integrity": 50, "level": "LOW", "status": "DISMISSED"}
    assert "Elm" not in str(record)


async def test_a_refused_decision_leaves_nothing(risk: RiskWorld) -> None:
    report = await risk.report(await risk.a_member())
    await risk.decide(report, UPHOLD)
    before = await risk.database.audit.count_documents({})

    await outcome(risk.decide(report, DISMISS))

    assert await risk.database.audit.count_documents({}) == before
