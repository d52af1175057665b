"""ReportMember: one open report of a reporter, told to nobody else, whoever else reports at that moment."""

import asyncio
import json
from typing import Any

import grpc
import pytest

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.rpc.errors import error_info, reason_of
from libs.common.rpc.time import moment
from services.risk.domain.reports import WINDOW
from tests.risk.conftest import VERIFIED, RiskWorld, a_report_of, changed, outcome, registered
from tests.support.builders import PROGRAM

SECRET = "she-lives-at-5-Elm-Street"


async def stored(risk: RiskWorld, member_id: str) -> list[Document]:
    return await risk.database.reports.find({"member_id": member_id}).sort("_id", 1).to_list(None)


# What is made


async def test_a_report_is_answered_as_it_was_made_without_its_note(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), new_id("mem")

    report = await risk.report(member, reporter, reason=reports_pb2.REPORT_REASON_HARASSMENT, note=SECRET)

    assert report == reports_pb2.Report(
        report_id=report.report_id,
        member_id=member,
        reporter_kind=reports_pb2.REPORTER_KIND_MEMBER,
        reporter=reporter,
        reason=reports_pb2.REPORT_REASON_HARASSMENT,
        status=reports_pb2.REPORT_STATUS_OPEN,
        reported_time=report.reported_time,
        expire_time=report.expire_time,
    )
    assert moment(report.reported_time) == risk.clock.moment
    assert moment(report.expire_time) == risk.clock.moment + WINDOW


async def test_a_report_lowers_integrity_and_is_the_cause_of_it(risk: RiskWorld) -> None:
    member = await risk.a_member()

    report = await risk.report(member)

    profile = await risk.profile(member)
    assert (profile.integrity, profile.reporters_count) == (45, 1)
    assert profile.cause == pb.IntegrityCause(
        kind=pb.INTEGRITY_CAUSE_KIND_REPORTED, report_id=report.report_id
    )


async def test_one_of_the_staff_reports_under_their_own_subject(risk: RiskWorld) -> None:
    member = await risk.a_member()
    consultant = risk.caller("staff", "cleo", roles=["consultant"])
    manager = risk.caller("staff", "mo", roles=["store_manager"])

    first = (await consultant.ReportMember(a_report_of(member))).report
    await manager.ReportMember(a_report_of(member))

    assert (first.reporter_kind, first.reporter) == (reports_pb2.REPORTER_KIND_STAFF, "cleo")
    assert (await risk.profile(member)).reporters_count == 2


# Who and whom


@pytest.mark.parametrize("kind", ["partner", "service"])
async def test_only_people_report(risk: RiskWorld, kind: PrincipalKind) -> None:
    member = await risk.a_member()

    assert await outcome(risk.caller(kind, "till").ReportMember(a_report_of(member))) == "FORBIDDEN"


@pytest.mark.parametrize("role", ["analyst", "operations_manager", "system_administrator"])
async def test_staff_without_a_part_in_it_do_not_report(risk: RiskWorld, role: str) -> None:
    member = await risk.a_member()
    staff = risk.caller("staff", "sam", roles=[role])

    assert await outcome(staff.ReportMember(a_report_of(member))) == "FORBIDDEN"


async def test_nobody_reports_themselves(risk: RiskWorld) -> None:
    member = await risk.a_member()

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await risk.report(member, member)

    assert reason_of(refusal.value) == "REPORT_OF_SELF"
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_a_member_of_another_program_answers_like_one_that_there_is_not(risk: RiskWorld) -> None:
    foreign = await risk.a_member(program_id="other_store")
    told = []
    for member in (foreign, new_id("mem"), "nobody"):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await risk.report(member)
        told.append((refusal.value.code(), refusal.value.details(), error_info(refusal.value)))

    assert told[0] == told[1] == told[2]
    assert told[0][0] == grpc.StatusCode.NOT_FOUND
    assert told[0][2] is not None
    assert told[0][2].reason == "MEMBER_UNKNOWN"
    assert await stored(risk, foreign) == []


