"""BatchGetMembers, ListMembers, ListMemberEvents and GetPipelineStatus."""

import grpc
import pytest

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.redis import StreamMessage
from libs.common.rpc.errors import reason_of
from services.members.consumers import BenefitsProjection
from services.members.repository.store import MembersStore
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM, a_batch, a_purchase

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


def announced(member_id: str, tier: str, seq: int) -> StreamMessage:
    changed = benefits_pb2.MembershipChanged(
        program_id=PROGRAM, member_id=member_id, tier_set="main", seq_from=seq, seq_to=seq, tier=tier
    )
    return StreamMessage("1-0", "MembershipChanged", changed.SerializeToString(), member_id)


async def test_members_are_answered_in_the_order_of_the_ids(members: MembersWorld) -> None:
    one, other = await members.a_member(), await members.a_member()
    wanted = [other, "mem_" + "0" * 32, "no id at all", one]

    answer = await members.staff.BatchGetMembers(
        pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=wanted)
    )

    assert [result.status for result in answer.results] == [FOUND, MISSING, MISSING, FOUND]
    assert [result.member.member_id for result in answer.results if result.HasField("member")] == [other, one]


async def test_a_foreign_member_is_missing(members: MembersWorld) -> None:
    member = await members.a_member()
    stranger = members.caller("staff", "bob", "other_store")

    answer = await stranger.BatchGetMembers(
        pb.BatchGetMembersRequest(program_id="other_store", member_ids=[member])
    )

    assert [result.status for result in answer.results] == [MISSING]


async def test_pages_walk_all_members_once(members: MembersWorld) -> None:
    made = {await members.a_member() for _ in range(5)}

    listed, token = [], ""
    while True:
        page = await members.staff.ListMembers(
            pb.ListMembersRequest(program_id=PROGRAM, page_size=2, page_token=token)
        )
        assert len(page.members) <= 2
        listed += [member.member_id for member in page.members]
        token = page.next_page_token
        if not token:
            break

    assert listed == sorted(listed)
    assert len(listed) == len(set(listed))
    assert made <= set(listed)


async def test_a_page_token_of_other_filters_is_refused(members: MembersWorld) -> None:
    await members.a_member()
    await members.a_member()
    page = await members.staff.ListMembers(pb.ListMembersRequest(program_id=PROGRAM, page_size=1))
    filtered = pb.ListMembersRequest(
        program_id=PROGRAM, page_token=page.next_page_token, tier=pb.TierFilter(tier_set="main", tier="gold")
    )

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.staff.ListMembers(filtered)

    assert reason_of(refusal.value) == "PAGE_TOKEN_INVALID"


async def test_members_are_listed_by_the_tier_that_benefits_announced_last(members: MembersWorld) -> None:
    member, other = await members.a_member(), await members.a_member()
    projection = BenefitsProjection(MembersStore(members.database))
    await projection.apply(0, [announced(member, "gold", 3), announced(other, "silver", 1)])

    await projection.apply(0, [announced(member, "silver", 2), announced(member, "gold", 3)])

    listed = await members.staff.ListMembers(
        pb.ListMembersRequest(program_id=PROGRAM, tier=pb.TierFilter(tier_set="main", tier="gold"))
    )
    assert [each.member_id for each in listed.members] == [member]
    assert dict(listed.members[0].tiers) == {"main": "gold"}


async def test_events_are_listed_after_a_sequence(members: MembersWorld) -> None:
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(*[a_purchase(member) for _ in range(5)]))

    page = await members.staff.ListMemberEvents(
        pb.ListMemberEventsRequest(program_id=PROGRAM, member_id=member, after_seq=1, page_size=3)
    )

    assert [event.seq for event in page.events] == [2, 3, 4]
    assert page.more


async def test_the_events_of_a_foreign_member_are_those_of_a_missing_one(members: MembersWorld) -> None:
    member = await members.a_member()
    stranger = members.caller("staff", "bob", "other_store")

    refusals = []
    for wanted in (member, "mem_" + "0" * 32):
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stranger.ListMemberEvents(
                pb.ListMemberEventsRequest(program_id="other_store", member_id=wanted)
            )
        refusals.append((refusal.value.code(), refusal.value.details()))

    assert refusals[0] == refusals[1]


async def test_the_pipeline_status_counts_members_and_sequences(members: MembersWorld) -> None:
    before = (await members.staff.GetPipelineStatus(pb.GetPipelineStatusRequest())).status
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(a_purchase(member), a_purchase(member)))

    after = (await members.staff.GetPipelineStatus(pb.GetPipelineStatusRequest())).status

    def position(status: object) -> tuple[int, int]:
        (mine,) = [each for each in status.positions if each.program_id == PROGRAM]  # type: ignore[attr-defined]
        return mine.member_count, mine.sequence_sum

    count, total = position(before) if before.positions else (0, 0)
    assert position(after) == (count + 1, total + 2)
    assert after.outbox_unsent == before.outbox_unsent + 2


async def test_partners_do_not_see_the_pipeline(members: MembersWorld) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await members.partner.GetPipelineStatus(pb.GetPipelineStatusRequest())

    assert reason_of(refusal.value) == "FORBIDDEN"
