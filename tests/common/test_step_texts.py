"""Texts of steps and obstacles: both languages, one and several, money and counts."""

import re

import pytest

from libs.common.conditions import TIER_METRICS
from libs.common.step_texts import OBSTACLES, STEPS, obstacle_text, step_text, steps_text
from libs.common.texts import LOCALES


@pytest.mark.parametrize("metric", list(TIER_METRICS))
def test_every_metric_says_what_a_member_may_do(metric: str) -> None:
    assert all("{missing}" in step for step in STEPS[metric])


@pytest.mark.parametrize("code", list(OBSTACLES))
def test_every_obstacle_has_a_text_with_the_same_parameters_in_both_languages(code: str) -> None:
    zh, en = (set(re.findall(r"{(\w+)}", OBSTACLES[code][locale])) for locale in LOCALES)

    assert zh == en
    assert zh in ({"metric", "value", "asked"}, set())


def test_steps_of_a_path_are_done_together() -> None:
    steps = {"spend": 20_000, "invites": 2}

    assert [steps_text(steps, "CNY", locale) for locale in LOCALES] == [
        "再消费¥200.00，并再成功邀请2位好友",
        "spend CN¥200.00 more and have 2 more invited friends join",
    ]
    assert step_text("invites", "1", "", "en") == "have 1 more invited friend join"


@pytest.mark.parametrize(
    ("at_least", "at_most", "asked"),
    [
        (5, None, "at least 5"),
        (None, 5, "at most 5"),
        (5, 5, "exactly 5"),
        (5, 9, "5 to 9"),
    ],
)
def test_an_obstacle_says_what_is_asked_and_what_there_is(
    at_least: int | None, at_most: int | None, asked: str
) -> None:
    text = obstacle_text(
        "NO_ACTION", "Care", value=3, at_least=at_least, at_most=at_most, currency="", locale="en"
    )

    assert text.startswith(f"Care 3, {asked} is asked for:")


def test_a_code_of_a_newer_scoring_shows_as_it_is() -> None:
    text = obstacle_text("MOON", "Care", value=3, at_least=1, at_most=None, currency="", locale="zh")

    assert text == "MOON"
