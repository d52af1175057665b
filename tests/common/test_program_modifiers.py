"""Modifiers and sets of segments: those that are shipped, and what they do to any program."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.errors import ProgramInvalid, ProgramUnknown
from libs.common.lint.check import lint
from libs.common.program import Program, preset, preset_names
from libs.common.program_modifiers import AddedPath, ElasticThresholds, modifier, modifier_names
from libs.common.program_words import Words
from libs.common.segment_sets import segment_set, segment_set_names

ELASTIC, PATH = "elastic_two_group", "growth_path"

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def groups(*tiers: int | None) -> list[dict[str, Any]]:
    return [
        {"key": f"g{place}", "name": {"zh": "组", "en": "Group"}, "value": place, "tiers": count}
        for place, count in enumerate(tiers)
    ]


def test_head_members_spend_5000_a_month_and_others_3000() -> None:
    changed = modifier(ELASTIC).applied(preset("ecommerce_five"), "main")

    words = Words.of(changed, "lifetime", "zh")
    asked = [words.condition(tier.entry) for tier in changed.tier_sets[0].tiers if tier.entry]
    assert asked == [
        f"(累计消费至少¥{spend}或成功邀请好友数至少{invites})且近3个月月均消费至少¥{monthly}"
        for spend, invites, monthly in [
            ("1,000.00", 3, "3,000.00"),
            ("5,000.00", 10, "3,000.00"),
            ("10,000.00", 30, "3,000.00"),
            ("30,000.00", 100, "5,000.00"),
        ]
    ]


@pytest.mark.parametrize("name", preset_names())
def test_a_modifier_goes_with_any_ladder(name: str) -> None:
    before = preset(name)

    if before.tier_sets[0].mode in {"score", "segment"}:
        before = Program.parse(
            before.document() | {"tier_sets": [before.document()["tier_sets"][0] | {"mode": None}]}
        )
    changed = modifier(ELASTIC).applied(before, "main")

    entered = [tier.entry is not None for tier in before.tier_sets[0].tiers]
    assert [tier.entry is not None for tier in changed.tier_sets[0].tiers] == entered
    assert (changed != before) == any(entered)


def test_a_ladder_that_is_meant_to_be_of_scores_alone_takes_no_threshold_of_money() -> None:
    with pytest.raises(ProgramInvalid) as refusal:
        modifier(ELASTIC).applied(preset("xiaohongshu_four"), "main")

    assert "tier_sets[0].tiers[1].mode" in refusal.value.facts


@pytest.mark.parametrize(
    "wrong",
    [{"metric": "karma"}, {"window": "fortnight"}, {"groups": groups(None, None)}, {"groups": groups(1, 2)}],
    ids=[
        "a metric that is none",
        "a window that is none",
        "a group before the last without tiers",
        "no last",
    ],
)
def test_a_modifier_that_breaks_a_rule_is_refused(wrong: dict[str, Any]) -> None:
    document = modifier(ELASTIC).model_dump(mode="json")

    with pytest.raises(ValidationError) as refusal:
        ElasticThresholds.model_validate_json(json.dumps(document | wrong))

    assert ElasticThresholds.model_validate_json(json.dumps(document)) == modifier(ELASTIC)
    assert refusal.value.error_count() == 1


@pytest.mark.parametrize("name", preset_names())
def test_a_growth_path_stands_beside_any_ladder_and_is_for_its_low_tiers(name: str) -> None:
    before = preset(name)

    changed = modifier(PATH).applied(before, before.tier_sets[0].key)

    *ladders, growth = changed.tier_sets
    assert tuple(ladders) == before.tier_sets
    assert growth.path is not None
    assert growth.path.for_tiers == tuple(each.key for each in before.tier_sets[0].tiers[:2])
    assert all(node.reward_points for node in growth.tiers[1:])
    assert "growth_value" in changed.points.qualifying
    assert {each.severity for each in lint(changed, NOW) if each not in lint(before, NOW)} <= {"note"}


def test_a_program_has_the_path_once_and_for_its_first_ladder() -> None:
    path, once = modifier(PATH), modifier(PATH).applied(preset("ecommerce_five"), "main")

    for program, ladder in ((once, "main"), (once, "growth")):
        with pytest.raises(ProgramInvalid):
            path.applied(program, ladder)

    assert isinstance(path, AddedPath)


def test_the_guests_of_a_restaurant_are_of_three_kinds() -> None:
    found = segment_set("restaurant_segments")

    assert [each.name.zh for each in found.segments] == ["社交型", "品质型", "综合型"]
    assert all(each.benefits for each in found.segments)


def test_what_is_shipped_is_known_by_name() -> None:
    assert (modifier_names(), segment_set_names()) == ([ELASTIC, PATH], ["restaurant_segments"])
    for read in (modifier, segment_set, preset):
        with pytest.raises(ProgramUnknown):
            read("../program")
