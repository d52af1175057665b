"""BatchPreviewPoints: what an event would earn is what it earns, and each rule says why it would not."""

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2, earning_pb2, earning_pb2_grpc
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from libs.common.rpc.time import moment, timestamp
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.domain.earning_cases import MULTIPLIERS, RULES, for_event
from tests.benefits.points import told
from tests.benefits.stories import Story
from tests.benefits.test_earn_points import (
    BY_AMOUNT,
    CHECK_IN,
    DAILY,
    EVE,
    MIDNIGHT,
    OFFLINE,
    SHARE,
    a_program,
)
from tests.support.builders import DAY, NOON

if TYPE_CHECKING:
    from laurel.benefits.v1.earning_pb2_grpc import EarningServiceAsyncStub

SERVICE = earning_pb2.DESCRIPTOR.services_by_name["EarningService"]
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
PURCHASE = events_pb2.EVENT_KIND_PURCHASE


def earning(
    benefits: BenefitsWorld, kind: Any = "service", subject: str = "gateway", program_id: str | None = None
) -> "EarningServiceAsyncStub":
    stub: EarningServiceAsyncStub = benefits.stub(
        SERVICE, earning_pb2_grpc.EarningServiceStub, kind, subject, program_id
    )
    return stub


async def previewed(
    stub: "EarningServiceAsyncStub", program_id: str, *events: earning_pb2.PossibleEvent
) -> list[earning_pb2.PointsPreviewResult]:
    request = earning_pb2.BatchPreviewPointsRequest(program_id=program_id, events=events)
    return list((await stub.BatchPreviewPoints(request)).results)


async def awarded(benefits: BenefitsWorld, story: Story) -> list[benefits_pb2.EarningExplanation]:
    """How the points of the latest entry were counted."""
    request = benefits_pb2.BatchListEntriesRequest(program_id=story.program_id, member_ids=[story.member_id])
    (listed,) = (await benefits.service.BatchListEntries(request)).results
    return list(listed.entries[0].earnings)


async def test_what_a_preview_says_is_what_the_event_earns(benefits: BenefitsWorld) -> None:
    program_id = await a_program(benefits, *RULES, multipliers=list(MULTIPLIERS), stacking="product")
    story = Story(program_id)
    stub = earning(benefits)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration())

    for amount_minor in (9_000, 2_500, 700, 30_000, 2_500):
        at = NOON + len(story.events) * DAY / 3
        possible = earning_pb2.PossibleEvent(
            member_id=story.member_id,
            kind=PURCHASE,
            amount_minor=amount_minor,
            occurred_time=timestamp(at),
            source="shop",
            attributes=OFFLINE,
        )
        (result,) = await previewed(stub, program_id, possible)
        story.buys(amount_minor, at=at)
        story.events[-1].attributes.update(OFFLINE)
        await told(benefits, story)

        said = [each for each in result.preview.rules if each.reason.code != "EARNING_OTHER_KIND"]
        assert said == await awarded(benefits, story)
        assert result.preview.points == sum(each.points for each in said) > 0


async def test_a_cap_that_is_reached_is_told_of_before_anybody_tries(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits, DAILY, BY_AMOUNT)).does(CHECK_IN, EVE)
    await benefits.apply(story.partition, story.registration())
    await told(benefits, story)
    again, tomorrow = (
        earning_pb2.PossibleEvent(member_id=story.member_id, kind=CHECK_IN, occurred_time=timestamp(at))
        for at in (EVE, MIDNIGHT)
    )

    results = await previewed(earning(benefits), story.program_id, again, tomorrow)

    told_of = [[(each.points, each.reason.code) for each in result.preview.rules] for result in results]
    assert told_of == [
        [(0, "EARNING_CAP_TIMES"), (0, "EARNING_OTHER_KIND")],
        [(5, ""), (0, "EARNING_OTHER_KIND")],
    ]
    assert dict(results[0].preview.rules[0].reason.params) == {"cap": "check_in", "limit": "1"}
    assert [result.preview.business_date for result in results] == ["1998-03-02", "1998-03-03"]
    assert await benefits.database.transactions.count_documents({"program_id": story.program_id}) == 1


async def test_a_preview_says_when_points_would_be_active_and_when_they_would_end(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits, BY_AMOUNT, activate_after_days=7, expire_after_months=12)
    story = Story(program_id)
    await benefits.apply(story.partition, story.registration())

    possible = earning_pb2.PossibleEvent(member_id=story.member_id, kind=PURCHASE, amount_minor=100)
    (result,) = await previewed(earning(benefits), program_id, possible)

    preview = result.preview
    assert (preview.points, preview.tier) == (1, "normal")
    assert moment(preview.active_time) == NOON + 7 * DAY, "by the program's clock, as no time is said"
    assert moment(preview.expire_time) == NOON.replace(year=1999)


async def test_a_partner_asks_about_events_of_its_own(benefits: BenefitsWorld) -> None:
    rule = for_event("share", 7, condition="source == 'shop'")
    story = Story(await a_program(benefits, rule))
    await benefits.apply(story.partition, story.registration())
    own = earning_pb2.PossibleEvent(member_id=story.member_id, kind=SHARE)
    other = earning_pb2.PossibleEvent(member_id=story.member_id, kind=SHARE, source="app")

    results = await previewed(
        earning(benefits, "partner", "shop", story.program_id), story.program_id, own, other
    )

    assert [result.preview.points for result in results] == [7, 0]


async def test_whom_the_caller_does_not_see_is_missing_like_who_is_not_there(benefits: BenefitsWorld) -> None:
    story = Story(await a_program(benefits, BY_AMOUNT))
    await benefits.apply(story.partition, story.registration())
    events = [
        earning_pb2.PossibleEvent(member_id=each, kind=PURCHASE, amount_minor=100)
        for each in (story.member_id, "mem_" + "0" * 32)
    ]

    themselves = await previewed(
        earning(benefits, "member", story.member_id, story.program_id), story.program_id, *events
    )
    another = await previewed(
        earning(benefits, "partner", "another", story.program_id), story.program_id, *events
    )

    assert [result.status for result in themselves] == [FOUND, MISSING]
    assert [result.status for result in another] == [MISSING, MISSING]


async def test_a_member_of_another_program_is_missing_for_all_staff_like_who_is_not_there(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits, BY_AMOUNT)
    stranger = await benefits.a_member(30_000, program_id=await a_program(benefits, BY_AMOUNT))
    events = [
        earning_pb2.PossibleEvent(member_id=each, kind=PURCHASE, amount_minor=100)
        for each in (stranger.member_id, "mem_" + "0" * 32)
    ]

    results = await previewed(earning(benefits, "staff", "ann", program_id), program_id, *events)

    assert [result.status for result in results] == [MISSING, MISSING]
    assert not any(result.HasField("preview") for result in results)


@pytest.mark.parametrize(
    "event",
    [
        {"kind": events_pb2.EVENT_KIND_REFUND, "amount_minor": 100},
        {"kind": CHECK_IN, "amount_minor": 100},
        {"kind": PURCHASE, "amount_minor": -1},
        {"kind": PURCHASE, "amount_minor": 10**12 + 1},
        {"kind": PURCHASE, "attributes": {"Channel": "x"}},
    ],
    ids=["a refund", "a check-in for money", "less than nothing", "too much", "a strange name"],
)
async def test_what_could_not_be_recorded_is_not_previewed(
    benefits: BenefitsWorld, event: dict[str, Any]
) -> None:
    possible = earning_pb2.PossibleEvent(member_id="mem_" + "0" * 32, **event)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await previewed(earning(benefits), "music_store", possible)

    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
