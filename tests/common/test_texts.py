"""Texts of reasons: every code in both languages, and how its parameters are shown."""

import re

import pytest

from libs.common.conditions import METRICS
from libs.common.texts import LOCALES, METRIC_NAMES, TEXTS, Locale, render
from services.scoring.domain.reasons import ReasonCode
from services.scoring.domain.scores import ScoreCode

GAP = {
    "tier": "gold",
    "metric": "spend",
    "op": ">=",
    "threshold": "500000",
    "value": "99999",
    "missing": "400001",
    "currency": "CNY",
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", [*ReasonCode, *ScoreCode])
def test_every_reason_that_scoring_gives_has_a_text(code: str, locale: Locale) -> None:
    assert TEXTS[code][locale]


@pytest.mark.parametrize("code", list(TEXTS))
def test_both_languages_tell_the_same_parameters(code: str) -> None:
    zh, en = (set(re.findall(r"{(\w+)}", TEXTS[code][locale])) for locale in LOCALES)

    assert zh == en


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("metric", list(METRICS))
def test_every_metric_has_a_name(metric: str, locale: Locale) -> None:
    assert METRIC_NAMES[metric][locale]


def test_money_is_shown_in_its_currency() -> None:
    assert render("NEXT_TIER_GAP", GAP, "zh") == "累计消费为¥999.99，gold要求至少¥5,000.00，还差¥4,000.01。"
    assert (
        render("NEXT_TIER_GAP", GAP | {"currency": "USD"}, "en")
        == "Lifetime spend $999.99: gold asks for at least $5,000.00, which is $4,000.01 away."
    )


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "¥99,999"), ("KWD", "99.999"), ("USD", "$999.99")])
def test_minor_units_are_those_of_the_currency(currency: str, shown: str) -> None:
    assert shown in render("NEXT_TIER_GAP", GAP | {"currency": currency}, "en")


def test_counts_are_shown_without_a_currency() -> None:
    reached = {"tier": "gold", "metric": "invites", "op": ">=", "threshold": "10", "value": "1200"}

    assert (
        render("TIER_REACHED", reached, "en")
        == "Friends invited 1,200 meets what gold asks for: at least 10."
    )
    assert render("TIER_REACHED", reached, "zh") == "成功邀请好友数为1,200，满足gold的要求：至少10。"


def test_tiers_are_shown_by_their_names_where_these_are_given() -> None:
    assert render("TIER_KEPT", {"tier": "gold"}, "zh", {"gold": "金卡会员"}) == "保持金卡会员。"


def test_progress_is_never_rounded_up_to_the_whole() -> None:
    assert (
        render("NEAR_UPGRADE", {"tier": "gold", "progress_bp": "9999"}, "en")
        == "99% of the way to gold is done."
    )


def test_a_text_of_a_newer_scoring_can_still_be_read() -> None:
    assert render("MOON_REACHED", {}, "en") == "MOON_REACHED"
    assert render("TIER_KEPT", {}, "en") == "Remains ?."
    assert "karma" in render("NEXT_TIER_GAP", GAP | {"metric": "karma"}, "en")


def test_a_key_with_braces_is_shown_as_it_is() -> None:
    assert render("TIER_KEPT", {"tier": "{tier}"}, "en") == "Remains {tier}."


def test_parts_of_a_score_are_numbers_and_shares_percent() -> None:
    factor = {"factor": "Orders", "contribution_bp": "1250", "most_bp": "2500", "left_bp": "4900"}

    assert render("SCORE_LIFTED_BY", factor, "zh") == "贡献最多的是Orders：0.125，最多可得0.25。"
    assert render("SCORE_AGED", factor, "en") == "Orders counts 49%, for it is some time ago."
