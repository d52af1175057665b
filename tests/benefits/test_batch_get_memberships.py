"""BatchGetMemberships: the tier of each member with the latest decision, in the order of the keys."""

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.program import Program, preset
from libs.common.rpc.time import moment
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


def a_request(*member_ids: str, program_id: str = PROGRAM) -> pb.BatchGetMembershipsRequest:
    return pb.BatchGetMembershipsRequest(program_id=program_id, member_ids=member_ids)


async def test_each_member_is_answered_in_their_place_found_or_missing(benefits: BenefitsWorld) -> None:
    one, other = await benefits.a_member(1_000), await benefits.a_member(30_000)
    asked = [other.member_id, "mem_" + "0" * 32, one.member_id, other.member_id]

    results = (await benefits.staff.BatchGetMemberships(a_request(*asked))).results

    assert [result.status for result in results] == [FOUND, MISSING, FOUND, FOUND]
    assert [[each.tier for each in result.memberships] for result in results] == [
        ["gold"],
        [],
        ["normal"],
        ["gold"],
    ]


async def test_a_membership_says_since_when_and_by_which_decision(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(9_000, 2_000, 500)

    (membership,) = (
        (await benefits.staff.BatchGetMemberships(a_request(story.member_id))).results[0].memberships
    )

    assert (membership.member_id, membership.tier_set) == (story.member_id, "main")
    assert (membership.tier, moment(membership.since_time)) == ("silver", NOON + DAY)
    assert (membership.seq, membership.applied_seq, membership.decision.seq) == (4, 3, 4)
    receipt = membership.decision.receipt
    assert receipt.outcome == receipts_pb2.TIER_OUTCOME_KEPT
    assert receipt.cause.event.event_id == story.events[-1].event_id
    assert receipt.next.tier == "gold"
    assert receipt.next.gaps[0].missing == 25_000 - 11_500


async def test_a_member_of_another_program_answers_like_a_missing_one(benefits: BenefitsWorld) -> None:
    stranger = await benefits.a_member(program_id=await benefits.a_program())

    results = (
        await benefits.staff.BatchGetMemberships(a_request(stranger.member_id, "mem_" + "0" * 32))
    ).results

    assert [result.status for result in results] == [MISSING, MISSING]
    assert results[0] == results[1]


async def test_there_is_one_membership_per_tier_set_and_points_are_posted_once(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    document = preset(PROGRAM).document() | {"key": key + "_two"}
    document["tier_sets"].append({**document["tier_sets"][0], "key": "a_second"})
    await benefits.publish(Program.parse(document))
    story = Story(key + "_two").buys(10_000, 10_000)

    await benefits.apply(story.partition, story.registration(), story.told())

    request = a_request(story.member_id, program_id=key + "_two")
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    assert [(each.tier_set, each.tier, each.seq) for each in result.memberships] == [
        ("a_second", "silver", 3),
        ("main", "silver", 3),
    ]
    account = await benefits.database.accounts.find_one({"owner": story.member_id})
    assert account is not None
    assert account["balance"] == 300
