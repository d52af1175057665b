"""Decisions explained: decided again to the same bits, what reaches a tier, and what keeps one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from laurel.benefits.v1 import benefits_pb2, decisions_pb2_grpc
from laurel.benefits.v1 import decisions_pb2 as pb
from laurel.common.v1 import lookup_pb2
from laurel.scoring.v1 import explanations_pb2, receipts_pb2
from libs.common.rpc.time import moment, timestamp
from tests.benefits.changing import MORE_FOR_GOLD, a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.reviewing import a_yearly_program
from tests.benefits.stories import LIFETIME, SANDBOX_TIME, YEAR, Story
from tests.support.builders import DAY

SERVICE = pb.DESCRIPTOR.services_by_name["DecisionsService"]
SILVER, GOLD = 10_000, 25_000
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


def asking(benefits: BenefitsWorld, program_id: str, kind: Any = "staff", subject: str = "ann") -> Any:
    return benefits.stub(SERVICE, decisions_pb2_grpc.DecisionsServiceStub, kind, subject, program_id)


async def decision_ids(benefits: BenefitsWorld, story: Story) -> list[str]:
    found = benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    return [each["_id"] async for each in found]


async def replays(benefits: BenefitsWorld, story: Story, ids: list[str], **who: Any) -> list[pb.ReplayResult]:
    request = pb.BatchReplayDecisionsRequest(program_id=story.program_id, decision_ids=ids)
    answer = await asking(benefits, story.program_id, **who).BatchReplayDecisions(request)
    return list(answer.results)


async def paths(
    benefits: BenefitsWorld, story: Story, target: str = "", **fields: Any
) -> pb.FindPathsResponse:
    request = pb.FindPathsRequest(
        program_id=story.program_id, member_id=story.member_id, tier_set="main", target_tier=target, **fields
    )
    return await asking(benefits, story.program_id).FindPaths(request)  # type: ignore[no-any-return]


def steps(found: explanations_pb2.FindTierPathsResponse) -> list[dict[str, int]]:
    return [{step.metric: step.amount for step in path.steps} for path in found.paths]


class TestReplay:
    async def test_every_decision_comes_out_as_it_was_by_the_version_that_took_it(
        self, benefits: BenefitsWorld
    ) -> None:
        desk = await a_desk(benefits)
        story = await benefits.a_member(SILVER, GOLD, program_id=desk.key)
        await desk.changed_to(desk.with_gold_at(MORE_FOR_GOLD))
        await recalculated(benefits, desk.key)

        results = await replays(benefits, story, await decision_ids(benefits, story))

        assert [each.replay.receipt.program_version for each in results] == [1, 1, 1, 2]
        assert all(each.replay.same and not each.replay.differences for each in results)

    async def test_reviews_are_decided_again_with_their_terms(self, benefits: BenefitsWorld) -> None:
        story = Story(await a_yearly_program(benefits, grace_days=30))
        story.buys(GOLD, at=SANDBOX_TIME - 30 * DAY).buys(5, at=SANDBOX_TIME + 900 * DAY)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.registration(), story.told())

        results = await replays(benefits, story, await decision_ids(benefits, story))

        assert [each.replay.same for each in results] == [True] * len(results)
        looks = {each.replay.receipt.terms.look for each in results}
        assert receipts_pb2.TIER_LOOK_REVIEW in looks

    async def test_what_was_changed_afterwards_is_named(self, benefits: BenefitsWorld) -> None:
        story = await benefits.a_member(SILVER)
        _, bought = await decision_ids(benefits, story)
        stored = await benefits.database.decisions.find_one({"_id": bought})
        assert stored is not None
        receipt = receipts_pb2.Receipt.FromString(stored["receipt"])
        receipt.facts[0].value += 90_000
        await benefits.database.decisions.update_one(
            {"_id": bought}, {"$set": {"receipt": receipt.SerializeToString(deterministic=True)}}
        )

        (result,) = await replays(benefits, story, [bought])

        assert not result.replay.same
        named = {each.path for each in result.replay.differences}
        assert {"facts_digest", "digest", "to_tier"} <= named
        assert any(path.startswith("rules[") and path.endswith(".value") for path in named)

    async def test_each_reader_sees_what_they_may(self, benefits: BenefitsWorld) -> None:
        story, other = await benefits.a_member(SILVER), await benefits.a_member(SILVER)
        ids = [(await decision_ids(benefits, each))[0] for each in (story, other)]

        results = await replays(benefits, story, [*ids, "dec_none"], kind="member", subject=story.member_id)

        assert [each.status for each in results] == [FOUND, MISSING, MISSING]


class TestPaths:
    async def test_a_member_is_shown_what_is_missing_to_the_next_tier(self, benefits: BenefitsWorld) -> None:
        story = await benefits.a_member(SILVER)

        answer = await paths(benefits, story)

        assert (answer.found.target_tier, answer.found.met, answer.found.exhaustive) == ("gold", False, True)
        assert steps(answer.found) == [{"orders": 1, "spend": GOLD - SILVER}]
        assert answer.found.paths[0].cost == GOLD - SILVER
        assert moment(answer.by_time) == SANDBOX_TIME + timedelta(days=90)

    async def test_a_tier_further_up_may_be_asked_for(self, benefits: BenefitsWorld) -> None:
        story = await benefits.a_member(SILVER)

        assert steps((await paths(benefits, story, "platinum")).found) == [{"orders": 1, "spend": 40_000}]
        assert (await paths(benefits, story, "silver")).found.met

    async def test_in_a_year_that_begins_until_then_everything_begins_anew(
        self, benefits: BenefitsWorld
    ) -> None:
        story = Story(await a_yearly_program(benefits)).buys(SILVER, at=SANDBOX_TIME - 30 * DAY)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.registration(), story.told())
        next_year = timestamp(SANDBOX_TIME + 300 * DAY)

        this, coming = await paths(benefits, story), await paths(benefits, story, by_time=next_year)

        assert steps(this.found) == [{"orders": 1, "spend": GOLD - SILVER}]
        assert steps(coming.found) == [{"orders": 1, "spend": GOLD}]

    async def test_what_cannot_be_asked_for_is_refused(self, benefits: BenefitsWorld) -> None:
        story, top = await benefits.a_member(SILVER), await benefits.a_member(100_000)
        stranger = Story(story.program_id)

        refused = [
            await refusal(paths(benefits, story, "ruby")),
            await refusal(paths(benefits, top)),
            await refusal(paths(benefits, stranger)),
            await refusal(paths(benefits, story, by_time=timestamp(SANDBOX_TIME - DAY))),
            await refusal(paths(benefits, story, by_time=timestamp(SANDBOX_TIME + 4_000 * DAY))),
        ]

        assert [each[1] for each in refused] == [
            "TIER_UNKNOWN",
            "TIER_UNKNOWN",
            "MEMBER_UNKNOWN",
            "INVALID_REQUEST",
            "INVALID_REQUEST",
        ]


class TestKeeping:
    async def test_what_keeps_a_tier_is_told_with_what_stops_counting_until_then(
        self, benefits: BenefitsWorld
    ) -> None:
        story = Story(await a_yearly_program(benefits, period={"kind": "rolling", "months": 12}))
        story.buys(GOLD, at=SANDBOX_TIME - 30 * DAY)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.registration(), story.told())
        request = pb.GetKeepingRequest(
            program_id=story.program_id, member_id=story.member_id, tier_set="main"
        )

        kept = await asking(benefits, story.program_id).GetKeeping(request)

        assert (kept.tier, moment(kept.review_time)) == ("gold", datetime(1999, 6, 1, tzinfo=UTC))
        assert steps(kept.found) == [{"orders": 1, "spend": GOLD}]
        assert [(each.date, each.facts[0].value) for each in kept.changes] == [
            ("1998-07-01", GOLD),
            ("1999-01-01", 0),
        ]
        assert {fact.name for each in kept.changes for fact in each.facts} == {YEAR}

    async def test_where_nothing_is_looked_at_again_nothing_has_to_be_done(
        self, benefits: BenefitsWorld
    ) -> None:
        story = await benefits.a_member(GOLD)
        request = pb.GetKeepingRequest(
            program_id=story.program_id, member_id=story.member_id, tier_set="main"
        )

        kept = await asking(benefits, story.program_id).GetKeeping(request)

        assert (kept.tier, kept.HasField("review_time"), kept.HasField("found")) == ("gold", False, False)
        assert LIFETIME not in {fact.name for each in kept.changes for fact in each.facts}


class TestSeveral:
    async def test_paths_of_several_come_in_order_and_none_where_there_is_no_such_tier(
        self, benefits: BenefitsWorld
    ) -> None:
        story, top = await benefits.a_member(SILVER), await benefits.a_member(100_000)
        keys = [key_of(story), key_of(top), key_of(Story(story.program_id)), key_of(story, "nowhere")]
        request = pb.BatchFindPathsRequest(program_id=story.program_id, keys=keys)

        answer = await asking(benefits, story.program_id).BatchFindPaths(request)

        assert [each.status for each in answer.results] == [FOUND, MISSING, MISSING, MISSING]
        assert answer.results[0].paths == await paths(benefits, story)

    async def test_keepings_of_several_are_those_of_each(self, benefits: BenefitsWorld) -> None:
        story = Story(await a_yearly_program(benefits, period={"kind": "rolling", "months": 12}))
        story.buys(GOLD, at=SANDBOX_TIME - 30 * DAY)
        benefits.members.knows([story])
        await benefits.apply(story.partition, story.registration(), story.told())
        keys = [key_of(Story(story.program_id)), key_of(story)]
        desk = asking(benefits, story.program_id)

        answer = await desk.BatchGetKeepings(
            pb.BatchGetKeepingsRequest(program_id=story.program_id, keys=keys)
        )

        one = pb.GetKeepingRequest(program_id=story.program_id, member_id=story.member_id, tier_set="main")
        assert [each.status for each in answer.results] == [MISSING, FOUND]
        assert answer.results[1].keeping == await desk.GetKeeping(one)

    async def test_a_member_asks_for_themselves_only(self, benefits: BenefitsWorld) -> None:
        story, other = await benefits.a_member(SILVER), await benefits.a_member(SILVER)
        keys = [key_of(story), key_of(other)]
        own = asking(benefits, story.program_id, kind="member", subject=story.member_id)

        ways = await own.BatchFindPaths(pb.BatchFindPathsRequest(program_id=story.program_id, keys=keys))
        kept = await own.BatchGetKeepings(pb.BatchGetKeepingsRequest(program_id=story.program_id, keys=keys))

        assert [each.status for each in [*ways.results, *kept.results]] == [FOUND, MISSING] * 2


def key_of(story: Story, tier_set: str = "main") -> benefits_pb2.MembershipKey:
    return benefits_pb2.MembershipKey(member_id=story.member_id, tier_set=tier_set)
