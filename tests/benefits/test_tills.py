"""Tills: a check's points are quoted, reserved, captured, cancelled, reversed, however often it is asked."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from laurel.benefits.v1 import benefits_pb2, tills_pb2_grpc
from laurel.benefits.v1 import tills_pb2 as pb
from libs.common.clock import now
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.rpc.errors import reason_of
from libs.common.visibility import Home
from services.benefits.handlers.hold_reads import HoldEnding
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.jobs import HOLDS, HoldEnds
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import told
from tests.benefits.refusals import refusal
from tests.benefits.spending import Purse, a_purse
from tests.support.builders import DAY, NOON

if TYPE_CHECKING:
    from laurel.benefits.v1.tills_pb2_grpc import TillsServiceAsyncStub

ROOT = Path(__file__).parents[2]
SERVICE = pb.DESCRIPTOR.services_by_name["TillsService"]
OPEN, CAPTURED, RELEASED, EXPIRED = (
    pb.HOLD_STATE_OPEN,
    pb.HOLD_STATE_CAPTURED,
    pb.HOLD_STATE_RELEASED,
    pb.HOLD_STATE_EXPIRED,
)


@dataclass
class Till:
    """A till of the partner that registered the member of a purse; each call has a request id of its own."""

    purse: Purse
    stub: "TillsServiceAsyncStub"

    @property
    def program_id(self) -> str:
        return self.purse.program.key

    def _asked(self, **fields: Any) -> dict[str, Any]:
        return {"program_id": self.program_id, "request_id": new_id("req"), **fields}

    async def reserve(self, check: str, points: int, line: int = 0, **fields: Any) -> pb.PointsHold:
        asked = self._asked(member_id=self.purse.story.member_id, check_ref=check, line=line, points=points)
        return (await self.stub.Reserve(pb.ReserveRequest(**{**asked, **fields}))).hold

    async def capture(self, check: str, points: int = 0, line: int = 0) -> pb.PointsHold:
        asked = self._asked(check_ref=check, line=line, points=points)
        return (await self.stub.Capture(pb.CaptureRequest(**asked))).hold

    async def cancel(self, check: str, line: int = 0) -> pb.PointsHold:
        return (await self.stub.Cancel(pb.CancelRequest(**self._asked(check_ref=check, line=line)))).hold

    async def reverse(
        self, check: str, back: str, lines: dict[int, int] | None = None
    ) -> list[pb.PointsHold]:
        reversed_lines = [pb.ReversedLine(line=line, points=each) for line, each in (lines or {}).items()]
        asked = self._asked(check_ref=check, return_ref=back, lines=reversed_lines)
        return list((await self.stub.Reverse(pb.ReverseRequest(**asked))).holds)

    async def quote(self, *amounts: int) -> pb.QuoteResponse:
        lines = [pb.CheckLine(ref=f"l{place}", amount_minor=each) for place, each in enumerate(amounts)]
        member_id = self.purse.story.member_id
        return await self.stub.Quote(
            pb.QuoteRequest(program_id=self.program_id, member_id=member_id, lines=lines)
        )


def a_stub(benefits: BenefitsWorld, partner: str, program_id: str) -> "TillsServiceAsyncStub":
    stub: TillsServiceAsyncStub = benefits.stub(
        SERVICE, tills_pb2_grpc.TillsServiceStub, "partner", partner, program_id
    )
    return stub


async def a_till(benefits: BenefitsWorld, *points: int, **settings: Any) -> Till:
    """A till in a program of its own, with a member of its partner who earned these points."""
    purse = await a_purse(benefits, *points, **settings)
    home = Home("online", "", "shop")
    await keep_homes(benefits.database, [(purse.program.key, purse.story.member_id, home)])
    return Till(purse, a_stub(benefits, "shop", purse.program.key))


async def test_a_check_is_reserved_and_captured(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 50, 30, redemption={"value_minor": 5, "points": 2})

    held = await till.reserve("c1", 60)
    captured = await till.capture("c1")

    assert (held.state, held.points, held.money_minor, held.kept_minor) == (OPEN, 60, 150, 150)
    assert (held.source, held.external_ref, held.line) == ("shop", "c1", 0)
    lasts = held.expires_time.ToDatetime(UTC) - held.since_time.ToDatetime(UTC)
    assert timedelta(minutes=29) < lasts <= timedelta(minutes=30)
    assert (captured.state, captured.captured_points, captured.hold_id) == (CAPTURED, 60, held.hold_id)
    assert await till.purse.balances() == {"issuer": -80, "active": 20, "held": 0, "spent": 60}
    assert await ledger_faults(benefits, till.program_id) == []


async def test_the_example_of_the_page_does_what_it_says(benefits: BenefitsWorld) -> None:
    till, loop = await a_till(benefits, 5_000), asyncio.get_running_loop()

    class Tills:
        """Waits for answers, as the example does."""

        def __getattr__(self, name: str) -> Any:
            async def ask(request: Any) -> Any:
                return await getattr(till.stub, name)(request)

            return lambda request, timeout: asyncio.run_coroutine_threadsafe(ask(request), loop).result(
                timeout
            )

    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/tills.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {
        "tills_pb2": pb,
        "tills": Tills(),
        "PROGRAM": till.program_id,
        "SECONDS": 5,
        "member_id": till.purse.story.member_id,
        "new_request_id": lambda: new_id("req"),
    }

    await asyncio.to_thread(exec, example, names)

    assert (names["held"].points, names["to_pay_minor"]) == (4_200, 0)
    assert await till.purse.balances() == {"issuer": -5_000, "active": 801, "held": 0, "spent": 4_199}


async def test_less_is_captured_and_the_rest_goes_back(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 80)
    await till.reserve("c1", 60)

    captured = await till.capture("c1", 45)

    assert (captured.captured_points, captured.kept_minor) == (45, 45)
    assert (await till.purse.balances())["active"] == 35


async def test_a_till_that_repeats_with_new_ids_gets_the_same_hold(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 80)

    held = [await till.reserve("c1", 60) for _ in range(3)]
    captured = [await till.capture("c1", 45) for _ in range(3)]
    late = await till.reserve("c1", 60)
    reversed_ = [await till.reverse("c1", "r1", {0: 20}) for _ in range(3)]

    assert held == [held[0]] * 3
    assert captured == [captured[0]] * 3
    assert late == captured[0], "and what has become of it since"
    assert reversed_ == [reversed_[0]] * 3
    assert await till.purse.balances() == {"issuer": -80, "active": 55, "held": 0, "spent": 25}
    assert await ledger_faults(benefits, till.program_id) == []


async def test_a_cancelled_check_gives_all_back_and_stays_cancelled(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 80)
    await till.reserve("c1", 60)

    cancelled = [await till.cancel("c1") for _ in range(2)]
    again = await till.reserve("c1", 60)
    code, reason, facts = await refusal(till.capture("c1"))

    assert [each.state for each in (*cancelled, again)] == [RELEASED] * 3
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HOLD_STATE_WRONG")
    assert facts == {"state": "released"}
    assert (await till.purse.balances())["active"] == 80


async def test_other_contents_under_the_same_line_are_a_conflict(benefits: BenefitsWorld) -> None:
    till, other = await a_till(benefits, 80), new_id("mem")
    await keep_homes(benefits.database, [(till.program_id, other, Home("online", "", "shop"))])
    await till.reserve("c1", 60)

    heard = [await refusal(till.reserve("c1", 59)), await refusal(till.reserve("c1", 60, member_id=other))]

    said = {"member_id": till.purse.story.member_id, "points": "60"}
    assert heard == [(grpc.StatusCode.ALREADY_EXISTS, "BUSINESS_KEY_CONFLICT", said)] * 2


async def test_captures_and_returns_of_other_points_are_conflicts(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 80)
    for check in ("c1", "c2"):
        await till.reserve(check, 30)
        await till.capture(check, 20)
    await till.reverse("c1", "r1", {0: 5})

    heard = [
        await refusal(each)
        for each in (
            till.capture("c1"),
            till.reverse("c1", "r1", {0: 6}),
            till.reverse("c1", "r1"),
            till.reverse("c2", "r1", {0: 5}),
        )
    ]

    assert {reason for _, reason, _ in heard} == {"BUSINESS_KEY_CONFLICT"}
    assert (await till.purse.balances())["spent"] == 35


async def test_a_check_is_reversed_whole_or_by_line(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)
    for line in (1, 2, 3):
        await till.reserve("c1", 20, line)
        await till.capture("c1", line=line)

    one = await till.reverse("c1", "r1", {2: 0})
    whole = await till.reverse("c1", "r2")
    again = await till.reverse("c1", "r2")

    assert [(each.line, each.returned_points) for each in one] == [(2, 20)]
    assert [(each.line, each.returned_points) for each in whole] == [(1, 20), (2, 20), (3, 20)]
    assert again == whole
    assert await till.purse.balances() == {"issuer": -100, "active": 100, "held": 0, "spent": 0}
    assert await ledger_faults(benefits, till.program_id) == []


async def test_a_return_gives_back_all_its_lines_or_none(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)
    for line in (1, 2):
        await till.reserve("c1", 20, line)
    await till.capture("c1", line=1)

    open_line = await refusal(till.reverse("c1", "r1", {1: 5, 2: 5}))
    missing = await refusal(till.reverse("c1", "r1", {1: 5, 7: 5}))
    too_much = await refusal(till.reverse("c1", "r1", {1: 21}))

    assert [open_line[1:], too_much[1:]] == [
        ("HOLD_STATE_WRONG", {"state": "open"}),
        ("HOLD_EXCEEDED", {"left_points": "20"}),
    ]
    assert missing[1] == "HOLD_UNKNOWN"
    assert (await till.purse.balances())["spent"] == 20


async def test_what_nobody_reserved_is_not_there(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)

    heard = [await refusal(each) for each in (till.capture("c"), till.cancel("c"), till.reverse("c", "r"))]

    assert {(code, reason) for code, reason, _ in heard} == {(grpc.StatusCode.NOT_FOUND, "HOLD_UNKNOWN")}


async def test_the_same_line_twice_in_a_return_is_refused(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)
    lines = [pb.ReversedLine(line=1, points=5)] * 2
    request = pb.ReverseRequest(
        program_id=till.program_id, request_id="r", check_ref="c", return_ref="r", lines=lines
    )

    code, reason, _ = await refusal(till.stub.Reverse(request))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_partner_sees_its_own_members_and_checks_alone(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)
    await till.reserve("c1", 20)
    other = Till(till.purse, a_stub(benefits, "rival", till.program_id))

    reserving = await refusal(other.reserve("c1", 20))
    quoting = await refusal(other.quote(1_000))
    capturing = await refusal(other.capture("c1"))

    assert [each[1] for each in (reserving, quoting, capturing)] == [
        "MEMBER_UNKNOWN",
        "MEMBER_UNKNOWN",
        "HOLD_UNKNOWN",
    ]


async def test_a_quote_says_what_the_basket_then_earns(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 10)

    quote = await till.quote(2_550, 99, 1_000)
    story = till.purse.story.buys(2_550, 99, 1_000, at=NOON)
    await told(benefits, story, 2)

    request = benefits_pb2.BatchListEntriesRequest(
        program_id=till.program_id, member_ids=[story.member_id], first=2
    )
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    assert [(each.ref, each.points) for each in quote.lines] == [("l0", 25), ("l1", 0), ("l2", 10)]
    assert (quote.earned_points, quote.tier) == (35, "normal")
    assert [each.points for each in reversed(listed.entries)] == [25, 10]
    assert [list(each.earnings) for each in reversed(listed.entries)] == [
        list(quote.lines[place].earnings) for place in (0, 2)
    ]


async def test_a_quote_offers_what_the_basket_can_take(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 1_000, redemption={"value_minor": 10, "points": 3})

    quote = await till.quote(500, 5)

    assert (quote.available_points, quote.redeemable_points, quote.redeemable_minor) == (1_000, 151, 503)


async def test_a_quote_says_why_not_all_of_it(benefits: BenefitsWorld) -> None:
    policy = {"value_minor": 10, "daily_cap_minor": 5_000, "min_points": 10, "per_day_max": 1}
    till = await a_till(benefits, 100, redemption=policy)

    quote = await till.quote(20_000)
    await till.reserve("c1", quote.redeemable_points)
    over = await till.quote(50)

    assert (quote.redeemable_points, quote.redeemable_minor) == (100, 1_000)
    assert {each.reason: dict(each.facts) for each in quote.reasons} == {
        "REDEMPTION_CAP_REACHED": {"cap_minor": "5000", "left_minor": "5000", "money_minor": "20000"},
        "POINTS_INSUFFICIENT": {"available_points": "100", "missing_points": "1900"},
    }
    assert over.redeemable_points == 0
    assert [each.reason for each in over.reasons] == [
        "REDEMPTION_TOO_SMALL",
        "REDEMPTIONS_TOO_FREQUENT",
        "POINTS_INSUFFICIENT",
    ]


async def test_what_is_offered_may_be_reserved(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100, redemption={"value_minor": 10, "daily_cap_minor": 700})

    offered = (await till.quote(20_000)).redeemable_points
    held = await till.reserve("c1", offered)
    more = await refusal(till.reserve("c2", 1))

    assert (offered, held.money_minor) == (70, 700)
    assert more[1] == "REDEMPTION_CAP_REACHED"


async def test_a_hold_ends_by_itself_and_is_never_captured_then(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 100)
    held = await till.reserve("c1", 60)
    over = {"$set": {"expires_time": now() - timedelta(seconds=1)}}
    await benefits.database.holds.update_one({"_id": held.hold_id}, over)

    refused = await refusal(till.capture("c1"))
    await ends(benefits).run_once()
    expired = [await till.cancel("c1"), await till.reserve("c1", 60)]

    assert refused[1:] == ("HOLD_STATE_WRONG", {"state": "expired"})
    assert [each.state for each in expired] == [EXPIRED] * 2
    assert await till.purse.balances() == {"issuer": -100, "active": 100, "held": 0}
    assert await ledger_faults(benefits, till.program_id) == []


class Held:
    """Leases that this replica holds."""

    def held(self) -> set[str]:
        return {HOLDS}


def ends(benefits: BenefitsWorld) -> HoldEnds:
    """The job that ends holds, in the replica whose turn it is."""
    store, spending = BenefitsStore(benefits.database), Spending(now=now, new_id=new_id)
    ending = HoldEnding(store, ProgramHandlers(store, now), benefits.program_times(), spending, now)
    leases: Leases = Held()  # type: ignore[assignment]
    return HoldEnds(ending, leases)


async def holding(till: Till, checks: list[str]) -> dict[str, pb.PointsHold]:
    """What one sender holds for checks, all at once; it asks again while others are in its way."""

    async def hold(check: str) -> pb.PointsHold | None:
        while True:
            try:
                return await till.reserve(check, 10)
            except grpc.aio.AioRpcError as error:
                if reason_of(error) == "POINTS_INSUFFICIENT":
                    return None
                if error.code() is not grpc.StatusCode.ABORTED:
                    raise

    found = await asyncio.gather(*map(hold, checks))
    return {check: each for check, each in zip(checks, found, strict=True) if each is not None}


async def test_sixty_keys_by_two_senders_each_hold_once(benefits: BenefitsWorld) -> None:
    till = await a_till(benefits, 500)
    checks = [f"c{place}" for place in range(60)]

    async with asyncio.timeout(120):
        one, other = await asyncio.gather(*(holding(till, checks) for _ in range(2)))

    assert len(one) == 50
    assert other == one
    assert (await till.purse.balances())["held"] == 500
    assert await ledger_faults(benefits, till.program_id) == []


async def test_older_points_pay_for_less_where_they_depreciate(benefits: BenefitsWorld) -> None:
    halved = {"depreciation": [{"after_months": 1, "worth_bp": 5_000}]}
    till = await a_till(benefits, redemption=halved)
    await told(benefits, till.purse.story.buys(8_000, at=NOON - 40 * DAY))

    quoted = await till.quote(60)
    held = await till.reserve("c1", quoted.redeemable_points)
    captured = await till.capture("c1", 40)

    assert (quoted.redeemable_points, quoted.redeemable_minor) == (80, 40)
    assert [(each.reason, dict(each.facts)) for each in quoted.reasons] == [
        ("POINTS_INSUFFICIENT", {"available_points": "80", "missing_points": "20"})
    ]
    assert (held.money_minor, captured.kept_minor) == (40, 20)
