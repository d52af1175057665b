"""WatchMember of risk: how far a member can be trusted, as it changes."""

import pytest

from laurel.risk.v1 import risk_pb2 as pb
from libs.common.ids import new_id
from tests.risk.conftest import VERIFIED, RiskWorld, registered
from tests.support.builders import PROGRAM
from tests.support.watching import first_answers, watch_outcome

UNKNOWN = ("NOT_FOUND", "MEMBER_UNKNOWN")


def a_watch(member_id: str, after_seq: int | None = None) -> pb.WatchMemberRequest:
    return pb.WatchMemberRequest(program_id=PROGRAM, member_id=member_id, after_seq=after_seq)


async def test_each_standing_is_told_in_order(risk: RiskWorld) -> None:
    member_id = await risk.a_member(VERIFIED)
    for _ in range(3):
        await risk.report(member_id)

    begin, *changes = await first_answers(risk.staff.WatchMember(a_watch(member_id, 0)), 5)
    (now,) = await first_answers(risk.staff.WatchMember(a_watch(member_id)), 1)

    assert begin == pb.WatchMemberResponse(seq=0)
    assert [(each.seq, each.standing_changed.integrity) for each in changes] == [
        (1, 80),
        (2, 65),
        (3, 50),
        (4, 35),
    ]
    assert changes[-1].standing_changed.level == pb.RISK_LEVEL_HIGH
    assert now == pb.WatchMemberResponse(seq=4)


@pytest.mark.parametrize(("partner", "sees"), [("shop", True), ("rival", False)])
async def test_whom_the_caller_may_not_see_is_as_if_not_there(
    risk: RiskWorld, partner: str, sees: bool
) -> None:
    member_id = new_id("mem")
    await risk.apply(registered(member_id, partner_id="shop"))
    stub = risk.caller("partner", partner)

    found = await watch_outcome(stub.WatchMember(a_watch(member_id)))
    nobody = await watch_outcome(stub.WatchMember(a_watch(new_id("mem"))))

    assert (found, nobody) == (("OK", "") if sees else UNKNOWN, UNKNOWN)


async def test_a_place_that_is_still_to_come_is_refused(risk: RiskWorld) -> None:
    refused = await watch_outcome(risk.staff.WatchMember(a_watch(await risk.a_member(), 2)))

    assert refused == ("OUT_OF_RANGE", "WATCH_PLACE_UNKNOWN")
