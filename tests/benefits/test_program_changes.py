"""Programs change by proposal, approval by another person, and publication at a time; they can go back."""

import asyncio

import pytest

from laurel.benefits.v1 import benefits_pb2
from laurel.benefits.v1 import programs_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.ids import new_id
from libs.common.program import Program
from libs.common.rpc.time import timestamp
from tests.benefits.changing import (
    GOLD,
    MORE_FOR_GOLD,
    SILVER,
    Desk,
    a_desk,
    recalculated,
    recalculations,
    scheduled_versions,
)
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import SANDBOX_TIME, Story
from tests.benefits.telling import codes
from tests.support.builders import DAY

MORE = MORE_FOR_GOLD


async def live_version(desk: Desk) -> int:
    request = benefits_pb2.BatchGetProgramsRequest(program_ids=[desk.key])
    return (await desk.benefits.service.BatchGetPrograms(request)).results[0].program.version


async def tier_of(benefits: BenefitsWorld, story: Story) -> str:
    request = benefits_pb2.BatchGetMembershipsRequest(
        program_id=story.program_id, member_ids=[story.member_id]
    )
    return (await benefits.service.BatchGetMemberships(request)).results[0].memberships[0].tier


async def test_a_version_goes_from_the_proposal_to_its_effect(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)

    draft = await desk.propose(desk.with_gold_at(MORE))
    untouched = await live_version(desk)
    approved = await desk.approve(draft)
    live = await desk.publish(approved)

    assert (draft.version, draft.state, draft.based_on, draft.proposed_by) == (2, 1, 1, "mia")
    assert (approved.state, approved.decided_by, untouched) == (2, "otto", 1)
    assert (live.state, live.digest, live.effective_time) == (4, draft.digest, timestamp(SANDBOX_TIME))
    assert await live_version(desk) == 2
    assert await desk.states() == [(2, "LIVE"), (1, "RETIRED")]


async def test_nobody_approves_what_they_proposed_or_have_not_looked_at(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE))
    request = pb.ApproveProgramVersionRequest(program_id=desk.key, version=2, digest="0" * 64)

    other = await refusal(_approve(desk, request))
    await benefits.database.programs.update_one({"_id": f"{desk.key}@2"}, {"$set": {"proposed_by": "otto"}})
    own = await refusal(desk.approve(draft))
    by_manager = await refusal(desk.manager.ApproveProgramVersion(_numbered(request)))

    assert (other[1], own[1], by_manager[1]) == (
        "PROGRAM_VERSION_OTHER",
        "PROGRAM_VERSION_OF_OWN",
        "FORBIDDEN",
    )


def _numbered(request: pb.ApproveProgramVersionRequest) -> pb.ApproveProgramVersionRequest:
    request.request_id = new_id("req")
    return request


async def _approve(desk: Desk, request: pb.ApproveProgramVersionRequest) -> pb.ProgramVersion:
    return (await desk.officer.ApproveProgramVersion(_numbered(request))).version  # type: ignore[no-any-return]


async def test_each_step_waits_for_the_one_before(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE))

    early = await refusal(desk.publish(draft))
    live = await desk.publish(await desk.approve(draft))
    late = await refusal(desk.approve(live))
    unknown = await refusal(desk.publish(pb.ProgramVersion(version=9)))

    assert [each[1] for each in (early, late, unknown)] == [
        "PROGRAM_VERSION_STATE",
        "PROGRAM_VERSION_STATE",
        "PROGRAM_VERSION_UNKNOWN",
    ]


async def test_who_proposed_may_withdraw_and_a_rejected_version_stays_so(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE))
    request = pb.RejectProgramVersionRequest(
        program_id=desk.key, request_id=new_id("req"), version=2, reason="a typo"
    )

    rejected = (await desk.manager.RejectProgramVersion(request)).version
    late = await refusal(desk.approve(draft))

    assert (rejected.state, rejected.reason, late[1]) == (6, "a typo", "PROGRAM_VERSION_STATE")
    assert await desk.states() == [(2, "REJECTED"), (1, "LIVE")]


