"""BatchListIntegrityChanges: every change of a member's standing with its cause, latest first."""

from typing import Any

import pytest

from laurel.common.v1 import lookup_pb2
from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from services.risk.domain.reports import WINDOW
from tests.risk.conftest import VERIFIED, RiskWorld, changed, outcome, registered
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
LOW, MEDIUM = pb.RISK_LEVEL_LOW, pb.RISK_LEVEL_MEDIUM


def asked(*member_ids: str, **fields: Any) -> pb.BatchListIntegrityChangesRequest:
    return pb.BatchListIntegrityChangesRequest(**{"program_id": PROGRAM, "member_ids": member_ids, **fields})


async def read(risk: RiskWorld, *member_ids: str, **fields: Any) -> list[pb.IntegrityChangesResult]:
    return list((await risk.staff.BatchListIntegrityChanges(asked(*member_ids, **fields))).results)


async def test_each_change_says_from_what_to_what_and_why(risk: RiskWorld) -> None:
    member = await risk.a_member()
    dismissed = await risk.report(member)
    await risk.decide(dismissed, reports_pb2.REPORT_DECISION_DISMISS)
    await risk.apply(changed(member, 1, VERIFIED))
    expired = await risk.report(member)
    risk.clock.advance(WINDOW)
    await risk.expire()

    (result,) = await read(risk, member)

    assert result.status == FOUND
    told = [
        (each.seq, each.integrity_before, each.integrity_after, each.cause.kind, each.cause.report_id)
        for each in reversed(result.changes)
    ]
    assert told == [
        (1, 0, 60, pb.INTEGRITY_CAUSE_KIND_REGISTERED, ""),
        (2, 60, 45, pb.INTEGRITY_CAUSE_KIND_REPORTED, dismissed.report_id),
        (3, 45, 60, pb.INTEGRITY_CAUSE_KIND_REPORT_DECIDED, dismissed.report_id),
        (4, 60, 80, pb.INTEGRITY_CAUSE_KIND_VERIFICATION_CHANGED, ""),
        (5, 80, 65, pb.INTEGRITY_CAUSE_KIND_REPORTED, expired.report_id),
        (6, 65, 80, pb.INTEGRITY_CAUSE_KIND_REPORT_EXPIRED, expired.report_id),
    ]
    assert [(each.level_before, each.level_after) for each in result.changes][-2:] == [
        (LOW, MEDIUM),
        (pb.RISK_LEVEL_UNSPECIFIED, LOW),
    ]
    assert moment(result.changes[0].changed_time) == risk.clock.moment


async def test_the_first_change_has_no_integrity_before_it_which_is_not_zero(risk: RiskWorld) -> None:
    (result,) = await read(risk, await risk.a_member())

    (change,) = result.changes
    assert not change.HasField("integrity_before")


async def test_a_change_says_what_the_member_may_not_do_after_it(risk: RiskWorld) -> None:
    member = await risk.a_member()
    for _ in range(3):
        await risk.report(member)

    (result,) = await read(risk, member)

    assert [len(each.restrictions) for each in result.changes] == [1, 0, 0, 0]
    assert list(result.changes[0].restrictions) == list((await risk.profile(member)).restrictions)


async def test_two_announcements_of_one_read_are_two_changes(risk: RiskWorld) -> None:
    member = new_id("mem")

    await risk.apply(changed(member, 1), changed(member, 2, VERIFIED))

    (result,) = await read(risk, member)
    assert [each.integrity_after for each in result.changes] == [80, 60]
    assert [each.seq for each in await risk.announced(member)] == [1, 2]


async def test_so_many_of_each_member_are_told_the_latest_first(risk: RiskWorld) -> None:
    ann, bob = await risk.a_member(), await risk.a_member()
    for member in (ann, bob):
        for _ in range(3):
            await risk.report(member)

    results = await read(risk, bob, ann, first=2)

    assert [[each.seq for each in result.changes] for result in results] == [[4, 3], [4, 3]]


async def test_twenty_are_told_where_nobody_says_how_many(risk: RiskWorld) -> None:
    member = await risk.a_member()
    await risk.apply(*(changed(member, seq, 1 + seq % 2) for seq in range(1, 25)))  # type: ignore[arg-type]

    (result,) = await read(risk, member)

    assert [each.seq for each in result.changes] == list(range(25, 5, -1))


async def test_each_member_is_answered_in_their_place_found_or_missing(risk: RiskWorld) -> None:
    ann, foreign = await risk.a_member(), await risk.a_member(program_id="other_store")

    results = await read(risk, new_id("mem"), ann, foreign, ann)

    assert [each.status for each in results] == [MISSING, FOUND, MISSING, FOUND]
    assert results[1] == results[3]
    assert results[0] == results[2]


async def test_a_member_reads_their_own_and_nobody_elses(risk: RiskWorld) -> None:
    ann, bob = await risk.a_member(), await risk.a_member()

    answer = await risk.caller("member", ann).BatchListIntegrityChanges(asked(ann, bob))

    assert [each.status for each in answer.results] == [FOUND, MISSING]


async def test_a_partner_reads_those_whom_it_registered(risk: RiskWorld) -> None:
    mine, other = new_id("mem"), new_id("mem")
    await risk.apply(registered(mine, partner_id="till"), registered(other, partner_id="kiosk"))

    answer = await risk.caller("partner", "till").BatchListIntegrityChanges(asked(mine, other))

    assert [each.status for each in answer.results] == [FOUND, MISSING]


@pytest.mark.parametrize(
    "fields",
    [
        {"member_ids": []},
        {"member_ids": ["mem"] * 501},
        {"member_ids": ["mem"] * 500, "first": 21},
        {"member_ids": ["mem"] * 101, "first": 100},
        {"first": 101},
        {"first": -1},
    ],
    ids=[
        "nobody",
        "too many members",
        "too many changes",
        "too many of some",
        "too many",
        "negative",
    ],
)
async def test_what_is_too_much_for_one_answer_is_refused(risk: RiskWorld, fields: dict[str, Any]) -> None:
    request = asked(**{"member_ids": ["mem"], **fields})

    assert await outcome(risk.staff.BatchListIntegrityChanges(request)) == "INVALID_REQUEST"


async def test_as_much_as_is_allowed_is_answered(risk: RiskWorld) -> None:
    for fields in ({"member_ids": ["mem"] * 500}, {"member_ids": ["mem"] * 100, "first": 100}):
        answer = await risk.staff.BatchListIntegrityChanges(asked(**fields))

        assert {each.status for each in answer.results} == {MISSING}


async def test_a_foreign_program_answers_like_one_that_does_not_exist(risk: RiskWorld) -> None:
    member = await risk.a_member(program_id="other_store")
    for program_id in ("other_store", "no_such_store"):
        request = asked(member, program_id=program_id)

        assert await outcome(risk.staff.BatchListIntegrityChanges(request)) == "PROGRAM_UNKNOWN"
