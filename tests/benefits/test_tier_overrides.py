"""Overrides: staff give a tier by hand, two of them unless it is lower; rules have it back afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from laurel.benefits.v1 import decisions_pb2, decisions_pb2_grpc
from laurel.benefits.v1 import tiers_pb2 as pb
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.time import moment
from tests.benefits.changing import a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.reviewing import a_yearly_program, reviewed
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, told
from tests.benefits.tier_desk import (
    APPEAL,
    APPLIED,
    ENDED,
    INVITED,
    MISUSE,
    PENDING,
    REJECTED,
    TierDesk,
    decided,
    history,
    membership,
    tier_desks,
)
from tests.support.builders import DAY, NOON

DECISIONS = decisions_pb2.DESCRIPTOR.services_by_name["DecisionsService"]
SILVER, GOLD = 10_000, 25_000
FAR = datetime(2400, 1, 1, tzinfo=UTC)


async def a_silver_member(benefits: BenefitsWorld) -> tuple[TierDesk, TierDesk]:
    """Of a program whose clock stands at noon, with the two of its staff."""
    program = await a_sandbox(benefits)
    return await tier_desks(benefits, await benefits.a_member(SILVER, program_id=program.key))


async def given(benefits: BenefitsWorld, tier: str = "gold", until: datetime | None = None) -> TierDesk:
    """A silver member to whom this tier was given by hand."""
    mia, otto = await a_silver_member(benefits)
    await otto.approve(await mia.give(tier, until))
    return mia


class TestGiving:
    async def test_a_higher_tier_waits_for_a_second_person(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)

        waiting = await mia.give("gold")
        before = await membership(benefits, mia.story)
        approved = await otto.approve(waiting)

        after = await membership(benefits, mia.story)
        assert (waiting.state, approved.state, approved.decided_by) == (PENDING, APPLIED, "otto")
        assert (before.tier, after.tier, after.earned_tier) == ("silver", "gold", "gold")
        assert (after.override.code, after.override.earned_tier) == ("GOODWILL", "silver")
        assert approved.applied_decision_id == after.decision.decision_id
        assert (await history(benefits, mia.story))[-1] == ("OVERRIDE", "OVERRIDDEN", "gold")

    async def test_the_tier_that_is_held_is_kept_for_longer_by_two(self, benefits: BenefitsWorld) -> None:
        mia, _ = await a_silver_member(benefits)

        assert (await mia.give("silver", FAR)).state == PENDING

    async def test_a_lower_tier_is_given_at_once(self, benefits: BenefitsWorld) -> None:
        mia, _ = await a_silver_member(benefits)

        lowered = await mia.give("normal", reason=MISUSE)

        assert (lowered.state, lowered.decided_by) == (APPLIED, "")
        assert (await membership(benefits, mia.story)).tier == "normal"

    async def test_who_asked_does_not_approve(self, benefits: BenefitsWorld) -> None:
        mia, _ = await a_silver_member(benefits)

        refused = await refusal(mia.approve(await mia.give("gold")))

        assert refused[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "TIER_OVERRIDE_OF_OWN")
        assert (await membership(benefits, mia.story)).tier == "silver"

    async def test_a_request_that_comes_again_is_answered_as_before(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)

        asked = [await mia.give("gold", request_id="req_once") for _ in range(2)]
        approved = [await otto.approve(asked[0], request_id="req_yes") for _ in range(2)]
        ended = [await mia.end(asked[0], request_id="req_end") for _ in range(2)]

        assert asked[0] == asked[1]
        assert approved[0] == approved[1]
        assert ended[0] == ended[1]
        assert len(await mia.listed()) == 1
        assert [each[0] for each in await history(benefits, mia.story)][1:] == ["OVERRIDE", "OVERRIDE"]

    async def test_two_who_approve_at_once_apply_it_once(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)
        waiting = await mia.give("gold")

        answers = await asyncio.gather(*(otto.approve(waiting) for _ in range(2)), return_exceptions=True)

        assert sorted(isinstance(each, grpc.aio.AioRpcError) for each in answers) == [False, True]
        assert [each[0] for each in await history(benefits, mia.story)].count("OVERRIDE") == 1

    async def test_of_two_that_are_given_at_once_one_is_in_force_and_one_is_ended(
        self, benefits: BenefitsWorld
    ) -> None:
        mia, otto = await a_silver_member(benefits)
        waiting = [await mia.give(tier) for tier in ("gold", "silver")]

        await asyncio.gather(*(otto.approve(each) for each in waiting))

        listed = await mia.listed(member_id=mia.story.member_id)
        (in_force,) = [each for each in listed if each.state == APPLIED]
        assert [each.state for each in listed if each != in_force] == [ENDED]
        assert (await membership(benefits, mia.story)).tier == in_force.tier
        orders = [each for each in await decided(benefits, mia.story) if each.terms.HasField("given")]
        assert [each.from_tier for each in orders] == ["silver", orders[0].to_tier]

    async def test_a_purchase_at_the_same_time_counts_once_beneath_it(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)
        waiting = await mia.give("normal", reason=MISUSE, until_time=None)
        story = mia.story.buys(GOLD)

        _, ended = await asyncio.gather(benefits.apply(story.partition, story.told(2)), otto.end(waiting))

        after = await membership(benefits, story)
        assert (ended.state, after.tier, after.HasField("override")) == (ENDED, "gold", False)


class TestRefusals:
    async def test_what_makes_no_sense_is_said(self, benefits: BenefitsWorld) -> None:
        mia, _ = await a_silver_member(benefits)
        other = await benefits.a_member(SILVER, program_id=mia.story.program_id)
        foreign = (await membership(benefits, other)).decision.decision_id

        refused = [
            (await refusal(call))[1]
            for call in (
                mia.give("opal"),
                mia.give("gold", tier_set="second"),
                mia.give("gold", NOON),
                mia.give("gold", reason=APPEAL, decision_id=foreign),
                mia.give("gold", reason=APPEAL),
                mia.give("gold", member_id="mem_none"),
                mia.approve(pb.TierOverride(override_id="ovr_none")),
            )
        ]

        assert refused == [
            "TIER_UNKNOWN",
            "TIER_UNKNOWN",
            "INVALID_REQUEST",
            "INVALID_REQUEST",
            "INVALID_REQUEST",
            "MEMBER_UNKNOWN",
            "TIER_OVERRIDE_UNKNOWN",
        ]

    async def test_what_is_over_is_neither_approved_nor_ended(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)
        rejected = await otto.end(await mia.give("gold"))

        refused = [await refusal(call) for call in (otto.approve(rejected), mia.end(rejected))]

        assert rejected.state == REJECTED
        assert {each[1] for each in refused} == {"TIER_OVERRIDE_ENDED"}
        assert (await membership(benefits, mia.story)).tier == "silver"


class TestTheEnd:
    async def test_it_ends_in_the_calendar_and_rules_decide_anew(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits, until=NOON + 30 * DAY)

        happened = await reviewed(benefits, mia.story.program_id, NOON + 30 * DAY)

        after = await membership(benefits, mia.story)
        assert (happened, after.tier, after.HasField("override")) == (1, "silver", False)
        assert moment(after.since_time) == NOON + 30 * DAY
        assert (await history(benefits, mia.story))[-1] == ("REVIEW", "DOWNGRADED", "silver")

    async def test_or_with_the_first_later_event_with_the_same_outcome(self, benefits: BenefitsWorld) -> None:
        by_calendar, by_event = [await given(benefits, until=NOON + 30 * DAY) for _ in range(2)]

        await reviewed(benefits, by_calendar.story.program_id, NOON + 30 * DAY)
        for desk in (by_calendar, by_event):
            story = desk.story.buys(100, at=NOON + 40 * DAY)
            await benefits.apply(story.partition, story.told(2))

        assert await history(benefits, by_calendar.story) == await history(benefits, by_event.story)
        assert (await history(benefits, by_event.story))[-2:] == [
            ("REVIEW", "DOWNGRADED", "silver"),
            ("UNSPECIFIED", "KEPT", "silver"),
        ]

    async def test_events_during_it_go_on_counting(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits, "silver", NOON + 30 * DAY)
        story = mia.story.buys(GOLD, at=NOON + DAY)
        await benefits.apply(story.partition, story.told(2))
        during = await membership(benefits, story)

        await reviewed(benefits, story.program_id, NOON + 30 * DAY)

        after = await membership(benefits, story)
        assert (during.tier, during.override.earned_tier) == ("silver", "gold")
        assert (after.tier, after.applied_seq) == ("gold", 2)

    async def test_it_may_be_ended_before(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits)
        (override,) = await mia.listed()

        ended = await mia.end(override)

        assert (ended.state, ended.ended_by) == (ENDED, "mia")
        assert (await membership(benefits, mia.story)).tier == "silver"
        assert (await history(benefits, mia.story))[-1] == ("OVERRIDE", "DOWNGRADED", "silver")

    async def test_a_review_beneath_it_takes_nothing_of_it(self, benefits: BenefitsWorld) -> None:
        program_id = await a_yearly_program(benefits)
        year = datetime.now(UTC).year
        story = await benefits.a_member(program_id=program_id)
        story.buys(SILVER, at=datetime(year, 1, 2, tzinfo=UTC))
        await benefits.apply(story.partition, story.told())
        mia, otto = await tier_desks(benefits, story)
        await otto.approve(await mia.give("gold", datetime(year + 5, 6, 1, tzinfo=UTC)))

        await reviewed(benefits, program_id, datetime(year + 3, 1, 1, tzinfo=UTC))
        during = await membership(benefits, story)
        await reviewed(benefits, program_id, datetime(year + 5, 6, 1, tzinfo=UTC))

        assert (during.tier, during.override.earned_tier) == ("gold", "normal")
        assert (await membership(benefits, story)).tier == "normal"


class TestWhatKnowsOfIt:
    async def test_every_decision_with_it_is_replayed_to_the_same_bits(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits, until=NOON + 30 * DAY)
        story = mia.story.buys(GOLD, at=NOON + DAY)
        await benefits.apply(story.partition, story.told(2))
        await reviewed(benefits, story.program_id, NOON + 30 * DAY)
        ids = await benefits.database.decisions.distinct("_id", {"member_id": story.member_id})
        made = decisions_pb2_grpc.DecisionsServiceStub
        stub = benefits.stub(DECISIONS, made, "staff", "otto", story.program_id)

        answer = await stub.BatchReplayDecisions(
            decisions_pb2.BatchReplayDecisionsRequest(program_id=story.program_id, decision_ids=ids)
        )

        assert [each.replay.same for each in answer.results] == [True] * 5

    async def test_a_new_version_decides_beneath_it(self, benefits: BenefitsWorld) -> None:
        desk = await a_desk(benefits)
        story = await benefits.a_member(GOLD, program_id=desk.key)
        mia, _ = await tier_desks(benefits, story)
        await mia.give("silver", FAR, reason=MISUSE)

        await desk.changed_to(desk.with_gold_at(GOLD + 1))
        await recalculated(benefits, desk.key)

        after = await membership(benefits, story)
        assert (after.tier, after.override.earned_tier) == ("silver", "silver")
        assert (await history(benefits, story))[-1] == ("NEW_VERSION", "OVERRIDDEN", "silver")

    async def test_paths_say_that_nothing_helps_meanwhile(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits, "silver", FAR)
        made = decisions_pb2_grpc.DecisionsServiceStub
        stub = benefits.stub(DECISIONS, made, "staff", "otto", mia.story.program_id)

        answer = await stub.FindPaths(
            decisions_pb2.FindPathsRequest(
                program_id=mia.story.program_id, member_id=mia.story.member_id, tier_set="main"
            )
        )

        assert [one.code for each in answer.found.obstacles for one in each.obstacles] == ["OVERRIDDEN"]
        assert not answer.found.paths

    async def test_the_member_is_told_why_when_it_begins_and_when_it_ends(
        self, benefits: BenefitsWorld
    ) -> None:
        mia = await given(benefits, until=NOON + 30 * DAY)
        benefits.members.times[mia.story.program_id] = NOON + 30 * DAY

        await reviewed(benefits, mia.story.program_id, NOON + 30 * DAY)

        notices = [
            (each["params"]["tier"], each["params"]["reason_0_code"])
            for each in await told(benefits, mia.story.member_id)
            if each["code"] == "TIER_CHANGED"
        ]
        assert notices[-2:] == [("gold", "TIER_OVERRIDDEN_UNTIL"), ("silver", "OVERRIDE_OVER")]

    async def test_the_receipt_has_the_code_and_the_order_and_neither_names_nor_words(
        self, benefits: BenefitsWorld
    ) -> None:
        mia = await given(benefits)

        receipt = (await decided(benefits, mia.story))[-1]

        (override,) = await mia.listed()
        assert receipt.cause.run_id == f"override:{override.override_id}"
        assert receipt.terms.given.code == "GOODWILL"
        text = str(receipt)
        assert "mia" not in text
        assert "otto" not in text
        assert "4711" not in text

    async def test_each_act_leaves_a_record_with_its_reason(self, benefits: BenefitsWorld) -> None:
        mia = await given(benefits)
        (override,) = await mia.listed()

        await mia.end(override)

        found = benefits.database.audit.find({"objects": override.override_id}).sort("recorded_time", 1)
        records = [(each["act"], each["actor"]["subject"], each["reason"]) async for each in found]
        assert records == [
            ("OverrideTier", "mia", "case 4711"),
            ("ApproveTierOverride", "otto", "case 4711"),
            ("EndTierOverride", "mia", "case closed"),
        ]

    async def test_a_refused_one_leaves_nothing(self, benefits: BenefitsWorld) -> None:
        mia, _ = await a_silver_member(benefits)

        await refusal(mia.give("gold", NOON - timedelta(days=1)))

        assert await mia.listed() == []
        assert await benefits.database.audit.count_documents({"program_id": mia.story.program_id}) <= 1


class TestTiersThatStaffAloneGive:
    async def test_no_purchase_reaches_them_and_an_invitation_does(self, benefits: BenefitsWorld) -> None:
        document = preset("music_store").document() | {"key": f"store_{new_id('x')[-12:]}"}
        club = {"key": "club", "name": {"zh": "会", "en": "Club"}, "staff_assigned": True}
        document["tier_sets"][0]["tiers"].append(club)
        await benefits.publish(Program.parse(document))
        story = Story(document["key"]).buys(10**9)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.registration(), story.told())
        earned = (await membership(benefits, story)).tier
        mia, otto = await tier_desks(benefits, story)

        await otto.approve(await mia.give("club", reason=INVITED))

        after = await membership(benefits, story)
        assert (earned, after.tier, after.override.code) == ("diamond", "club", "INVITED")


class TestLists:
    async def test_they_are_listed_by_member_and_those_that_wait_alone(self, benefits: BenefitsWorld) -> None:
        mia, otto = await a_silver_member(benefits)
        first, second = [await mia.give("gold") for _ in range(2)]
        await otto.approve(first)

        assert await _ids(mia, size=1) == [second.override_id, first.override_id]
        assert await _ids(otto, pending=True) == [second.override_id]
        assert await _ids(otto, member_id=mia.story.member_id, size=1) == [
            second.override_id,
            first.override_id,
        ]

    @pytest.mark.parametrize("role", ["consultant", "store_manager", "analyst"])
    async def test_others_do_not_read_them(self, benefits: BenefitsWorld, role: str) -> None:
        mia, _ = await a_silver_member(benefits)
        desk = TierDesk(
            mia.story,
            benefits.stub(
                pb.DESCRIPTOR.services_by_name["TiersService"],
                type(mia.stub),
                "staff",
                "eve",
                mia.story.program_id,
                roles=[role],
            ),
        )

        refused = await refusal(desk.listed())

        assert refused[0] == grpc.StatusCode.PERMISSION_DENIED


async def _ids(desk: TierDesk, *, size: int = 0, pending: bool = False, member_id: str = "") -> list[str]:
    return [each.override_id for each in await desk.listed(size, pending=pending, member_id=member_id)]
