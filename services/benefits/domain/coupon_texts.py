"""Texts for why a coupon does not count, in Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

from libs.common.texts import Locale, filled, shown_amount
from services.benefits.domain.coupon_quotes import Refused, Why

COUPON_TEXTS: Mapping[Why, Mapping[Locale, str]] = MappingProxyType(
    {
        Why.UNKNOWN: {"zh": "没有找到这张优惠券。", "en": "There is no such coupon."},
        Why.VOID: {"zh": "“{name}”这张优惠券已作废。", "en": "This coupon of “{name}” is void."},
        Why.USED_UP: {
            "zh": "“{name}”这张优惠券的使用次数已用完。",
            "en": "This coupon of “{name}” has been used.",
        },
        Why.NOT_STARTED: {"zh": "“{name}”尚未开始。", "en": "“{name}” has not begun yet."},
        Why.ENDED: {"zh": "“{name}”已过期。", "en": "“{name}” is over."},
        Why.PAUSED: {"zh": "“{name}”暂停使用。", "en": "“{name}” is stopped for now."},
        Why.CAMPAIGN_USED_UP: {"zh": "“{name}”已被领用完。", "en": "All of “{name}” has been used."},
        Why.BUDGET_SPENT: {
            "zh": "“{name}”的预算已不足。",
            "en": "What is left of “{name}” is not enough for this basket.",
        },
        Why.MEMBER_LIMIT: {
            "zh": "您使用“{name}”的次数已达上限。",
            "en": "You have used “{name}” as often as you may.",
        },
        Why.WRONG_TIER: {"zh": "“{name}”不适用于您的会员等级。", "en": "“{name}” is not for your tier."},
        Why.BASKET_TOO_SMALL: {
            "zh": "“{name}”需满{least}，还差{missing}。",
            "en": "“{name}” needs goods for {least}, which is {missing} more.",
        },
        Why.NOT_FIRST_ORDER: {"zh": "“{name}”仅限首单使用。", "en": "“{name}” is for a first order."},
        Why.NOT_BIRTHDAY: {
            "zh": "“{name}”仅限生日当天使用。",
            "en": "“{name}” is for your birthday, on the day itself.",
        },
        Why.NOT_BIRTHDAY_MONTH: {
            "zh": "“{name}”仅限生日当月使用。",
            "en": "“{name}” is for the month of your birthday.",
        },
        Why.BIRTHDAY_USED: {
            "zh": "“{name}”每年生日只能使用一次，今年已使用。",
            "en": "“{name}” is for once a year, and you have had it this year.",
        },
        Why.SAME_CAMPAIGN: {
            "zh": "“{name}”每单只能使用一张。",
            "en": "A check takes one coupon of “{name}”.",
        },
        Why.EXCLUSIVE: {
            "zh": "“{name}”不能与其他优惠券同时使用，已选用更合适的优惠。",
            "en": "“{name}” goes with no other coupon, and others come first.",
        },
        Why.EXCLUDED: {
            "zh": "已使用的优惠券不能与“{name}”同时使用。",
            "en": "The coupon that counts goes with no other, so “{name}” does not.",
        },
        Why.TOO_MANY: {
            "zh": "每单最多使用{most}张优惠券。",
            "en": "A check takes {most} coupons at most.",
        },
        Why.NOTHING_LEFT: {
            "zh": "没有可供“{name}”减免的金额。",
            "en": "Nothing is left that “{name}” could take off.",
        },
    }
)
_AMOUNTS = ("least", "missing")


def coupon_text(refused: Refused, currency: str, locale: Locale) -> str:
    """Why a coupon does not count, by the name of its campaign."""
    shown = {
        name: shown_amount(value, currency, locale) if name in _AMOUNTS else value
        for name, value in refused.params.items()
    }
    campaign = refused.candidate.campaign
    if campaign is not None:
        shown["name"] = campaign.name.zh if locale == "zh" else campaign.name.en
    return filled(COUPON_TEXTS[refused.why][locale], shown)
