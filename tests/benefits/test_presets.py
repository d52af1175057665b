"""The programs that are shipped, live: each is published, and decides on whoever buys."""

import pytest

from libs.common.program import preset_names
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.test_acceptance import tier_of

# What who has bought once, for 6,000, is by those that look at a lifetime.
BOUGHT_ONCE = {
    "dating_annual": "normal",
    "dating_service": "basic",
    "ecommerce_five": "gold",
    "ecommerce_points": "gold",
    "ecommerce_four": "gold",
    "ecommerce_platinum_four": "gold",
    "sports_four": "gold",
    "generic_platinum_four": "gold",
    "music_store": "diamond",
}


@pytest.mark.parametrize("name", preset_names())
async def test_a_preset_can_be_published(benefits: BenefitsWorld, name: str) -> None:
    assert (await benefits.a_program(name)).startswith("store_")


@pytest.mark.parametrize("name", BOUGHT_ONCE)
async def test_a_preset_decides_on_who_buys(benefits: BenefitsWorld, name: str) -> None:
    program_id = await benefits.a_program(name)

    story = await benefits.a_member(600_000, program_id=program_id)

    assert await tier_of(benefits, story) == BOUGHT_ONCE[name]
