"""AdjustPoints: staff correct points, alone up to a limit of the day, and above it two of them."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.benefits.v1 import points_pb2 as pb
from laurel.benefits.v1 import points_pb2_grpc
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import matured
from tests.benefits.refusals import refusal
from tests.benefits.spending import Purse, a_purse
from tests.support.builders import DAY, NOON

if TYPE_CHECKING:
    from laurel.benefits.v1.points_pb2_grpc import PointsServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["PointsService"]
PENDING, APPLIED, REJECTED = (
    pb.ADJUSTMENT_STATE_PENDING,
    pb.ADJUSTMENT_STATE_APPLIED,
    pb.ADJUSTMENT_STATE_REJECTED,
)


@dataclass
class Desk:
    """One of the staff, and the member whose points they look at."""

    purse: Purse
    stub: "PointsServiceAsyncStub"

    def _asked(self, **fields: Any) -> dict[str, Any]:
        return {"program_id": self.purse.program.key, "request_id": new_id("req"), **fields}

    async def adjust(self, points: int, **fields: Any) -> pb.Adjustment:
        asked = self._asked(member_id=self.purse.story.member_id, points=points, reason="goodwill")
        return (await self.stub.AdjustPoints(pb.AdjustPointsRequest(**{**asked, **fields}))).adjustment

    async def approve(self, adjustment_id: str) -> pb.Adjustment:
        request = pb.ApproveAdjustmentRequest(**self._asked(adjustment_id=adjustment_id))
        return (await self.stub.ApproveAdjustment(request)).adjustment

    async def reject(self, adjustment_id: str) -> pb.Adjustment:
        request = pb.RejectAdjustmentRequest(**self._asked(adjustment_id=adjustment_id, reason="no case"))
        return (await self.stub.RejectAdjustment(request)).adjustment

    async def pending(self, size: int = 0) -> list[str]:
        """The ids of those that wait, page by page."""
        found, token = [], ""
        while True:
            request = pb.ListPendingAdjustmentsRequest(
                program_id=self.purse.program.key, page_size=size, page_token=token
            )
            page = await self.stub.ListPendingAdjustments(request)
            found += [each.adjustment_id for each in page.adjustments]
            token = page.next_page_token
            if not token:
                return found


def points_stub(benefits: BenefitsWorld, kind: Any, who: str, program_id: str, **claims: Any) -> Any:
    """A stub of PointsService that calls as this principal."""
    return benefits.stub(SERVICE, points_pb2_grpc.PointsServiceStub, kind, who, program_id, **claims)


async def desks(benefits: BenefitsWorld, *points: int, **settings: Any) -> tuple[Desk, Desk]:
    """Two of the staff of a program, whose one member earned these points."""
    purse = await a_purse(benefits, *points, **{"adjustments": {"alone_daily_points": 100}, **settings})
    await keep_homes(
        benefits.database, [(purse.program.key, purse.story.member_id, Home("online", "", "shop"))]
    )
    stubs = [
        points_stub(benefits, "staff", who, purse.program.key, roles=["operations_manager"])
        for who in ("sue", "max")
    ]
    return Desk(purse, stubs[0]), Desk(purse, stubs[1])


async def test_a_small_adjustment_is_applied_at_once_and_audited(benefits: BenefitsWorld) -> None:
    sue, _ = await desks(benefits, 50)

    given, taken = await sue.adjust(30), await sue.adjust(-60)

    assert [(each.state, each.points, each.asked_by) for each in (given, taken)] == [
        (APPLIED, 30, "sue"),
        (APPLIED, -60, "sue"),
    ]
    assert await sue.purse.balances() == {"issuer": -80, "active": 20, "reversed": 60}
    records = benefits.database.audit.find({"program_id": sue.purse.program.key, "act": "AdjustPoints"})
    audited = [(each["reason"], sorted(each["objects"])) async for each in records.sort("_id", 1)]
    member_id = sue.purse.story.member_id
    assert audited == [("goodwill", sorted([each.adjustment_id, member_id])) for each in (given, taken)]
    assert await ledger_faults(benefits, sue.purse.program.key) == []


async def test_what_is_given_ends_like_what_is_earned(benefits: BenefitsWorld) -> None:
    sue, _ = await desks(benefits, expire_after_months=1)

    await sue.adjust(30)
    happened = await matured(benefits, sue.purse.program.key, NOON + 31 * DAY)

    assert happened == 1
    assert await sue.purse.balances() == {"issuer": -30, "active": 0, "expired": 30}
    assert await ledger_faults(benefits, sue.purse.program.key) == []


async def test_above_what_one_may_adjust_on_a_day_it_waits_for_another(benefits: BenefitsWorld) -> None:
    sue, max_ = await desks(benefits)
    await sue.adjust(90)

    asked = await sue.adjust(20)
    waiting = await sue.purse.balances()
    own = await refusal(sue.approve(asked.adjustment_id))
    approved = await max_.approve(asked.adjustment_id)
    again = await refusal(max_.approve(asked.adjustment_id))

    assert (asked.state, waiting["active"]) == (PENDING, 90)
    assert own[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "ADJUSTMENT_OF_OWN")
    assert (approved.state, approved.asked_by, approved.decided_by) == (APPLIED, "sue", "max")
    assert again[1:] == ("ADJUSTMENT_DECIDED", {"state": "applied"})
    assert (await sue.purse.balances())["active"] == 110


async def test_what_waits_takes_nothing_of_what_one_may_do_alone(benefits: BenefitsWorld) -> None:
    sue, _ = await desks(benefits)

    states = [(await sue.adjust(points)).state for points in (90, 1_000, -11, 10, 1)]

    assert states == [APPLIED, PENDING, PENDING, APPLIED, PENDING]


async def test_a_rejected_one_moves_nothing_and_is_over(benefits: BenefitsWorld) -> None:
    sue, max_ = await desks(benefits)
    refused, withdrawn = [(await sue.adjust(1_000)).adjustment_id for _ in range(2)]

    rejected = [await max_.reject(refused), await sue.reject(withdrawn)]
    late = await refusal(max_.approve(refused))

    assert [(each.state, each.decided_by) for each in rejected] == [(REJECTED, "max"), (REJECTED, "sue")]
    assert late[1:] == ("ADJUSTMENT_DECIDED", {"state": "rejected"})
    assert await sue.purse.balances() == {}


async def test_what_the_member_does_not_have_is_not_taken(benefits: BenefitsWorld) -> None:
    sue, max_ = await desks(benefits, 50)
    asked = await sue.adjust(-120)

    heard = [await refusal(sue.adjust(-51)), await refusal(max_.approve(asked.adjustment_id))]

    assert [facts["missing_points"] for _, _, facts in heard] == ["1", "70"]
    assert await sue.pending() == [asked.adjustment_id], "it may be approved when they have them"


async def test_those_that_wait_are_listed_in_pages_the_oldest_first(benefits: BenefitsWorld) -> None:
    sue, max_ = await desks(benefits)
    asked = [(await sue.adjust(1_000)).adjustment_id for _ in range(5)]
    await max_.approve(asked[1])

    assert await max_.pending(size=2) == [asked[0], *asked[2:]]


@pytest.mark.parametrize("round_", range(3))
async def test_who_approves_and_who_rejects_at_once_decide_once(benefits: BenefitsWorld, round_: int) -> None:
    sue, max_ = await desks(benefits)
    asked = (await sue.adjust(1_000)).adjustment_id

    async with asyncio.timeout(30):
        found = await asyncio.gather(
            max_.approve(asked), sue.reject(asked), max_.approve(asked), return_exceptions=True
        )

    decided = [each for each in found if isinstance(each, pb.Adjustment)]
    assert len(decided) == 1
    expected = {"issuer": -1_000, "active": 1_000} if decided[0].state == APPLIED else {}
    assert await sue.purse.balances() == expected


async def test_small_ones_at_once_do_not_pass_the_limit_together(benefits: BenefitsWorld) -> None:
    sue, _ = await desks(benefits)

    async with asyncio.timeout(60):
        found = await asyncio.gather(*(sue.adjust(30) for _ in range(6)))

    assert sorted(each.state for each in found) == [PENDING] * 3 + [APPLIED] * 3
    assert (await sue.purse.balances())["active"] == 90
    assert await ledger_faults(benefits, sue.purse.program.key) == []


async def test_gifts_of_many_at_once_share_transactions_and_stand_each_under_its_givers_name(
    benefits: BenefitsWorld,
) -> None:
    sue, _ = await desks(benefits)
    program_id, names = sue.purse.program.key, [f"desk-{number}" for number in range(12)]
    stubs = [points_stub(benefits, "staff", name, program_id, roles=["operations_manager"]) for name in names]
    members = [new_id("mem") for _ in names]
    await keep_homes(benefits.database, [(program_id, each, Home("online", "", "shop")) for each in members])

    async with asyncio.timeout(60):
        given = await asyncio.gather(
            *(
                Desk(sue.purse, stub).adjust(10 + place, member_id=members[place])
                for place, stub in enumerate(stubs)
            )
        )

    assert [(each.member_id, each.points, each.asked_by, each.state) for each in given] == [
        (member, 10 + place, name, APPLIED)
        for place, (member, name) in enumerate(zip(members, names, strict=True))
    ]
    records = benefits.database.audit.find({"program_id": program_id, "act": "AdjustPoints"})
    audited = {(each["actor"]["subject"], tuple(each["objects"])) async for each in records}
    assert audited == {(each.asked_by, tuple(sorted([each.adjustment_id, each.member_id]))) for each in given}
    moments = await benefits.database.transactions.distinct("recorded_time", {"program_id": program_id})
    assert len(moments) < len(names)
    issued = sum(each.points for each in given)
    held = {each.member_id: each.points for each in given}
    assert await sue.purse.balances() == {"issuer": -issued, **held}
    assert await ledger_faults(benefits, program_id) == []


async def test_among_gifts_at_once_a_repeated_one_is_given_once_and_another_under_its_id_is_refused(
    benefits: BenefitsWorld,
) -> None:
    sue, _ = await desks(benefits)
    first = await sue.adjust(30, request_id="req_gift")

    async with asyncio.timeout(60):
        (*repeated, new), other = await asyncio.gather(
            asyncio.gather(*(sue.adjust(30, request_id="req_gift") for _ in range(3)), sue.adjust(5)),
            refusal(sue.adjust(31, request_id="req_gift")),
        )

    assert [each.adjustment_id for each in repeated] == [first.adjustment_id] * 3
    assert new.state == APPLIED
    assert other[:2] == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert await sue.purse.balances() == {"issuer": -35, "active": 35}


async def test_a_member_or_an_adjustment_that_is_not_there_is_unknown(benefits: BenefitsWorld) -> None:
    sue, _ = await desks(benefits)

    heard = [await refusal(sue.adjust(10, member_id="mem_x")), await refusal(sue.approve("adj_x"))]

    assert [reason for _, reason, _ in heard] == ["MEMBER_UNKNOWN", "ADJUSTMENT_UNKNOWN"]
