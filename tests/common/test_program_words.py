"""Conditions and facts in words: every metric, scores by their names, and what is not there yet."""

import pytest

from libs.common.conditions import TIER_METRICS, AllOf, AnyOf, Comparison, SegmentIs, fact_of
from libs.common.program import Program, preset
from libs.common.program_words import Words
from libs.common.texts import LOCALES, Locale


def words(name: str, locale: Locale, **terms: object) -> Words:
    document = preset(name).document()
    document["points"] |= terms
    return Words.of(Program.parse(document), "lifetime", locale)


TYPES = [{"key": "tier_points", "name": {"zh": "等级积分", "en": "Tier points"}, "kind": "tier"}]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("metric", TIER_METRICS)
def test_a_fact_is_called_what_its_metric_is(metric: str, locale: Locale) -> None:
    said = words("ecommerce_five", locale)
    asked = Comparison(metric=metric, op=">=", value=500, window="365d")

    name = said.asked(asked).split("至少" if locale == "zh" else " at least")[0]

    assert said.facts({fact_of(metric, "365d"): 500}).startswith(name)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("zh", "(等级积分至少20,000或RFM至少26,000)且RFM为高价值"),
        ("en", "(Tier points at least 20,000 or RFM at least 26,000) and RFM is High value"),
    ],
)
def test_points_scores_and_labels_are_called_by_their_names(locale: Locale, said: str) -> None:
    condition = AllOf(
        all=(
            AnyOf(
                any=(
                    Comparison(metric="benefits.tier_points", op=">=", value=20_000),
                    Comparison(metric="rfm", op=">=", value=26_000),
                )
            ),
            SegmentIs(segment="rfm", label="high_value"),
        )
    )

    assert words("dating_rfm_quota", locale, types=TYPES).condition(condition) == said


def test_facts_are_said_without_the_labels_that_totals_say_as_well() -> None:
    said = words("xiaohongshu_four", "en", types=TYPES)

    facts = {"score.composite": 6_000, "score.composite.high_value": 1, "benefits.tier_points.lifetime": 5}

    assert said.facts(facts) == "Composite score 6,000, Tier points 5"


@pytest.mark.parametrize(("locale", "said"), [("zh", "尚无任何行为"), ("en", "nothing yet")])
def test_who_did_nothing_yet_is_said_to(locale: Locale, said: str) -> None:
    assert words("sports_four", locale).facts({}) == said
