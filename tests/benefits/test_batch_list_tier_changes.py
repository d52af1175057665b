"""BatchListTierChanges: the tiers that members held, latest first, each until the next one."""

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import moment
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import JOINED, Story
from tests.support.builders import DAY, NOON, PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def listed(
    benefits: BenefitsWorld, *keys: tuple[str, str], first: int = 0
) -> list[pb.TierChangesResult]:
    request = pb.BatchListTierChangesRequest(
        program_id=PROGRAM,
        keys=[pb.MembershipKey(member_id=member_id, tier_set=tier_set) for member_id, tier_set in keys],
        first=first,
    )
    return list((await benefits.staff.BatchListTierChanges(request)).results)


async def test_changes_are_listed_latest_first_and_each_lasts_until_the_next(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(9_000, 2_000, 500, 20_000)

    (result,) = await listed(benefits, (story.member_id, "main"))

    spans = [
        (
            change.from_tier,
            change.to_tier,
            moment(change.valid_from),
            moment(change.valid_to) if change.HasField("valid_to") else None,
        )
        for change in result.changes
    ]
    assert spans == [
        ("silver", "gold", NOON + 3 * DAY, None),
        ("normal", "silver", NOON + DAY, NOON + 3 * DAY),
        ("", "normal", JOINED, NOON + DAY),
    ]


async def test_a_change_says_what_it_did_and_why(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(10_000)

    (result,) = await listed(benefits, (story.member_id, "main"))

    upgrade, enrolment = result.changes
    assert [upgrade.outcome, enrolment.outcome] == [
        receipts_pb2.TIER_OUTCOME_UPGRADED,
        receipts_pb2.TIER_OUTCOME_ENROLLED,
    ]
    assert upgrade.reasons[0].code == "TIER_REACHED"
    assert upgrade.reasons[0].params["threshold"] == "10000"


async def test_two_changes_on_one_day_stay_in_the_order_of_the_decisions(benefits: BenefitsWorld) -> None:
    story = Story().buys(10_000).buys(20_000)
    await benefits.apply(story.partition, story.told())

    (result,) = await listed(benefits, (story.member_id, "main"))

    assert [change.to_tier for change in result.changes] == ["gold", "silver", "normal"]
    assert [change.seq for change in result.changes] == [3, 2, 1]
    assert result.changes[1].valid_to == result.changes[1].valid_from == result.changes[0].valid_from


@pytest.mark.parametrize("first", [1, 2, 3, 100])
async def test_at_most_so_many_are_listed_and_the_end_of_the_latest_is_open(
    benefits: BenefitsWorld, first: int
) -> None:
    story = await benefits.a_member(10_000, 20_000)

    (result,) = await listed(benefits, (story.member_id, "main"), first=first)

    assert [change.to_tier for change in result.changes] == ["gold", "silver", "normal"][:first]
    assert [change.HasField("valid_to") for change in result.changes] == [False, True, True][:first]


async def test_each_key_is_answered_in_its_place_found_or_missing(benefits: BenefitsWorld) -> None:
    one, other = await benefits.a_member(1_000), await benefits.a_member(10_000)
    stranger = await benefits.a_member(program_id=await benefits.a_program())

    results = await listed(
        benefits,
        (other.member_id, "main"),
        (one.member_id, "no_such_set"),
        (stranger.member_id, "main"),
        ("mem_" + "0" * 32, "main"),
        (one.member_id, "main"),
    )

    assert [result.status for result in results] == [FOUND, MISSING, MISSING, MISSING, FOUND]
    assert results[1] == results[2] == results[3]
    assert [len(result.changes) for result in results] == [2, 0, 0, 0, 1]
