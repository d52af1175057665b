"""What differs between two programs: where, in words, and what it means for members."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from libs.common.program import Program, preset, preset_names
from libs.common.program_diff import MEANINGS, changes

Document = dict[str, Any]
GOLD = "tier_sets[main].tiers[gold]"


def tier(document: Document, place: int) -> Document:
    found: Document = document["tier_sets"][0]["tiers"][place]
    return found


def movement(document: Document, **terms: Any) -> None:
    document["tier_sets"][0]["movement"] |= {"downgrade": "step_down", "period": {"kind": "year"}} | terms


def changed(before: Program, change: Callable[[Document], object]) -> Program:
    document = deepcopy(before.document())
    change(document)
    return Program.parse(document)


def asks(value: int, op: str = ">=", metric: str = "spend", **more: Any) -> Document:
    return {"metric": metric, "op": op, "value": value, **more}


SEASON = {
    "key": "sale",
    "name": {"zh": "大促", "en": "Sale"},
    "from_time": "2027-11-01T00:00:00Z",
    "to_time": "2027-11-12T00:00:00Z",
    "factor_bp": 8_000,
}
# Of the music store: what changes, where, what it means, and both values in English.
CHANGES: dict[str, tuple[Callable[[Document], object], str, str, str | None, str | None]] = {
    "gold from 250 to 300": (
        lambda d: tier(d, 2).update(entry=asks(30_000)),
        f"{GOLD}.entry",
        "harder",
        "Lifetime spend at least $250.00",
        "Lifetime spend at least $300.00",
    ),
    "points for who reaches gold": (
        lambda d: tier(d, 2).update(reward_points=100),
        f"{GOLD}.reward_points",
        "benefits",
        "0",
        "100",
    ),
    "a second way to gold": (
        lambda d: tier(d, 2).update(entry={"any": [asks(25_000), asks(10, metric="orders")]}),
        f"{GOLD}.entry",
        "easier",
        "Lifetime spend at least $250.00",
        "Lifetime spend at least $250.00 or Orders at least 10",
    ),
    "gold by orders instead of money": (
        lambda d: tier(d, 2).update(entry=asks(10, metric="orders")),
        f"{GOLD}.entry",
        "other",
        "Lifetime spend at least $250.00",
        "Orders at least 10",
    ),
    "a keep rule beside the entry": (
        lambda d: tier(d, 2).update(keep=asks(100, window="year")),
        f"{GOLD}.keep",
        "easier",
        "none",
        "Spend of the year at least $1.00",
    ),
    "tiers that may be lost": (
        movement,
        "tier_sets[main].movement.downgrade",
        "harder",
        "never",
        "step_down",
    ),
    "days of grace": (
        lambda d: movement(d, grace_days=30),
        "tier_sets[main].movement.grace_days",
        "easier",
        "0",
        "30",
    ),
    "a gate of risk": (
        lambda d: movement(d, review_gate={"integrity_below": 5_000}),
        "tier_sets[main].movement.review_gate",
        "harder",
        "none",
        "integrity_below 5,000",
    ),
    "a season of lower thresholds": (
        lambda d: d["tier_sets"][0].update(seasons=[SEASON]),
        "tier_sets[main].seasons[sale]",
        "easier",
        None,
        "Sale",
    ),
    "a benefit that goes": (
        lambda d: tier(d, 2)["benefits"].pop(),
        f"{GOLD}.benefits[gold_badge]",
        "benefits",
        "Gold badge",
        None,
    ),
    "another discount": (
        lambda d: tier(d, 2).update(discount_bp=9_450),
        f"{GOLD}.discount_bp",
        "money",
        "95 %",
        "94.5 %",
    ),
    "a cap of the day": (
        lambda d: d["points"]["redemption"].update(daily_cap_minor=100_000),
        "points.redemption.daily_cap_minor",
        "money",
        "$5,000.00",
        "$1,000.00",
    ),
    "another name": (
        lambda d: tier(d, 2)["name"].update(en="Golden"),
        f"{GOLD}.name",
        "texts",
        "Gold",
        "Golden",
    ),
    "a label of a stage": (
        lambda d: d.update(labels={"lifecycle": {"new": {"zh": "新客", "en": "Newcomer"}}}),
        "labels.lifecycle.new",
        "texts",
        None,
        "Newcomer",
    ),
    "a tier that is added": (
        lambda d: d["tier_sets"][0]["tiers"].append(
            {"key": "royal", "name": {"zh": "皇冠", "en": "Royal"}, "entry": asks(500_000)}
        ),
        "tier_sets[main].tiers[royal]",
        "other",
        None,
        "Royal",
    ),
    "notices that are switched off": (
        lambda d: d["notices"].update(switched_off=["near_upgrade", "wake_up"]),
        "notices.switched_off",
        "other",
        "none",
        "near_upgrade, wake_up",
    ),
}


@pytest.mark.parametrize(
    ("change", "path", "meaning", "before", "after"), CHANGES.values(), ids=list(CHANGES)
)
def test_a_change_is_said_in_words_with_what_it_means(
    change: Callable[[Document], object], path: str, meaning: str, before: str | None, after: str | None
) -> None:
    music_store = preset("music_store")

    found = {each.path: each for each in changes(music_store, changed(music_store, change))}

    one = found[path]
    assert one.meaning == meaning
    assert (one.before and one.before["en"], one.after and one.after["en"]) == (before, after)


@pytest.mark.parametrize("name", [name for name, (_, _, meant, _, _) in CHANGES.items() if meant != "other"])
def test_what_is_harder_one_way_is_easier_the_other(name: str) -> None:
    change, path, meaning, _, _ = CHANGES[name]
    before = preset("music_store")
    after = changed(before, change)

    (back,) = [each for each in changes(after, before) if each.path == path]

    assert back.meaning == {"harder": "easier", "easier": "harder"}.get(meaning, meaning)


@pytest.mark.parametrize("name", preset_names())
def test_nothing_differs_from_itself_whatever_its_version(name: str) -> None:
    program = preset(name)

    assert changes(program, program.model_copy(update={"version": 7})) == []


def test_the_words_are_chinese_too() -> None:
    before = preset("music_store")

    (change,) = changes(before, changed(before, lambda d: tier(d, 2).update(entry=asks(30_000))))

    assert (change.before or {})["zh"] == "累计消费至少US$250.00"
    assert (change.after or {})["zh"] == "累计消费至少US$300.00"


def test_tiers_in_another_order_are_one_change() -> None:
    before = preset("sports_four")

    found = changes(
        before,
        changed(before, lambda d: d["tier_sets"][0]["tiers"].insert(1, d["tier_sets"][0]["tiers"].pop())),
    )

    assert [(each.path, (each.after or {})["en"]) for each in found] == [
        ("tier_sets[main].tiers", "bronze, platinum, silver, gold")
    ]


@pytest.mark.parametrize(
    "pair", [("ecommerce_five", "airline_three"), ("generic_stage_four", "dating_annual")], ids="-".join
)
def test_any_two_programs_can_be_compared_by_what_it_means_for_members(pair: tuple[str, str]) -> None:
    found = changes(*(preset(name) for name in pair))

    meanings = [each.meaning for each in found]
    assert meanings == sorted(meanings, key=MEANINGS.index)
    assert len({each.path for each in found}) == len(found) > 10


def test_the_same_entry_over_a_shorter_window_is_a_change_of_the_window() -> None:
    before = preset("music_store")

    found = changes(before, changed(before, lambda d: d["tier_sets"][0].update(window="365d")))

    assert [(each.path, each.meaning) for each in found] == [("tier_sets[main].window", "other")]
