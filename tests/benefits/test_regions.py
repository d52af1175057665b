"""Regions: members are decided by the rules of the region of their home store, wherever they shop."""

from laurel.benefits.v1 import decisions_pb2, decisions_pb2_grpc
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.visibility import Home
from tests.benefits.changing import a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.benefits.tier_desk import decided, membership
from tests.support.builders import DAY, NOON

DECISIONS = decisions_pb2.DESCRIPTOR.services_by_name["DecisionsService"]
GOLD, GOLD_IN_THE_NORTH = 25_000, 20_000
NORTH = {
    "key": "north",
    "name": {"zh": "北方", "en": "North"},
    "stores": ["harbin"],
    "tiers": {"gold": {"entry": {"metric": "spend", "op": ">=", "value": GOLD_IN_THE_NORTH}}},
}


async def a_regional_program(benefits: BenefitsWorld) -> str:
    """The music store, where gold asks for less in the north."""
    document = preset("music_store").document() | {"key": f"store_{new_id('x')[-12:]}"}
    document["tier_sets"][0]["variants"] = [NORTH]
    await benefits.publish(Program.parse(document))
    return str(document["key"])


async def a_member_of(benefits: BenefitsWorld, program_id: str, store_id: str) -> Story:
    """Who belongs to a store and spent what makes gold in the north."""
    story = Story(program_id, home=Home(store_id=store_id)).buys(GOLD_IN_THE_NORTH)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    return story


async def test_the_home_store_decides_by_whose_rules(benefits: BenefitsWorld) -> None:
    program_id = await a_regional_program(benefits)

    stories = [await a_member_of(benefits, program_id, store) for store in ("harbin", "beijing")]

    assert [(await membership(benefits, each)).tier for each in stories] == ["gold", "silver"]
    assert [(await decided(benefits, each))[-1].variant for each in stories] == ["north", ""]


async def test_decisions_of_a_region_are_replayed_and_paths_go_by_its_rules(benefits: BenefitsWorld) -> None:
    program_id = await a_regional_program(benefits)
    story = Story(program_id, home=Home(store_id="harbin")).buys(GOLD_IN_THE_NORTH - 500)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    ids = await benefits.database.decisions.distinct("_id", {"member_id": story.member_id})
    stub = benefits.stub(DECISIONS, decisions_pb2_grpc.DecisionsServiceStub, "staff", "ann", program_id)

    replayed = await stub.BatchReplayDecisions(
        decisions_pb2.BatchReplayDecisionsRequest(program_id=program_id, decision_ids=ids)
    )
    paths = await stub.FindPaths(
        decisions_pb2.FindPathsRequest(program_id=program_id, member_id=story.member_id, tier_set="main")
    )

    assert [each.replay.same for each in replayed.results] == [True, True]
    (path, *_) = paths.found.paths
    assert ("spend", 500) in [(step.metric, step.amount) for step in path.steps]


async def test_who_moves_is_decided_by_the_new_rules_from_the_next_decision_on(
    benefits: BenefitsWorld,
) -> None:
    story = await a_member_of(benefits, await a_regional_program(benefits), "beijing")
    before = await membership(benefits, story)
    await benefits.database.homes.update_one({"_id": story.member_id}, {"$set": {"store_id": "harbin"}})
    story.buys(100, at=NOON + DAY)

    await benefits.apply(story.partition, story.told(2))

    assert (before.tier, (await membership(benefits, story)).tier) == ("silver", "gold")


async def test_a_version_that_makes_a_region_moves_its_members(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    stories = [await a_member_of(benefits, desk.key, store) for store in ("harbin", "beijing")]
    document = desk.program.document()
    document["tier_sets"][0]["variants"] = [NORTH]

    await desk.changed_to(Program.parse(document))
    await recalculated(benefits, desk.key)

    assert [(await membership(benefits, each)).tier for each in stories] == ["gold", "silver"]