async def test_a_foreign_program_answers_like_one_that_does_not_exist(risk: RiskWorld) -> None:
    member = await risk.a_member(program_id="other_store")
    for program_id in ("other_store", "no_such_store"):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await risk.report(member, program_id=program_id)

        assert reason_of(refusal.value) == "PROGRAM_UNKNOWN"


async def test_a_member_who_was_not_announced_yet_can_be_reported_under_the_same_request_id_later(
    risk: RiskWorld,
) -> None:
    member, reporter = new_id("mem"), risk.caller("member", new_id("mem"))
    request = a_report_of(member)
    early = await outcome(reporter.ReportMember(request))
    await risk.apply(registered(member))

    assert early == "MEMBER_UNKNOWN"
    assert await outcome(reporter.ReportMember(request)) == "OK"


async def test_the_same_reporter_is_told_of_the_report_that_is_open(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), new_id("mem")
    first = await risk.report(member, reporter)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await risk.report(member, reporter, reason=reports_pb2.REPORT_REASON_OTHER)

    info = error_info(refusal.value)
    assert info is not None
    assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert (info.reason, dict(info.metadata)) == ("REPORT_ALREADY_OPEN", {"report_id": first.report_id})
    assert len(await stored(risk, member)) == 1


async def test_the_same_reporter_may_report_again_once_the_first_is_ninety_days_old(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), new_id("mem")
    await risk.report(member, reporter)
    risk.clock.advance(WINDOW)

    await risk.report(member, reporter)

    assert [each["status"] for each in await stored(risk, member)] == ["expired", "open"]
    assert (await risk.profile(member)).reporters_count == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": reports_pb2.REPORT_REASON_UNSPECIFIED},
        {"reason": 99},
        {"note": "x" * 501},
        {"member_id": ""},
        {"member_id": "x" * 65},
        {"request_id": "two words"},
    ],
    ids=["no reason", "unknown reason", "long note", "no member", "long member", "bad request id"],
)
async def test_a_report_that_breaks_a_rule_is_refused(risk: RiskWorld, fields: dict[str, Any]) -> None:
    whom = {"member_id": await risk.a_member()}
    reporter = risk.caller("member", new_id("mem"))

    assert await outcome(reporter.ReportMember(a_report_of(**{**whom, **fields}))) == "INVALID_REQUEST"


async def test_a_note_of_five_hundred_characters_of_any_script_is_kept_whole(risk: RiskWorld) -> None:
    member, note = await risk.a_member(), "骚扰😀ａ\n\0" * 83 + "骚扰"

    await risk.report(member, note=note)

    assert [each["note"] for each in await stored(risk, member)] == [note]


# Twice


async def test_the_same_request_again_gets_the_first_answer_byte_for_byte(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), risk.caller("member", new_id("mem"))
    request = a_report_of(member, note=SECRET)
    first = await reporter.ReportMember(request)
    await risk.decide(first.report, reports_pb2.REPORT_DECISION_DISMISS)

    second = await reporter.ReportMember(request)

    assert second.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    assert len(await stored(risk, member)) == 1


async def test_another_report_under_the_same_request_id_is_refused(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), risk.caller("member", new_id("mem"))
    await reporter.ReportMember(a_report_of(member, request_id="one"))

    other = a_report_of(await risk.a_member(), request_id="one")

    assert await outcome(reporter.ReportMember(other)) == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_request_eight_times_at_once_is_one_report(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), risk.caller("member", new_id("mem"))
    request = a_report_of(member)

    answers = await asyncio.gather(*(reporter.ReportMember(request) for _ in range(8)))

    assert len({each.report.report_id for each in answers}) == 1
    assert len(await stored(risk, member)) == 1
    assert (await risk.profile(member)).reporters_count == 1


