"""Rules of movement in words: how tiers are reached, kept and lost, in both languages."""

import pytest

from libs.common.movement_policy import Movement
from libs.common.movement_words import entry_text, keep_text, movement_text
from libs.common.program import preset, preset_names
from libs.common.program_words import Words
from libs.common.texts import LOCALES, Locale


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("locale", LOCALES)
def test_every_tier_of_every_preset_says_how_it_is_reached(name: str, locale: Locale) -> None:
    program = preset(name)

    for tier_set in program.tier_sets:
        words = Words.of(program, tier_set.window, locale)
        said = [entry_text(tier, place, words) for place, tier in enumerate(tier_set.tiers)]
        lasting = tier_set.movement.downgrade == "never"
        kept = [keep_text(tier, tier_set.movement, words) for tier in tier_set.tiers]
        assert all(said)
        assert [bool(each) for each in kept] == [
            tier.entry is not None and not lasting for tier in tier_set.tiers
        ]
        assert movement_text(tier_set.movement, locale)


@pytest.mark.parametrize(
    ("terms", "zh", "en"),
    [
        (
            {},
            "达到要求即刻升级。不降级。",
            "A tier is given as soon as it is reached. No tier is taken away.",
        ),
        (
            {"downgrade": "period_end", "period": {"kind": "year"}, "grace_days": 30},
            "达到要求即刻升级。每年末未达保级要求的，降至已达到的等级。未达要求时有30天宽限期。",
            (
                "A tier is given as soon as it is reached. "
                "A tier that is not kept at the end of the year goes to the tier that is met. "
                "Before that there are 30 days of grace, in which it may be met again."
            ),
        ),
        (
            {
                "upgrade": "scheduled",
                "downgrade": "step_down",
                "max_step_down": 2,
                "period": {"kind": "rolling", "months": 12},
            },
            "达到要求的，在现等级满12个月时升级。现等级满12个月时未达保级要求的，一次最多降2级。",
            (
                "A tier that is reached is given 12 months after the one held was given. A tier that is not "
                "kept 12 months after the one held was given goes down by 2 at most."
            ),
        ),
    ],
    ids=["for ever", "by the year", "rolling"],
)
def test_movement_is_said_in_sentences(terms: dict[str, object], zh: str, en: str) -> None:
    movement = Movement.model_validate(terms)

    assert [movement_text(movement, locale) for locale in LOCALES] == [zh, en]


@pytest.mark.parametrize("kind", ["month", "quarter", "year"])
@pytest.mark.parametrize("more", [0, 2])
def test_every_period_is_said(kind: str, more: int) -> None:
    movement = Movement.model_validate({"downgrade": "period_end", "period": {"kind": kind, "more": more}})

    assert kind in movement_text(movement, "en")
    assert ("2 later" in movement_text(movement, "en")) == bool(more)
