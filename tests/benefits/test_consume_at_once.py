"""Announcements that two replicas apply at the same time: one effect, whoever gets in first."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.common.redis import StreamMessage
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.outcomes import AMOUNTS, EXPECTED, a_story, ledger_faults, outcome
from tests.benefits.stories import Story


def stories_of_one_partition(benefits: BenefitsWorld, count: int) -> list[Story]:
    stories: list[Story] = []
    while len(stories) < count:
        story = Story()
        if story.partition == 0:
            stories.append(story.buys(*AMOUNTS))
    benefits.members.knows(stories)
    return stories


async def applied_by_two(
    benefits: BenefitsWorld, one: Sequence[StreamMessage], other: Sequence[StreamMessage]
) -> None:
    """Two replicas that both believe to hold the partition."""
    first, second = benefits.consumer(), benefits.consumer()
    async with asyncio.timeout(4):
        await asyncio.gather(first.apply(0, list(one)), second.apply(0, list(other)))


@pytest.mark.parametrize("round_", range(3))
async def test_two_consumers_of_the_same_messages_at_once_have_one_effect(
    benefits: BenefitsWorld, round_: int
) -> None:
    stories = stories_of_one_partition(benefits, 6)
    messages = [message for story in stories for message in (story.registration(), story.told())]

    await applied_by_two(benefits, messages, messages)

    assert [await outcome(benefits, story) for story in stories] == [EXPECTED] * len(stories)
    assert await ledger_faults(benefits) == []


async def test_two_consumers_of_zero_points_at_once_have_one_effect(benefits: BenefitsWorld) -> None:
    story = Story().buys(0, 0, 0)

    await applied_by_two(benefits, [story.told()], [story.told()])

    result = await outcome(benefits, story)
    assert (result.decisions, result.transactions, result.entries) == (4, 3, [])


async def test_two_consumers_of_overlapping_messages_at_once_have_one_effect(benefits: BenefitsWorld) -> None:
    story = a_story(benefits)
    messages = [story.registration(), *story.told_in(2, 2, 2, 3)]

    await applied_by_two(benefits, messages[:3], messages[1:])

    assert await outcome(benefits, story) == EXPECTED
    assert await ledger_faults(benefits) == []
