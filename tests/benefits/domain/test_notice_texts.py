"""Texts of notices: both languages, by the names, the currency and the days of the program."""

import re
from datetime import date
from itertools import permutations

import pytest

from libs.common.texts import LOCALES, Locale
from services.benefits.domain.notice_texts import NOTICE_TEXTS, notice_text
from services.benefits.domain.notices import NoticeCode, Occasion
from services.benefits.domain.occasions import Activity, Gap, points_expiring, tier_occasions, wake_up
from tests.benefits.domain.notices import MEMBER, MORNING, a_decision, a_gap, a_program

SHOP = a_program()


def texts(occasion: Occasion) -> tuple[str, str]:
    zh, en = (notice_text(occasion.code, occasion.params, SHOP, locale) for locale in LOCALES)
    return zh, en


def ways(*gaps: Gap) -> tuple[str, str]:
    (occasion,) = tier_occasions(SHOP, [a_decision(near=True, gaps=gaps)])
    zh, en = texts(occasion)
    return zh.removeprefix("距离金卡会员只差一点："), en.removeprefix("Little is missing to Gold: ")


@pytest.mark.parametrize("code", list(NoticeCode))
def test_every_notice_has_a_text_with_the_same_parameters_in_both_languages(code: NoticeCode) -> None:
    zh, en = (set(re.findall(r"{(\w+)}", NOTICE_TEXTS[code][locale])) for locale in LOCALES)

    assert zh == en


def test_either_path_closes_the_gap() -> None:
    assert ways(a_gap("any[0]"), a_gap("any[1]", "invites", 1)) == (
        "再消费¥200.00，或再成功邀请1位好友。",
        "spend CN¥200.00 more or have 1 more invited friend join.",
    )


def test_both_parts_are_missing() -> None:
    assert ways(a_gap("all[0]"), a_gap("all[1]", "invites", 2)) == (
        "再消费¥200.00，并再成功邀请2位好友。",
        "spend CN¥200.00 more and have 2 more invited friends join.",
    )


def test_a_path_of_several_parts_stands_in_brackets() -> None:
    gaps = (a_gap("any[0].all[0]"), a_gap("any[0].all[1]", "orders", 3), a_gap("any[1]", "invites", 1))

    zh, en = ways(*gaps)

    assert zh == "(再消费¥200.00，并再下3单)，或再成功邀请1位好友。"
    assert en == "(spend CN¥200.00 more and place 3 more orders) or have 1 more invited friend join."


def test_a_part_that_is_met_already_is_not_told() -> None:
    assert ways(a_gap("all[1].any[0]"), a_gap("all[1].any[1]", "logins", 1))[1] == (
        "spend CN¥200.00 more or sign in 1 more time."
    )


def test_the_only_condition_needs_no_path() -> None:
    assert ways(a_gap("entry"))[1] == "spend CN¥200.00 more."


def test_a_new_tier_is_told_with_its_reason_by_the_names_of_the_program() -> None:
    (occasion,) = tier_occasions(SHOP, [a_decision(before="silver", after="gold")])

    zh, en = texts(occasion)
    assert (
        zh == "您的会员等级由银卡会员变为金卡会员。累计消费为¥5,123.45，满足金卡会员的要求：至少¥5,000.00。"
    )
    assert en == (
        "Your tier was Silver and is now Gold. "
        "Lifetime spend CN¥5,123.45 meets what Gold asks for: at least CN¥5,000.00."
    )


def test_expiring_points_are_told_with_their_day() -> None:
    occasion = points_expiring(
        SHOP,
        f"{SHOP.key}/{MEMBER}/{SHOP.points.currency}",
        points=1200,
        expires=date(2026, 12, 22),
        days=30,
        time=MORNING,
    )

    assert texts(occasion) == (
        "您有1,200积分将于2026年12月22日到期。",
        f"1,200 {SHOP.points.name.en} of yours expire on December 22, 2026.",
    )


def test_a_member_who_was_away_is_told_for_how_long() -> None:
    activity = Activity("ecommerce_five", MEMBER, True, MORNING, spell=1, wake_up=True)

    assert "30天" in texts(wake_up(SHOP, activity))[0]
    assert "30 days" in texts(wake_up(SHOP, activity))[1]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", [*NoticeCode, "OF_A_NEWER_VERSION"])
def test_a_notice_without_its_parameters_can_still_be_read(code: str, locale: Locale) -> None:
    assert notice_text(code, {}, SHOP, locale)


@pytest.mark.parametrize("path", ["", "any[0]", "all[0].any[3]", "any[x]"])
@pytest.mark.parametrize("missing", ["20000", "1", "", "several"])
def test_gaps_of_any_shape_can_be_read(path: str, missing: str) -> None:
    for places in permutations([path, "any[1].all[0]", "all[2]"]):
        params = {"tier": "gold", "tier_set": "main"}
        for index, place in enumerate(places):
            params |= {f"gap_{index}_path": place, f"gap_{index}_missing": missing}

        assert notice_text("NEAR_UPGRADE", params, SHOP, "en").startswith("Little is missing to Gold")
