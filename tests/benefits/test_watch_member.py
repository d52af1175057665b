"""WatchMember of benefits: what a member holds, as it changes."""

from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.visibility import Home
from libs.common.watch import Change
from services.benefits.messages import watched
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import NOON, PROGRAM
from tests.support.watching import first_answers, watch_outcome

UNKNOWN = ("NOT_FOUND", "MEMBER_UNKNOWN")


def a_watch(member_id: str, after_seq: int | None = None, program_id: str = PROGRAM) -> pb.WatchMemberRequest:
    return pb.WatchMemberRequest(program_id=program_id, member_id=member_id, after_seq=after_seq)


async def test_decisions_and_points_are_told_in_order(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(12_000)
    (now,) = await first_answers(benefits.staff.WatchMember(a_watch(story.member_id)), 1)

    begin, *told = await first_answers(benefits.staff.WatchMember(a_watch(story.member_id, 0)), now.seq + 1)

    assert begin == pb.WatchMemberResponse(seq=0)
    assert [each.seq for each in told] == list(range(1, now.seq + 1))
    memberships = [each.membership_changed for each in told if each.HasField("membership_changed")]
    assert memberships[-1].tier == "silver"
    assert sum(posted.points for each in memberships for posted in each.postings) == 120


@pytest.mark.parametrize(
    ("kind", "subject", "claims", "sees"),
    [
        ("member", "", {}, True),
        ("member", "mem_" + "0" * 32, {}, False),
        ("partner", "shop", {}, True),
        ("partner", "rival", {}, False),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["uptown"]}, True),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}, False),
        ("staff", "eve", {"roles": ["compliance_officer"]}, True),
        ("staff", "eve", {"program_id": "other_store", "roles": ["compliance_officer"]}, False),
        ("service", "risk", {"program_id": None}, True),
    ],
)
async def test_whom_the_caller_may_not_see_is_as_if_not_there(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any], sees: bool
) -> None:
    story = Story(home=Home("uptown", "east", "shop"))
    await benefits.apply(story.partition, story.registration())
    program_id = claims.get("program_id") or PROGRAM
    stub = benefits.caller(kind, subject or story.member_id, **claims)

    found = await watch_outcome(stub.WatchMember(a_watch(story.member_id, program_id=program_id)))
    nobody = await watch_outcome(stub.WatchMember(a_watch(new_id("mem"), program_id=program_id)))

    assert (found, nobody) == (("OK", "") if sees else UNKNOWN, UNKNOWN)


async def test_a_place_that_is_still_to_come_is_refused(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member()

    refused = await watch_outcome(benefits.staff.WatchMember(a_watch(story.member_id, 100)))

    assert refused == ("OUT_OF_RANGE", "WATCH_PLACE_UNKNOWN")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (events_pb2.MembershipChanged(tier="gold"), "membership_changed"),
        (events_pb2.PointsChanged(member_id="mem_1"), "points_changed"),
        (events_pb2.NoticeCreated(notice_id="ntc_1"), "notice_created"),
        (events_pb2.RedemptionChanged(redemption_id="rdm_1"), "redemption_changed"),
    ],
)
def test_each_announcement_is_told_as_it_is(message: Any, field: str) -> None:
    answer = watched(Change(7, NOON, message.DESCRIPTOR.name, message.SerializeToString()))

    assert (answer.seq, answer.WhichOneof("change"), getattr(answer, field)) == (7, field, message)


def test_an_announcement_of_an_unknown_kind_only_moves_the_place() -> None:
    answer = watched(Change(8, NOON, "SomethingNew", b"?"))

    assert (answer.seq, answer.WhichOneof("change")) == (8, None)
