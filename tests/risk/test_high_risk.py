"""Two reports are normal, the third makes a high risk; a dismissed one lifts it; time lifts it as well."""

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.rpc.time import moment
from libs.common.texts import render
from services.risk.domain.reports import WINDOW
from tests.risk.conftest import VERIFIED, RiskWorld, changed
from tests.support.builders import DAY

DISMISS, UPHOLD = reports_pb2.REPORT_DECISION_DISMISS, reports_pb2.REPORT_DECISION_UPHOLD


async def test_two_reports_are_normal_the_third_restricts_and_its_dismissal_lifts_that(
    risk: RiskWorld,
) -> None:
    member = await risk.a_member(VERIFIED)
    await risk.report(member)
    await risk.report(member)
    two = await risk.profile(member)
    third = await risk.report(member)
    three = await risk.profile(member)
    dismissed = (await risk.decide(third, DISMISS)).profile

    assert (two.level, two.integrity, two.reporters_count) == (pb.RISK_LEVEL_LOW, 50, 2)
    assert not two.restrictions
    assert (three.level, three.integrity, three.reporters_count) == (pb.RISK_LEVEL_HIGH, 35, 3)
    assert [each.kind for each in three.restrictions] == [pb.RESTRICTION_KIND_INTERACTION]
    assert (dismissed.level, dismissed.integrity, dismissed.reporters_count) == (pb.RISK_LEVEL_LOW, 50, 2)
    assert not dismissed.restrictions
    assert dismissed == await risk.profile(member)


async def test_a_restriction_says_why_since_when_and_until_when(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    first = risk.clock.moment
    for _ in range(3):
        await risk.report(member)
        risk.clock.advance(DAY)

    (restriction,) = (await risk.profile(member)).restrictions

    assert restriction.reason_code == "REPORTED_BY_SEVERAL"
    assert restriction.reason_params == {"reporters": "3", "window_days": "90"}
    assert moment(restriction.since_time) == first + 2 * DAY
    assert moment(restriction.until_time) == first + WINDOW
    text = render(restriction.reason_code, restriction.reason_params, "zh")
    assert text == "90天内有3位举报人举报，互动功能暂受限制。"


async def test_it_is_announced_with_the_reason_the_end_and_the_cause(risk: RiskWorld) -> None:
    member = await risk.a_member(VERIFIED)
    reports = [await risk.report(member) for _ in range(3)]
    await risk.decide(reports[0], DISMISS)

    *_, third, lifted = await risk.announced(member)

    assert (third.profile.level, lifted.profile.level) == (pb.RISK_LEVEL_HIGH, pb.RISK_LEVEL_LOW)
    (restriction,) = third.profile.restrictions
    assert (restriction.reason_code, restriction.HasField("until_time")) == ("REPORTED_BY_SEVERAL", True)
    assert not lifted.profile.restrictions
    assert third.profile.cause == pb.IntegrityCause(
        kind=pb.INTEGRITY_CAUSE_KIND_REPORTED, report_id=reports[2].report_id
    )
    assert lifted.profile.cause == pb.IntegrityCause(
        kind=pb.INTEGRITY_CAUSE_KIND_REPORT_DECIDED, report_id=reports[0].report_id
    )
    assert lifted.profile == await risk.profile(member)


async def test_every_change_is_announced_once_and_kept_once(risk: RiskWorld) -> None:
    member = await risk.a_member()
    reports = [await risk.report(member) for _ in range(4)]
    await risk.decide(reports[0], UPHOLD)
    await risk.decide(reports[1], DISMISS)
    await risk.decide(reports[2], DISMISS)

    announced, changes = await risk.announced(member), await risk.changes(member)

    assert [each.seq for each in announced] == [each.seq for each in changes] == list(range(1, 8))
    assert [each.integrity_after for each in changes] == [60, 45, 30, 15, 0, 15, 30]
    assert [each.profile.integrity for each in announced] == [each.integrity_after for each in changes]


async def test_a_new_identity_does_not_lift_what_reports_brought_about(risk: RiskWorld) -> None:
    member = await risk.a_member()
    for _ in range(3):
        await risk.report(member)
    before = await risk.profile(member)

    await risk.apply(changed(member, 1, VERIFIED))

    profile = await risk.profile(member)
    assert (profile.integrity, profile.level) == (35, pb.RISK_LEVEL_HIGH)
    assert list(profile.restrictions) == list(before.restrictions)
    assert profile.cause.kind == pb.INTEGRITY_CAUSE_KIND_VERIFICATION_CHANGED
