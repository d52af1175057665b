"""What a member wants to be told: they say it themselves, and everything later goes by it."""

import asyncio

import pytest

from laurel.benefits.v1 import notices_pb2 as pb
from libs.common.ids import new_id
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, absent, told

WAKE_UP, TIER_CHANGED = pb.NOTICE_CODE_WAKE_UP, pb.NOTICE_CODE_TIER_CHANGED


def wish(
    story: Story,
    *muted: pb.NoticeCode.ValueType,
    marketing: bool | None = None,
    request_id: str | None = None,
) -> pb.SetNoticePreferencesRequest:
    return pb.SetNoticePreferencesRequest(
        program_id=story.program_id,
        request_id=request_id or new_id("req"),
        member_id=story.member_id,
        marketing=marketing,
        muted=muted,
    )


async def a_story(benefits: BenefitsWorld) -> Story:
    return await benefits.a_member(program_id=(await a_sandbox(benefits)).key)


async def kept(benefits: BenefitsWorld, story: Story) -> pb.NoticePreferences:
    request = pb.BatchGetNoticePreferencesRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (
        await benefits.notices("service", "gateway", None).BatchGetNoticePreferences(request)
    ).results
    return result.preferences


async def test_a_member_says_what_they_want(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)

    answer = await member.SetNoticePreferences(wish(story, WAKE_UP, TIER_CHANGED, marketing=False))

    assert answer.preferences == await kept(benefits, story)
    assert answer.preferences == pb.NoticePreferences(
        member_id=story.member_id, marketing=False, muted=[TIER_CHANGED, WAKE_UP]
    )


async def test_who_never_said_anything_has_no_preferences(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)

    preferences = await kept(benefits, story)

    assert preferences == pb.NoticePreferences(member_id=story.member_id)
    assert not preferences.HasField("marketing")


async def test_saying_it_anew_replaces_what_was_said(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)
    await member.SetNoticePreferences(wish(story, WAKE_UP, marketing=False))

    await member.SetNoticePreferences(wish(story))

    assert await kept(benefits, story) == pb.NoticePreferences(member_id=story.member_id)


@pytest.mark.parametrize(
    ("marketing", "muted", "reason"),
    [(False, [], "NO_CONSENT"), (True, [WAKE_UP], "MUTED"), (True, [], ""), (None, [TIER_CHANGED], "")],
)
async def test_what_is_told_later_goes_by_it(
    benefits: BenefitsWorld, marketing: bool | None, muted: list[pb.NoticeCode.ValueType], reason: str
) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)
    await member.SetNoticePreferences(wish(story, *muted, marketing=marketing))

    await benefits.apply(story.partition, absent(story))

    assert [each["withheld_reason"] for each in await told(benefits, story.member_id)] == [reason]


async def test_the_same_request_twice_changes_nothing(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)
    first = wish(story, WAKE_UP)
    answer = await member.SetNoticePreferences(first)
    await member.SetNoticePreferences(wish(story, TIER_CHANGED))

    again = await member.SetNoticePreferences(first)

    assert again == answer
    assert list((await kept(benefits, story)).muted) == [TIER_CHANGED]


async def test_two_at_once_are_one_after_the_other(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)
    wishes = [wish(story, code) for code in (WAKE_UP, TIER_CHANGED)]

    answers = await asyncio.gather(*(member.SetNoticePreferences(each) for each in wishes))

    assert [list(each.preferences.muted) for each in answers] == [[WAKE_UP], [TIER_CHANGED]]
    assert list((await kept(benefits, story)).muted) in ([WAKE_UP], [TIER_CHANGED])


async def test_another_payload_under_the_same_request_is_refused(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    member = benefits.notices("member", story.member_id, story.program_id)
    await member.SetNoticePreferences(wish(story, request_id="one"))

    _, reason, _ = await refusal(member.SetNoticePreferences(wish(story, WAKE_UP, request_id="one")))

    assert reason == "IDEMPOTENCY_KEY_REUSED"


async def test_nobody_says_it_for_another_member(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)
    other = benefits.notices("member", new_id("mem"), story.program_id)

    _, reason, _ = await refusal(other.SetNoticePreferences(wish(story)))

    assert reason == "MEMBER_UNKNOWN"


async def test_a_member_whom_we_do_not_know_yet_is_unknown(benefits: BenefitsWorld) -> None:
    story = Story((await a_sandbox(benefits)).key)

    _, reason, _ = await refusal(
        benefits.notices("member", story.member_id, story.program_id).SetNoticePreferences(wish(story))
    )

    assert reason == "MEMBER_UNKNOWN"


async def test_the_staff_do_not_say_it_for_members(benefits: BenefitsWorld) -> None:
    story = await a_story(benefits)

    _, reason, _ = await refusal(
        benefits.notices("staff", "ann", story.program_id).SetNoticePreferences(wish(story))
    )

    assert reason == "FORBIDDEN"
