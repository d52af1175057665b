"""Presets: what their scores read is what events can give."""

import pytest

from libs.common.program import preset, preset_names
from services.members.domain.fact_columns import require_facts
from services.members.messages import EVENT_KINDS


@pytest.mark.parametrize("name", preset_names())
def test_every_fact_that_the_scores_of_a_preset_read_is_one_that_members_give(name: str) -> None:
    require_facts(preset(name).score_facts, EVENT_KINDS)
