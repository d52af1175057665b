"""The plans of a program document: what they say, what is refused, and those of the dating site."""

from copy import deepcopy
from typing import Any

import pytest

from libs.common.errors import ProgramInvalid
from libs.common.program import Program, preset

Document = dict[str, Any]


def a_document() -> Document:
    return deepcopy(preset("dating_annual").document())


def plan_of(document: Document, key: str) -> Document:
    found: Document = next(each for each in document["contracts"]["plans"] if each["key"] == key)
    return found


def problem(document: Document) -> str:
    with pytest.raises(ProgramInvalid) as refusal:
        Program.parse(document)
    return " ".join(f"{path}: {text}" for path, text in refusal.value.facts.items())


def test_the_dating_site_sells_what_its_model_says() -> None:
    contracts = preset("dating_annual").contracts

    sold = {
        plan.key: (plan.name.zh, plan.amount_minor, plan.term_months, plan.grants and plan.grants.tier)
        for plan in contracts.plans
        if plan.group == "membership"
    }
    assert sold["gold_year"] == ("黄金会员年卡", 128_800, 12, "gold")
    assert sold["diamond_year"] == ("钻石会员年卡", 388_800, 12, "diamond")
    assert sold["dating_quarter"][::2] == ("3个月脱单套餐", 3)
    assert sold["vip_for_life"][::2] == ("终身VIP", None)
    matching = contracts.plan("ai_deep_matching")
    assert matching is not None
    assert [each.name.zh for each in matching.benefits] == ["情感预测", "每周匹配优化建议"]
    assert {plan.name.zh for plan in contracts.plans} >= {"AI心动加速包", "私密相册解锁"}


def test_the_dating_sites_ladder_has_the_benefits_of_its_model() -> None:
    (ladder,) = preset("dating_annual").tier_sets

    assert {tier.key: [grant.benefit for grant in tier.benefits] for tier in ladder.tiers} == {
        "normal": ["basic_matching", "profile_browse"],
        "gold": ["advanced_search", "anonymous_visit_records", "offline_event_priority_signup"],
        "diamond": ["one_to_one_matchmaker", "cross_city_allocation"],
    }
    assert [tier.entry for tier in ladder.tiers] == [None] * 3


def test_reminders_are_thirty_seven_and_one_days_ahead_unless_said() -> None:
    document = a_document()
    del plan_of(document, "gold_year")["reminder_days"]

    plan = Program.parse(document).contracts.plan("gold_year")

    assert plan is not None
    assert (plan.reminder_days, plan.grace_days) == ((30, 7, 1), 0)


def test_a_program_without_plans_has_none() -> None:
    assert preset("ecommerce_five").contracts.plans == ()


@pytest.mark.parametrize(
    ("plan", "change", "told"),
    [
        ("gold_year", {"lifetime": True}, "either term_months or lifetime"),
        ("gold_year", {"term_months": None}, "either term_months or lifetime"),
        ("gold_year", {"term_months": 0}, "greater than or equal to 1"),
        ("gold_year", {"amount_minor": -1}, "greater than or equal to 0"),
        ("gold_year", {"amount_minor": 1288.0}, "valid integer"),
        ("gold_year", {"reminder_days": [1, 7]}, "reminder_days descends"),
        ("gold_year", {"reminder_days": [7, 7]}, "reminder_days descends"),
        ("gold_year", {"key": "diamond_year"}, "plans share a key"),
        ("gold_year", {"grants": {"tier_set": "main", "tier": "ruby"}}, "grants main.ruby, which is no tier"),
        ("gold_year", {"grants": None}, "main.gold has no entry, and no plan grants it"),
        ("ai_boost", {"needs": ["nothing"]}, "ai_boost needs nothing, which is no plan"),
        ("ai_boost", {"group": "membership"}, "ai_boost needs gold_year, which is no plan of another group"),
        ("gold_year", {"needs": ["ai_deep_matching"]}, "ai_boost needs gold_year"),
        ("gold_year", {"price": 1}, "there is no such field here"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(plan: str, change: Document, told: str) -> None:
    document = a_document()
    plan_of(document, plan).update(change)

    assert told in problem(document)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([True, False, False], "the first tier is without entry"),
        ([False, False, True], "as are the highest if only contracts grant them"),
    ],
    ids=["the first is earned", "one below an earned one"],
)
def test_tiers_that_are_only_sold_stand_above_those_that_are_earned(entries: list[bool], told: str) -> None:
    document = a_document()
    for tier, earned in zip(document["tier_sets"][0]["tiers"], entries, strict=True):
        tier["entry"] = {"metric": "spend", "op": ">=", "value": 1} if earned else None

    assert told in problem(document)


def test_a_tier_that_nobody_earns_and_nobody_sells_is_refused() -> None:
    document = a_document() | {"contracts": {"plans": []}}

    assert "main.diamond has no entry, and no plan grants it" in problem(document)