async def test_what_was_proposed_against_another_version_does_not_undo_it(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    drafts = [await desk.propose(desk.with_gold_at(spend)) for spend in (MORE, MORE + 1)]
    first, second = [await desk.approve(each) for each in drafts]
    await desk.publish(first)

    refused = await refusal(desk.publish(second))

    assert (refused[1], refused[2]) == ("PROGRAM_MOVED", {"based_on": "1", "live": "2"})


async def test_a_proposal_says_something_else_and_forgets_nobody(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    document = desk.program.document()
    document["tier_sets"][0]["tiers"].pop()

    same = await refusal(desk.propose(desk.program))
    forgetful = await refusal(desk.propose(Program.parse(document)))
    foreign = await refusal(desk.propose(desk.program.model_copy(update={"key": "another_store"})))

    assert [each[1] for each in (same, forgetful, foreign)] == [
        "PROGRAM_UNCHANGED",
        "PROGRAM_FIELD_FIXED",
        "PROGRAM_INVALID",
    ]


async def test_what_lint_finds_wrong_is_not_proposed(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)

    refused = await refusal(desk.propose(desk.with_gold_at(SILVER - 1)))

    assert (refused[1], list(refused[2])) == ("PROGRAM_INVALID", ["tier_sets[0].tiers[1].entry"])
    assert "nobody is ever silver" in refused[2]["tier_sets[0].tiers[1].entry"]


async def test_proposals_at_once_are_versions_of_their_own(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)

    drafts = await asyncio.gather(*(desk.propose(desk.with_gold_at(MORE + each)) for each in range(6)))

    assert sorted(each.version for each in drafts) == [2, 3, 4, 5, 6, 7]


async def test_one_of_two_publications_at_once_takes_effect(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    drafts = [await desk.approve(await desk.propose(desk.with_gold_at(MORE + each))) for each in range(2)]

    answers = await asyncio.gather(*(desk.publish(each) for each in drafts), return_exceptions=True)

    assert sorted(isinstance(each, Exception) for each in answers) == [False, True]
    assert sorted(state for _, state in await desk.states()) == ["APPROVED", "LIVE", "RETIRED"]


async def test_a_scheduled_version_takes_effect_when_its_time_comes(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    draft = await desk.approve(await desk.propose(desk.with_gold_at(MORE)))
    later = SANDBOX_TIME + 5 * DAY
    calendar = scheduled_versions(benefits)

    scheduled = await desk.publish(draft, effective_time=timestamp(later))
    early = await calendar.due(desk.key, later - DAY, 10)
    items = await calendar.due(desk.key, later, 10)
    before = await live_version(desk)
    happened = [await calendar.happen(desk.key, items, later) for _ in range(2)]

    assert (scheduled.state, early, before, happened) == (3, [], 1, [1, 0])
    assert [(each.key, each.due_time) for each in items] == [("2", later)]
    assert await desk.states() == [(2, "LIVE"), (1, "RETIRED")]


async def test_a_scheduled_version_that_another_overtook_never_takes_effect(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    first, second = [
        await desk.approve(await desk.propose(desk.with_gold_at(MORE + each))) for each in range(2)
    ]
    later, calendar = SANDBOX_TIME + DAY, scheduled_versions(benefits)
    await desk.publish(first, effective_time=timestamp(later))
    await desk.publish(second)

    await calendar.happen(desk.key, await calendar.due(desk.key, later, 10), later)

    assert await desk.states() == [(3, "LIVE"), (2, "REJECTED"), (1, "RETIRED")]


async def test_versions_are_listed_in_pages_and_read_with_their_documents(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    for each in range(3):
        await desk.propose(desk.with_gold_at(MORE + each))

    first = await desk.versions(page_size=3)
    rest = await desk.versions(page_size=3, page_token=first.next_page_token)
    read = await desk.manager.BatchGetProgramVersions(
        pb.BatchGetProgramVersionsRequest(program_id=desk.key, versions=[2, 99])
    )

    assert [each.version for each in (*first.versions, *rest.versions)] == [4, 3, 2, 1]
    assert rest.next_page_token == ""
    assert [each.status for each in read.results] == [
        lookup_pb2.LOOKUP_STATUS_FOUND,
        lookup_pb2.LOOKUP_STATUS_MISSING,
    ]
    assert Program.parse(read.results[0].document).version == 2


class TestRecalculation:
    async def test_exactly_those_members_move_with_receipts_and_are_told(
        self, benefits: BenefitsWorld
    ) -> None:
        desk = await a_desk(benefits)
        spends = [SILVER, GOLD, MORE - 1, MORE]
        stories = [await benefits.a_member(spend, program_id=desk.key) for spend in spends]

        live = await desk.changed_to(desk.with_gold_at(MORE))
        ended = await recalculated(benefits, desk.key)

        assert [await tier_of(benefits, story) for story in stories] == ["silver", "silver", "silver", "gold"]
        assert ended is not None
        assert ended.recalculation is not None
        run = ended.recalculation
        assert (run.memberships, run.decided, run.upgraded, run.downgraded) == (4, 4, 0, 2)
        decisions = benefits.database.decisions.find({"program_id": desk.key, "event_seq": 1}).sort("seq", 1)
        of_run = [each async for each in decisions if each["outcome"] != "UPGRADED"]
        assert {each["member_id"] for each in of_run} == {story.member_id for story in stories}
        assert live.recalculation.run_id == run.run_id
        assert (await codes(benefits, stories[1].member_id)).count("TIER_CHANGED") == 1

    async def test_a_version_that_keeps_what_was_given_lets_nobody_fall(
        self, benefits: BenefitsWorld
    ) -> None:
        desk = await a_desk(benefits)
        story = await benefits.a_member(GOLD, program_id=desk.key)

        await desk.changed_to(desk.with_gold_at(MORE, new_version="keep"))
        await recalculated(benefits, desk.key)

        assert await tier_of(benefits, story) == "gold"

    async def test_an_interrupted_run_goes_on_and_decides_everybody_once(
        self, benefits: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.benefits.handlers.recalculation.MEMBERS_AT_ONCE", 2)
        desk = await a_desk(benefits)
        stories = [await benefits.a_member(GOLD, program_id=desk.key) for _ in range(5)]
        await desk.changed_to(desk.with_gold_at(MORE))

        handlers = [recalculations(benefits) for _ in range(3)]
        at = next(each for each in await handlers[0].running() if each.program_id == desk.key)
        # One of them gets on with it, and stops where it is.
        told = await asyncio.gather(*(each.through(at, lambda _: False) for each in handlers))
        ended = await recalculated(benefits, desk.key)

        assert ended is not None
        assert ended.recalculation is not None
        run = ended.recalculation
        assert [each.recalculation.decided for each in told if each and each.recalculation] == [2]
        assert (run.memberships, run.decided, run.downgraded) == (5, 5, 5)
        for story in stories:
            assert await benefits.database.decisions.count_documents({"member_id": story.member_id}) == 3

    async def test_a_run_meets_purchases_on_the_way(self, benefits: BenefitsWorld) -> None:
        desk = await a_desk(benefits)
        stories = [await benefits.a_member(GOLD, program_id=desk.key) for _ in range(4)]
        await desk.changed_to(desk.with_gold_at(MORE))
        for story in stories:
            story.buys(MORE)

        await asyncio.gather(
            recalculated(benefits, desk.key),
            *(benefits.apply(story.partition, story.told(2)) for story in stories),
        )

        assert [await tier_of(benefits, story) for story in stories] == ["platinum"] * 4


class TestRollBack:
    async def test_everybody_is_where_they_were(self, benefits: BenefitsWorld) -> None:
        desk = await a_desk(benefits)
        story = await benefits.a_member(GOLD, program_id=desk.key)
        await desk.changed_to(desk.with_gold_at(MORE))
        await recalculated(benefits, desk.key)
        fallen = await tier_of(benefits, story)

        back = await desk.roll_back(1)
        await recalculated(benefits, desk.key)

        assert (fallen, await tier_of(benefits, story)) == ("silver", "gold")
        assert (back.version, back.state, back.reason) == (3, 4, "Too many complaints")
        assert await desk.states() == [(3, "LIVE"), (2, "RETIRED"), (1, "RETIRED")]

    async def test_a_tier_that_is_gone_again_is_held_as_the_one_below(self, benefits: BenefitsWorld) -> None:
        desk = await a_desk(benefits)
        story = await benefits.a_member(MORE, program_id=desk.key)
        await desk.changed_to(desk.with_gold_at(MORE, new_version="keep", name="ruby"))
        await recalculated(benefits, desk.key)
        renamed = await tier_of(benefits, story)

        await desk.roll_back(1)
        await recalculated(benefits, desk.key)

        assert (renamed, await tier_of(benefits, story)) == ("ruby", "gold")

    async def test_only_to_what_was_in_effect_and_differs(self, benefits: BenefitsWorld) -> None:
        desk = await a_desk(benefits)
        await desk.propose(desk.with_gold_at(MORE))

        draft, live = await refusal(desk.roll_back(2)), await refusal(desk.roll_back(1))

        assert (draft[1], live[1]) == ("PROGRAM_VERSION_STATE", "PROGRAM_VERSION_STATE")