async def test_eight_reports_of_one_reporter_at_once_are_one_report(risk: RiskWorld) -> None:
    member, reporter = await risk.a_member(), risk.caller("member", new_id("mem"))

    outcomes = await asyncio.gather(*(outcome(reporter.ReportMember(a_report_of(member))) for _ in range(8)))

    assert sorted(outcomes) == ["OK"] + ["REPORT_ALREADY_OPEN"] * 7
    assert len(await stored(risk, member)) == 1


async def test_three_reporters_at_once_make_exactly_one_change_to_high(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)

    await asyncio.gather(*(risk.report(member) for _ in range(3)))

    changes, announced = await risk.changes(member), await risk.announced(member)
    to_high = [each for each in changes if each.level_after == pb.RISK_LEVEL_HIGH != each.level_before]
    assert [each.seq for each in to_high] == [4]
    assert [each.integrity_after for each in changes] == [80, 65, 50, 35]
    assert [each.profile.level for each in announced].count(pb.RISK_LEVEL_HIGH) == 1
    assert [each.seq for each in announced] == [1, 2, 3, 4]


async def test_reports_and_a_new_identity_at_once_are_both_applied(risk: RiskWorld) -> None:
    member = await risk.a_member()

    await asyncio.gather(*(risk.report(member) for _ in range(3)), risk.apply(changed(member, 1, VERIFIED)))

    profile = await risk.profile(member)
    assert (profile.integrity, profile.reporters_count) == (35, 3)
    assert [each.seq for each in await risk.changes(member)] == [1, 2, 3, 4, 5]


# What is left behind


async def test_what_a_reporter_wrote_is_kept_with_the_report_and_nowhere_else(
    risk: RiskWorld, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    member, reporter = await risk.a_member(), risk.caller("member", new_id("mem"))
    request = a_report_of(member, note=SECRET, request_id="once")
    report = (await reporter.ReportMember(request)).report
    await outcome(reporter.ReportMember(a_report_of(member, note=SECRET)))
    await outcome(reporter.ReportMember(a_report_of(member, note=SECRET + "!", request_id="once")))
    await risk.decide(report, reports_pb2.REPORT_DECISION_UPHOLD)

    found = {
        name
        for name in await risk.database.list_collection_names()
        async for document in risk.database[name].find({})
        if SECRET in str(document) or SECRET.encode() in b"".join(_bytes(document))
    }
    printed = capfd.readouterr()

    assert found == {"reports"}
    assert SECRET not in printed.out + printed.err + caplog.text


def _bytes(document: Document) -> list[bytes]:
    return [bytes(each) for each in document.values() if isinstance(each, bytes)]


@pytest.mark.parametrize("kind", ["member", "staff"])
async def test_a_report_leaves_one_audit_record_of_who_and_what_followed(
    risk: RiskWorld, kind: PrincipalKind
) -> None:
    member = await risk.a_member(VERIFIED)
    subject = new_id("mem") if kind == "member" else "cleo"
    request = a_report_of(member, note=SECRET)
    reporter = risk.caller(kind, subject)
    report = (await reporter.ReportMember(request)).report
    await reporter.ReportMember(request)

    (record,) = await risk.database.audit.find({"objects": report.report_id}).to_list(None)

    assert (record["program_id"], record["act"], record["reason"]) == (PROGRAM, "ReportMember", "FRAUD")
    assert (record["actor"]["kind"], record["actor"]["subject"]) == (kind, subject)
    assert record["objects"] == sorted([member, report.report_id])
    assert json.loads(record["before"]) == {"integrity": 80, "level": "LOW"}
    assert json.loads(record["after"]) == {"integrity": 65, "level": "LOW", "status": "OPEN"}


async def test_a_refused_report_leaves_no_audit_record(risk: RiskWorld) -> None:
    member = await risk.a_member()

    await outcome(risk.report(member, member))

    assert await risk.database.audit.count_documents({"objects": member}) == 0
