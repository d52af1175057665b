"""The gate of risk: an upgrade of who is not trusted waits, and is decided again when risk says otherwise."""

import asyncio

import pytest

from libs.common.errors import Unavailable
from libs.common.ids import new_id
from libs.common.program import Program, preset
from tests.benefits.changing import a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.reviewing import YEARLY, a_yearly_program, reviewed
from tests.benefits.stories import Story
from tests.benefits.telling import codes
from tests.benefits.test_tier_reviews import MAY, NEW_YEAR
from tests.benefits.tier_desk import decided, history, membership
from tests.support.builders import DAY, NOON

GATE = {"review_gate": {"integrity_below": 5_000}}
SILVER, GOLD = 10_000, 25_000


async def a_gated_program(benefits: BenefitsWorld) -> str:
    """The music store, where who has less integrity than 50 of 100 goes up after risk has looked."""
    document = preset("music_store").document() | {"key": f"store_{new_id('x')[-12:]}"}
    document["tier_sets"][0]["movement"] |= GATE
    await benefits.publish(Program.parse(document))
    return str(document["key"])


async def bought(benefits: BenefitsWorld, integrity: int | None, *amounts: int) -> Story:
    """A member of such a program, of whom risk says this, who made these purchases."""
    story = Story(await a_gated_program(benefits)).buys(*amounts)
    benefits.members.knows([story])
    if integrity is not None:
        benefits.risk.says(story, integrity)
    await benefits.apply(story.partition, story.registration(), story.told())
    return story


async def told_of(benefits: BenefitsWorld, story: Story, integrity: int) -> None:
    """Risk says something else, and benefits hears of it."""
    await benefits.risk_consumer().apply(story.partition, [benefits.risk.says(story, integrity)])


async def test_an_upgrade_of_who_is_not_trusted_waits(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 49, SILVER)

    receipt = (await decided(benefits, story))[-1]

    assert [each[1:] for each in await history(benefits, story)] == [("HELD", "normal")]
    assert {each.name: each.value for each in receipt.facts}["risk.integrity"] == 4_900
    assert [each.code for each in receipt.reasons][:2] == ["UPGRADE_HELD", "TIER_REACHED"]


@pytest.mark.parametrize("integrity", [50, None], ids=["trusted enough", "unknown to risk"])
async def test_others_go_up_with_the_purchase(benefits: BenefitsWorld, integrity: int | None) -> None:
    story = await bought(benefits, integrity, SILVER)

    assert (await membership(benefits, story)).tier == "silver"


async def test_risk_is_asked_once_for_all_members_of_a_batch(benefits: BenefitsWorld) -> None:
    program_id = await a_gated_program(benefits)
    stories = [Story(program_id).buys(SILVER, 100) for _ in range(5)]
    benefits.members.knows(stories)
    benefits.risk.asked.clear()

    await benefits.apply(0, *(each.registration() for each in stories), *(each.told() for each in stories))

    assert [sorted(asked) for asked in benefits.risk.asked] == [sorted(each.member_id for each in stories)]


async def test_programs_without_a_gate_ask_nothing(benefits: BenefitsWorld) -> None:
    benefits.risk.asked.clear()

    await benefits.a_member(SILVER)

    assert benefits.risk.asked == []


async def test_when_risk_clears_them_they_go_up_and_both_decisions_are_kept(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 10, SILVER)

    await told_of(benefits, story, 80)

    held, cleared = await decided(benefits, story)
    assert [each[1:] for each in await history(benefits, story)] == [
        ("HELD", "normal"),
        ("UPGRADED", "silver"),
    ]
    assert held.reasons[0].code == "UPGRADE_HELD"
    assert (cleared.reasons[0].code, cleared.cause.run_id[:5]) == ("TIER_REACHED", "risk:")
    assert await codes(benefits, story.member_id) == ["TIER_CHANGED"]


async def test_the_same_word_that_comes_again_decides_nothing(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 10, SILVER)
    word = benefits.risk.says(story, 80)
    replicas = [benefits.risk_consumer() for _ in range(3)]

    await asyncio.gather(*(each.apply(story.partition, [word, word]) for each in replicas))

    assert [each[1] for each in await history(benefits, story)] == ["HELD", "UPGRADED"]


async def test_another_word_that_is_as_bad_is_kept_once(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 10, SILVER)

    for integrity in (10, 20, 20):
        await told_of(benefits, story, integrity)

    assert [each[1] for each in await history(benefits, story)] == ["HELD", "HELD"]


async def test_who_waits_for_nothing_is_not_decided_again(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 80, SILVER)

    await told_of(benefits, story, 10)

    assert [each[1:] for each in await history(benefits, story)] == [("UPGRADED", "silver")]


async def test_the_next_purchase_finds_the_new_word_by_itself(benefits: BenefitsWorld) -> None:
    story = await bought(benefits, 10, SILVER)
    benefits.risk.says(story, 80)
    story.buys(100, at=NOON + DAY)

    await benefits.apply(story.partition, story.told(2))

    assert (await membership(benefits, story)).tier == "silver"


async def test_without_risk_nothing_is_decided_and_it_is_tried_again(benefits: BenefitsWorld) -> None:
    program_id = await a_gated_program(benefits)
    story = Story(program_id).buys(SILVER)
    benefits.members.knows([story])
    benefits.risk.down = True
    try:
        with pytest.raises(Unavailable):
            await benefits.apply(story.partition, story.registration(), story.told())
    finally:
        benefits.risk.down = False
    nothing = await benefits.database.memberships.count_documents({"member_id": story.member_id})

    await benefits.apply(story.partition, story.registration(), story.told())

    assert nothing == 0
    assert (await membership(benefits, story)).tier == "silver"


async def test_at_a_review_it_is_asked_too(benefits: BenefitsWorld) -> None:
    program_id = await a_yearly_program(benefits, **{**YEARLY, "upgrade": "scheduled", **GATE})
    story = Story(program_id).buys(GOLD, at=MAY)
    benefits.members.knows([story])
    benefits.risk.says(story, 10)
    await benefits.apply(story.partition, story.registration(), story.told())

    await reviewed(benefits, program_id, NEW_YEAR)

    assert (await history(benefits, story))[-1] == ("REVIEW", "HELD", "normal")


async def test_and_when_a_new_version_takes_effect(benefits: BenefitsWorld) -> None:
    desk = await a_desk(benefits)
    story = await benefits.a_member(GOLD - 1, program_id=desk.key)
    document = desk.with_gold_at(GOLD - 1).document()
    document["tier_sets"][0]["movement"] |= GATE
    benefits.risk.says(story, 10)

    await desk.changed_to(Program.parse(document))
    await recalculated(benefits, desk.key)

    assert (await history(benefits, story))[-1] == ("NEW_VERSION", "HELD", "silver")
