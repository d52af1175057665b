"""Lists of notices: latest first, in both languages, and only those that a caller may see."""

from typing import Any

import pytest

from laurel.benefits.v1 import notices_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from libs.common.visibility import Home
from services.benefits.domain.notices import NoticeCode, Occasion
from services.benefits.handlers.telling import tell
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story
from tests.benefits.telling import a_sandbox, absent
from tests.support.builders import NOON

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
HOMES = {
    "ann": Home("downtown", "east", "shop"),
    "bob": Home("uptown", "east", "shop"),
    "cai": Home("faraway"),
}


def listed(program_id: str, *member_ids: str, size: int = 0) -> pb.BatchListNoticesRequest:
    return pb.BatchListNoticesRequest(program_id=program_id, member_ids=member_ids, page_size=size)


def preferences_of(program_id: str, *member_ids: str) -> pb.BatchGetNoticePreferencesRequest:
    return pb.BatchGetNoticePreferencesRequest(program_id=program_id, member_ids=member_ids)


async def test_a_member_reads_what_they_are_told_latest_first(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(10_000, 12_000, program_id=program.key)
    await benefits.apply(story.partition, absent(story))
    member = benefits.notices("member", story.member_id, program.key)

    (result,) = (await member.BatchListNotices(listed(program.key, story.member_id))).results

    assert result.status == FOUND
    assert [pb.NoticeCode.Name(each.code) for each in result.notices] == [
        "NOTICE_CODE_WAKE_UP",
        "NOTICE_CODE_NEAR_UPGRADE",
        "NOTICE_CODE_TIER_CHANGED",
    ]
    near = result.notices[1]
    assert near.text_zh == "距离金卡会员只差一点：再消费US$30.00。"
    assert near.text_en == "Little is missing to Gold: spend $30.00 more."
    assert near.params["gap_0_missing"] == "3000"
    assert (near.status, moment(near.due_time)) == (pb.NOTICE_STATUS_SCHEDULED, NOON)


async def test_as_many_are_listed_as_were_asked_for(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    story = await benefits.a_member(10_000, 12_000, program_id=program.key)
    member = benefits.notices("member", story.member_id, program.key)

    (result,) = (await member.BatchListNotices(listed(program.key, story.member_id, size=1))).results

    assert [each.code for each in result.notices] == [pb.NOTICE_CODE_NEAR_UPGRADE]


async def test_a_member_without_notices_is_found_and_one_of_another_program_is_not(
    benefits: BenefitsWorld,
) -> None:
    program, other = await a_sandbox(benefits), await a_sandbox(benefits)
    story = await benefits.a_member(program_id=program.key)
    foreign = await benefits.a_member(10_000, program_id=other.key)
    staff = benefits.notices("staff", "ann", program.key)
    ids = [story.member_id, foreign.member_id, new_id("mem")]

    lists = (await staff.BatchListNotices(listed(program.key, *ids))).results
    wanted = (await staff.BatchGetNoticePreferences(preferences_of(program.key, *ids))).results

    assert [each.status for each in lists] == [FOUND, MISSING, MISSING]
    assert [each.status for each in wanted] == [FOUND, MISSING, MISSING]
    assert lists[1] == lists[2]
    assert wanted[1] == wanted[2]


SEEN: dict[str, tuple[PrincipalKind, str, dict[str, Any], set[str]]] = {
    "the partner who registered them": ("partner", "shop", {}, {"ann", "bob"}),
    "a consultant": ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}, {"ann"}),
    "a store manager": (
        "staff",
        "eve",
        {"roles": ["store_manager"], "stores": ["downtown"], "sharing_groups": ["east"]},
        {"ann", "bob"},
    ),
    "an operations manager": ("staff", "eve", {"roles": ["operations_manager"]}, set(HOMES)),
    "another member": ("member", new_id("mem"), {}, set()),
}


@pytest.mark.parametrize(("kind", "subject", "claims", "expected"), SEEN.values(), ids=SEEN)
async def test_callers_see_the_notices_of_those_whom_they_see(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any], expected: set[str]
) -> None:
    program = await a_sandbox(benefits)
    stories = {name: Story(program.key, home=home) for name, home in HOMES.items()}
    await benefits.apply(
        0, *(message for each in stories.values() for message in (each.registration(), absent(each)))
    )
    ids = [story.member_id for story in stories.values()]
    caller = benefits.notices(kind, subject, program.key, **claims)

    lists = (await caller.BatchListNotices(listed(program.key, *ids))).results
    wanted = (await caller.BatchGetNoticePreferences(preferences_of(program.key, *ids))).results

    for statuses in ([each.status for each in lists], [each.status for each in wanted]):
        seen = {name for name, status in zip(stories, statuses, strict=True) if status == FOUND}
        assert seen == expected
    assert [len(each.notices) for each in lists] == [name in expected for name in stories]


async def tell_staff(
    benefits: BenefitsWorld, program_id: str, role: str, *causes: str, about: str = ""
) -> None:
    """Tell a group of the staff something."""
    program = (await BenefitsStore(benefits.database).live_programs([program_id]))[program_id].program
    occasions = [
        Occasion(
            program_id=program_id,
            member_id=about,
            staff_role=role,
            code=NoticeCode.WEBHOOK_FAILING,
            cause=cause,
            params={"endpoint_id": cause},
            occurred_time=NOON,
        )
        for cause in causes
    ]
    await BenefitsStore(benefits.database).transaction(
        lambda store: tell(store, program, occasions, time=NOON, now=now(), new_id=new_id)
    )


async def test_the_staff_read_page_by_page_what_is_for_their_roles(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    await tell_staff(benefits, program.key, "operations_manager", "a", "b", "c")
    await tell_staff(benefits, program.key, "system_administrator", "d")
    await tell_staff(benefits, program.key, "operations_manager", "a")
    staff = benefits.notices("staff", "eve", program.key, roles=["operations_manager"])
    pages: list[list[str]] = []
    token = ""

    while not pages or token:
        request = pb.ListStaffNoticesRequest(program_id=program.key, page_size=2, page_token=token)
        page = await staff.ListStaffNotices(request)
        pages.append([each.params["endpoint_id"] for each in page.notices])
        token = page.next_page_token

    assert pages == [["c", "b"], ["a"]]


async def test_a_token_of_another_list_is_refused(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    staff = benefits.notices("staff", "eve", program.key)

    _, reason, _ = await refusal(
        staff.ListStaffNotices(pb.ListStaffNoticesRequest(program_id=program.key, page_token="WyJhIl0"))
    )

    assert reason == "PAGE_TOKEN_INVALID"


async def test_what_is_about_a_member_is_for_staff_who_see_them_and_not_for_the_member(
    benefits: BenefitsWorld,
) -> None:
    program = await a_sandbox(benefits)
    stories = {name: Story(program.key, home=home) for name, home in HOMES.items()}
    await benefits.apply(0, *(story.registration() for story in stories.values()))
    for name, story in stories.items():
        await tell_staff(benefits, program.key, "consultant", name, about=story.member_id)
    consultant = benefits.notices("staff", "eve", program.key, roles=["consultant"], stores=["downtown"])
    ann = benefits.notices("member", stories["ann"].member_id, program.key)

    page = await consultant.ListStaffNotices(pb.ListStaffNoticesRequest(program_id=program.key))
    (own,) = (await ann.BatchListNotices(listed(program.key, stories["ann"].member_id))).results

    assert [each.params["endpoint_id"] for each in page.notices] == ["ann"]
    assert len(own.notices) == 0
