"""Tier points qualify: tiers ask for them, whatever the batches, and apart from points that are redeemed."""

from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.ids import new_id
from libs.common.program import Program, preset
from tests.benefits.changing import recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import ledger_faults
from tests.benefits.points import matured
from tests.benefits.reviewing import reviewed
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

FACT = "benefits.tier_points.lifetime"
TYPE = {
    "key": "tier_points",
    "name": {"zh": "等级积分", "en": "Tier points"},
    "kind": "tier",
    "expire_after_months": 1,
}
SPENT: dict[str, Any] = {"event_kind": "purchase", "unit_minor": 100, "points_per_unit": 1}
EARN = [{"key": "spend", **SPENT}, {"key": "qualify", **SPENT, "point_type": "tier_points"}]


def a_tier(key: str, at_least: int | None, multiplier_bp: int = 10_000, **asked: Any) -> dict[str, Any]:
    entry = {"metric": "benefits.tier_points", "op": ">=", "value": at_least, **asked}
    return {
        "key": key,
        "name": {"zh": key, "en": key.title()},
        "multiplier_bp": multiplier_bp,
        "entry": None if at_least is None else entry,
    }


def a_document(**asked: Any) -> dict[str, Any]:
    """A program whose tiers ask for 100 and 300 tier points, of which silver earns twice as many."""
    document = preset(PROGRAM).document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["points"] |= {"earn": EARN, "types": [TYPE]}
    main = document["tier_sets"][0]
    tiers = [a_tier("bronze", None), a_tier("silver", 100, 20_000, **asked), a_tier("gold", 300)]
    document["tier_sets"] = [{**main, "tiers": tiers}]
    return document


async def published(benefits: BenefitsWorld, document: dict[str, Any]) -> str:
    """The key of the program of a document, which is live and whose clock stands at noon."""
    program = Program.parse(document)
    benefits.members.times[program.key] = NOON
    await benefits.publish(program)
    return program.key


async def a_story(benefits: BenefitsWorld) -> Story:
    return Story(await published(benefits, a_document()))


async def applied(benefits: BenefitsWorld, story: Story, batch: int) -> list[tuple[int, str, int]]:
    """Have a story applied so many events at a time: of each, its tier and the tier points of its receipt."""
    benefits.members.knows([story])
    last = len(story.events)
    await benefits.apply(story.partition, story.registration())
    for first in range(1, last + 1, batch):
        await benefits.apply(story.partition, story.told(first, min(last, first + batch - 1)))
    return await decided(benefits, story)


async def decided(benefits: BenefitsWorld, story: Story) -> list[tuple[int, str, int]]:
    found = benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    return [(each["event_seq"], each["to_tier"], dict(each["facts"]).get(FACT, 0)) async for each in found]


@pytest.mark.parametrize("batch", [1, 2, 6])
async def test_tiers_are_the_same_whatever_the_batches(benefits: BenefitsWorld, batch: int) -> None:
    story = (await a_story(benefits)).buys(9_900, 100, 9_900, 100, 100, 100)

    found = await applied(benefits, story, batch)

    # 99, 100: silver, then twice as many: 298, 300: gold, as many as they are worth again.
    assert found == [
        (0, "bronze", 0),
        (1, "bronze", 99),
        (2, "silver", 100),
        (3, "silver", 298),
        (4, "gold", 300),
        (5, "gold", 301),
        (6, "gold", 302),
    ]
    assert await ledger_faults(benefits, story.program_id) == []


async def test_what_is_told_twice_counts_once(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(5_000, 4_900)
    first = await applied(benefits, story, 2)

    again = await applied(benefits, story, 1)

    assert again == first
    assert again[-1] == (2, "bronze", 99)


async def test_a_refund_takes_them_back_from_the_next_decision_on(benefits: BenefitsWorld) -> None:
    story = (await a_story(benefits)).buys(9_900).refunds(1, 5_000, at=NOON + DAY)
    story.buys(4_900, at=NOON + 2 * DAY).buys(200, at=NOON + 3 * DAY)

    found = await applied(benefits, story, 6)

    assert found[1:] == [(1, "bronze", 99), (2, "bronze", 99), (3, "bronze", 98), (4, "silver", 100)]


@pytest.mark.parametrize("swept", [False, True], ids=["late", "in time"])
async def test_that_they_expire_takes_none_away_whenever_it_is_swept(
    benefits: BenefitsWorld, swept: bool
) -> None:
    story = (await a_story(benefits)).buys(9_900)
    await applied(benefits, story, 1)
    if swept:
        await matured(benefits, story.program_id, NOON + 40 * DAY)
    story.refunds(1, 1_000, at=NOON + 50 * DAY).buys(1_100, at=NOON + 51 * DAY)

    found = await applied(benefits, story, 2)

    assert found[2:] == [(2, "bronze", 99), (3, "silver", 100)]
    assert await ledger_faults(benefits, story.program_id) == []


async def test_a_review_at_the_end_of_a_term_reads_them_too(benefits: BenefitsWorld) -> None:
    document = a_document() | {"time_zone": "UTC"}
    (tier_set,) = document["tier_sets"]
    tier_set["movement"] = {"downgrade": "period_end", "period": {"kind": "year"}}
    program_id = await published(benefits, document)
    story = Story(program_id).buys(10_000).refunds(1, 100, at=NOON + DAY)
    await applied(benefits, story, 2)

    await reviewed(benefits, program_id, NOON + 700 * DAY)

    *_, last = await decided(benefits, story)
    assert last == (2, "bronze", 99)


async def test_a_new_version_of_the_program_reads_them_too(benefits: BenefitsWorld) -> None:
    document = a_document()
    document["tier_sets"][0]["movement"] |= {"new_version": "apply"}
    program_id = await published(benefits, document)
    story = Story(program_id).buys(9_900)
    await applied(benefits, story, 1)
    document["tier_sets"][0]["tiers"][1]["entry"]["value"] = 99
    await published(benefits, document)

    await recalculated(benefits, program_id)

    *_, last = await decided(benefits, story)
    assert last == (1, "silver", 99)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metric": "benefits.club_points"}, "is none of"),
        ({"metric": "benefits.points"}, "is none of"),
        ({"window": "365d"}, "points count for a lifetime"),
    ],
)
def test_a_rule_asks_for_points_that_qualify_in_a_lifetime(asked: dict[str, str], said: str) -> None:
    with pytest.raises(ProgramInvalid) as refused:
        Program.parse(a_document(**asked))

    ((place, problem),) = refused.value.facts.items()
    assert place.startswith("tier_sets[0].tiers[1].entry")
    assert said in str(problem)
