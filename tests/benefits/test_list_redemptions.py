"""Lists of redemptions: members see theirs, the staff see those in their scope, and changes are told."""

from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2
from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.ids import new_id
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    as_manager,
    as_member,
    cancelling,
    fulfilled,
    points_left,
)
from tests.benefits.stories import Story
from tests.support.watching import first_answers

MANAGER = {"roles": ["operations_manager"]}


async def listed(
    benefits: BenefitsWorld, program_id: str, claims: dict[str, Any] | None = None, **fields: Any
) -> list[str]:
    staff = as_(benefits, "staff", "eve", program_id, **(claims or MANAGER))
    answer = await staff.ListRedemptions(pb.ListRedemptionsRequest(program_id=program_id, **fields))
    return [each.redemption_id for each in answer.redemptions]


async def test_the_staff_page_through_them_latest_first(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    made = [(await a_redemption(benefits, story, reward)).redemption_id for _ in range(3)]
    request = pb.ListRedemptionsRequest(program_id=program_id, page_size=2)
    manager = as_manager(benefits, program_id)

    page = await manager.ListRedemptions(request)
    request.page_token = page.next_page_token
    last = await manager.ListRedemptions(request)

    assert [each.redemption_id for each in [*page.redemptions, *last.redemptions]] == made[::-1]
    assert (len(page.redemptions), last.next_page_token) == (2, "")


async def test_they_are_listed_by_member_reward_and_state(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    ann, bob = await a_member(benefits, program_id), await a_member(benefits, program_id)
    coffee, tea = await a_reward(benefits, program_id), await a_reward(benefits, program_id)
    of_ann = await a_redemption(benefits, ann, coffee)
    of_bob = await fulfilled(benefits, bob, await a_redemption(benefits, bob, tea))

    assert await listed(benefits, program_id, member_id=ann.member_id) == [of_ann.redemption_id]
    assert await listed(benefits, program_id, reward_id=tea.reward_id) == [of_bob.redemption_id]
    assert await listed(benefits, program_id, state=pb.REDEMPTION_STATE_FULFILLED) == [of_bob.redemption_id]
    assert await listed(benefits, program_id, state=pb.REDEMPTION_STATE_EXPIRED) == []


async def test_who_gave_what_stands_in_the_lists_of_the_staff_alone(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    grant = pb.GrantRewardRequest(
        program_id=program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        reward_id=reward.reward_id,
        explanation="an apology",
    )
    told = (await as_manager(benefits, program_id).GrantReward(grant)).redemption

    by_staff = await as_manager(benefits, program_id).ListRedemptions(
        pb.ListRedemptionsRequest(program_id=program_id)
    )
    by_member = await as_member(benefits, story).BatchGetRedemptions(
        pb.BatchGetRedemptionsRequest(program_id=program_id, redemption_ids=[told.redemption_id])
    )

    assert by_staff.redemptions[0].grant == pb.RewardGrant(granted_by="mia", explanation="an apology")
    assert by_member.results[0].redemption == told
    assert (told.granted, told.HasField("grant")) == (True, False)


@pytest.mark.parametrize(
    ("store_id", "count"), [pytest.param("uptown", 1, id="theirs"), pytest.param("downtown", 0, id="other")]
)
async def test_staff_of_a_store_see_those_of_its_members(
    benefits: BenefitsWorld, store_id: str, count: int
) -> None:
    program_id = await a_store(benefits)
    story = Story(program_id, home=Home("uptown", "east", "shop")).buys(100_000)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    await a_redemption(benefits, story, await a_reward(benefits, program_id))
    consultant = {"roles": ["consultant"], "stores": [store_id]}

    assert len(await listed(benefits, program_id, consultant)) == count


async def test_members_and_partners_do_not_list_the_programs(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    request = pb.ListRedemptionsRequest(program_id=program_id)

    reasons = [
        (await refusal(as_(benefits, kind, "somebody", program_id).ListRedemptions(request)))[1]
        for kind in ("member", "partner")
    ]

    assert reasons == ["FORBIDDEN", "FORBIDDEN"]


async def test_members_are_answered_in_order_and_strangers_are_missing(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, other = await a_member(benefits, program_id), await a_member(benefits, program_id)
    made = await a_redemption(benefits, story, await a_reward(benefits, program_id))
    request = pb.BatchListRedemptionsRequest(
        program_id=program_id, member_ids=[new_id("mem"), story.member_id, other.member_id], first=1
    )

    results = (await as_manager(benefits, program_id).BatchListRedemptions(request)).results

    assert [(each.status, list(each.redemptions)) for each in results] == [(2, []), (1, [made]), (1, [])]


async def test_each_change_is_told_to_who_watches_with_the_points_before_it(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    (now,) = await first_answers(
        benefits.staff_of(program_id).WatchMember(
            benefits_pb2.WatchMemberRequest(program_id=program_id, member_id=story.member_id)
        ),
        1,
    )
    redemption = await a_redemption(benefits, story, reward)
    await as_member(benefits, story).CancelRedemption(cancelling(story, redemption))

    watch = benefits_pb2.WatchMemberRequest(
        program_id=program_id, member_id=story.member_id, after_seq=now.seq
    )
    _, *told = await first_answers(benefits.staff_of(program_id).WatchMember(watch), 5)

    kinds = [each.WhichOneof("change") for each in told]
    assert kinds == ["points_changed", "redemption_changed"] * 2
    assert [told[place].redemption_changed.state for place in (1, 3)] == ["RESERVED", "CANCELLED"]
    assert await points_left(benefits, story) == (1_000, 0)
