"""BatchListEntries: the movements of each account, latest first, with how they were counted."""

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.program import Program, preset
from libs.common.rpc.time import moment
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def listed(
    benefits: BenefitsWorld, *member_ids: str, first: int = 0, program_id: str = PROGRAM
) -> list[pb.EntriesResult]:
    request = pb.BatchListEntriesRequest(program_id=program_id, member_ids=member_ids, first=first)
    return list((await benefits.service.BatchListEntries(request)).results)


async def test_entries_are_listed_latest_first_and_each_balance_is_the_one_before_and_the_points(
    benefits: BenefitsWorld,
) -> None:
    story = await benefits.a_member(9_900, 250, 1_000)

    (result,) = await listed(benefits, story.member_id)

    rows = [(entry.seq, entry.points, entry.balance_after) for entry in result.entries]
    assert rows == [(3, 20, 121), (2, 2, 101), (1, 99, 99)]


async def test_an_entry_names_its_cause_by_business_key_and_time(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(1_000, 2_000)

    (result,) = await listed(benefits, story.member_id)

    latest = result.entries[0]
    assert (latest.source, latest.external_ref, latest.line) == ("shop", f"{story.member_id}-2", 0)
    assert (latest.kind, moment(latest.occurred_time)) == (pb.ENTRY_KIND_ACCRUAL, NOON + DAY)
    stored = await benefits.database.entries.find_one({"_id": latest.entry_id})
    assert stored is not None
    assert latest.digest == stored["digest"]
    assert await benefits.database.lots.find_one({"_id": latest.lot_id, "earned": 20}) is not None


async def test_an_entry_explains_its_points_at_the_tier_held_before(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(10_050, 1_999)

    (result,) = await listed(benefits, story.member_id)

    counted = [
        (each.rule, each.amount_minor, each.unit_minor, each.points_per_unit, each.multiplier_bp, each.tier)
        for entry in result.entries
        for each in entry.earnings
    ]
    assert counted == [
        ("purchase", 1_999, 100, 1, 20_000, "silver"),
        ("purchase", 10_050, 100, 1, 10_000, "normal"),
    ]
    assert [sum(each.points for each in entry.earnings) for entry in result.entries] == [38, 100]


async def test_several_rules_are_one_entry_with_an_explanation_each(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    document = preset(PROGRAM).document() | {"key": key}
    (rule,) = document["points"]["earn"]
    document["points"]["earn"].append({**rule, "key": "big_spender", "unit_minor": 5_000})
    await benefits.publish(Program.parse(document))
    story = Story(key).buys(12_000)

    await benefits.consumer().apply(0, [story.told()])

    (result,) = await listed(benefits, story.member_id, program_id=key)
    (entry,) = result.entries
    assert entry.points == 122
    assert [(each.rule, each.points) for each in entry.earnings] == [("purchase", 120), ("big_spender", 2)]


@pytest.mark.parametrize(("first", "count"), [(0, 20), (1, 1), (21, 21), (100, 25)])
async def test_at_most_so_many_are_listed_twenty_when_not_said(
    benefits: BenefitsWorld, first: int, count: int
) -> None:
    story = await benefits.a_member(*[100] * 25)

    (result,) = await listed(benefits, story.member_id, first=first)

    assert [entry.seq for entry in result.entries] == list(range(25, 25 - count, -1))


async def test_each_member_is_answered_in_their_place_found_or_missing(benefits: BenefitsWorld) -> None:
    one, nothing = await benefits.a_member(1_000), await benefits.a_member(50)
    stranger = await benefits.a_member(1_000, program_id=await benefits.a_program())

    results = await listed(benefits, nothing.member_id, one.member_id, stranger.member_id, "mem_" + "0" * 32)

    assert [result.status for result in results] == [MISSING, FOUND, MISSING, MISSING]
    assert results[0] == results[2] == results[3]
