"""Texts of reason codes in Chinese and English, rendered from code and parameters on reading."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from babel.numbers import format_currency, format_decimal, get_currency_precision

Locale = Literal["zh", "en"]
LOCALES: tuple[Locale, ...] = ("zh", "en")

_BP_OF_PERCENT = 100

TEXTS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "TIER_ENROLLED": {"zh": "注册成为{tier}。", "en": "Enrolled as {tier}."},
        "TIER_REACHED": {
            "zh": "{metric}为{value}，满足{tier}的要求：{op}{threshold}。",
            "en": "{metric} {value} meets what {tier} asks for: {op} {threshold}.",
        },
        "TIER_KEPT": {"zh": "保持{tier}。", "en": "Remains {tier}."},
        "TIER_PROTECTED": {
            "zh": "目前的数据只够{earned_tier}，但本计划不降级，保留{tier}。",
            "en": "The facts alone would give {earned_tier}; no tier is taken away here, so {tier} is kept.",
        },
        "NEXT_TIER_GAP": {
            "zh": "{metric}为{value}，{tier}要求{op}{threshold}，还差{missing}。",
            "en": "{metric} {value}: {tier} asks for {op} {threshold}, which is {missing} away.",
        },
        "NEAR_UPGRADE": {
            "zh": "距离{tier}已完成{progress}。",
            "en": "{progress} of the way to {tier} is done.",
        },
        "TOP_TIER": {"zh": "{tier}已是可达成的最高等级。", "en": "{tier} is the highest tier to be earned."},
        "REPORTED_BY_SEVERAL": {
            "zh": "{window_days}天内有{reporters}位举报人举报，互动功能暂受限制。",
            "en": "Reported by {reporters} people within {window_days} days: interaction is limited for now.",
        },
        "EARNING_OTHER_KIND": {
            "zh": "本规则针对{wanted}，不针对{kind}。",
            "en": "The rule is for {wanted}, not for {kind}.",
        },
        "EARNING_ZERO_AMOUNT": {"zh": "金额为零。", "en": "The amount is nothing."},
        "EARNING_BELOW_MINIMUM": {
            "zh": "金额为{value}，满{threshold}起才有积分，还差{missing}。",
            "en": "{value}: the rule gives points from {threshold} on, which is {missing} away.",
        },
        "EARNING_BELOW_UNIT": {
            "zh": "金额为{value}，每满{threshold}才有积分，还差{missing}。",
            "en": "{value}: the rule gives points for each whole {threshold}, which is {missing} away.",
        },
        "EARNING_CONDITION_NOT_MET": {"zh": "不满足条件。", "en": "The condition is not met."},
        "EARNING_CONDITION_FAILED": {
            "zh": "条件无法判断：{problem}。",
            "en": "The condition gives no answer: {problem}.",
        },
        "EARNING_MULTIPLIED_TO_NOTHING": {
            "zh": "乘以倍率{multiplier}后不足1积分。",
            "en": "Times {multiplier} it is less than a point.",
        },
        "EARNING_CAP_TIMES": {
            "zh": "当日已达上限：{limit}次。",
            "en": "As often as it gives points on a day: {limit}.",
        },
        "EARNING_CAP_POINTS": {
            "zh": "当日已达上限：{limit}积分。",
            "en": "As many points as there are on a day: {limit}.",
        },
        "EARNING_UP_TO_CAP": {
            "zh": "应得{counted}积分，当日上限为{limit}积分，只给余下的部分。",
            "en": "{counted} points were counted; of the {limit} of a day no more were left.",
        },
    }
)

METRIC_NAMES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "spend": {"zh": "累计消费", "en": "Lifetime spend"},
        "orders": {"zh": "累计订单数", "en": "Orders"},
        "invites": {"zh": "成功邀请好友数", "en": "Friends invited"},
        "logins": {"zh": "累计登录次数", "en": "Logins"},
        "reviews": {"zh": "累计评价数", "en": "Reviews"},
        "shares": {"zh": "累计分享数", "en": "Shares"},
        "check_ins": {"zh": "累计签到次数", "en": "Check-ins"},
        "interactions": {"zh": "累计互动次数", "en": "Interactions"},
        "messages": {"zh": "累计消息数", "en": "Messages"},
    }
)

EVENT_NAMES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "registration": {"zh": "注册", "en": "registrations"},
        "purchase": {"zh": "消费", "en": "purchases"},
        "login": {"zh": "登录", "en": "logins"},
        "view": {"zh": "浏览", "en": "views"},
        "interaction": {"zh": "互动", "en": "interactions"},
        "message": {"zh": "消息", "en": "messages"},
        "share": {"zh": "分享", "en": "shares"},
        "review": {"zh": "评价", "en": "reviews"},
        "check_in": {"zh": "签到", "en": "check-ins"},
        "invite": {"zh": "邀请好友", "en": "invitations"},
        "custom": {"zh": "自定义行为", "en": "custom events"},
    }
)

_OPERATORS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        ">=": {"zh": "至少", "en": "at least"},
        ">": {"zh": "超过", "en": "more than"},
        "<=": {"zh": "至多", "en": "at most"},
        "<": {"zh": "少于", "en": "less than"},
        "==": {"zh": "正好", "en": "exactly"},
    }
)
_AMOUNTS = ("value", "threshold", "missing")


def render(
    code: str, params: Mapping[str, str], locale: Locale, tier_names: Mapping[str, str] | None = None
) -> str:
    """The text of a reason; tiers by their names where those are given, by their keys otherwise.

    A code or parameter that we do not know, of a newer scoring for instance,
    shows as it is: a receipt can always be read.
    """
    if code not in TEXTS:
        return code
    return filled(TEXTS[code][locale], _shown(params, locale, tier_names or {}))


def filled(text: str, shown: Mapping[str, str]) -> str:
    """A text with its parameters in their places, and a question mark where one is missing."""
    return text.format_map(_Shown(shown))


class _Shown(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _shown(params: Mapping[str, str], locale: Locale, tier_names: Mapping[str, str]) -> dict[str, str]:
    shown = dict(params)
    for name in ("tier", "earned_tier"):
        if name in params:
            shown[name] = tier_names.get(params[name], params[name])
    for name in _AMOUNTS:
        if name in params:
            shown[name] = shown_amount(params[name], params.get("currency", ""), locale)
    if "metric" in params:
        shown["metric"] = METRIC_NAMES.get(params["metric"], {}).get(locale, params["metric"])
    if "op" in params:
        shown["op"] = _OPERATORS.get(params["op"], {}).get(locale, params["op"])
    for name in ("kind", "wanted"):
        if name in params:
            shown[name] = EVENT_NAMES.get(params[name], {}).get(locale, params[name])
    if "multiplier_bp" in params:
        shown["multiplier"] = f"{Decimal(params['multiplier_bp']).scaleb(-4).normalize():f}"
    if "progress_bp" in params:
        # Rounded down: nobody is told 100% who is not there.
        shown["progress"] = f"{int(params['progress_bp']) // _BP_OF_PERCENT}%"
    return shown


def shown_amount(value: str, currency: str, locale: Locale) -> str:
    """Money where a currency is given, from its minor units; else a count; what is no number as it is."""
    try:
        number = int(value)
    except ValueError:
        return value
    if not currency:
        return format_decimal(number, locale=locale)
    return format_currency(Decimal(number).scaleb(-get_currency_precision(currency)), currency, locale=locale)
