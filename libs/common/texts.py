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
        "TOP_TIER": {"zh": "{tier}已是最高等级。", "en": "{tier} is the highest tier."},
        "REPORTED_BY_SEVERAL": {
            "zh": "{window_days}天内有{reporters}位举报人举报，互动功能暂受限制。",
            "en": "Reported by {reporters} people within {window_days} days: interaction is limited for now.",
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
