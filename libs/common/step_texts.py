"""Texts of what a member may still do, and of why something cannot be done, in Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

from libs.common.conditions import MONEY_METRICS
from libs.common.texts import Locale, filled, shown_amount

# What a member may still do, by metric: in Chinese, in English for one, and for several.
STEPS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "spend": ("再消费{missing}", "spend {missing} more", "spend {missing} more"),
        "orders": ("再下{missing}单", "place {missing} more order", "place {missing} more orders"),
        "invites": (
            "再成功邀请{missing}位好友",
            "have {missing} more invited friend join",
            "have {missing} more invited friends join",
        ),
        "logins": ("再登录{missing}次", "sign in {missing} more time", "sign in {missing} more times"),
        "reviews": ("再评价{missing}次", "write {missing} more review", "write {missing} more reviews"),
        "shares": ("再分享{missing}次", "share {missing} more time", "share {missing} more times"),
        "check_ins": ("再签到{missing}次", "check in {missing} more time", "check in {missing} more times"),
        "interactions": (
            "再互动{missing}次",
            "interact {missing} more time",
            "interact {missing} more times",
        ),
        "messages": ("再发{missing}条消息", "send {missing} more message", "send {missing} more messages"),
        "average_order": (
            "平均每单再多{missing}",
            "spend {missing} more with each order",
            "spend {missing} more with each order",
        ),
        "purchase_days": (
            "再购物{missing}天",
            "buy something on {missing} more day",
            "buy something on {missing} more days",
        ),
    }
)

OBSTACLES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "NO_ACTION": {
            "zh": "{metric}为{value}，要求{asked}：会员无法直接改变。",
            "en": "{metric} {value}, {asked} is asked for: nothing that a member does changes it directly.",
        },
        "TOO_LATE": {
            "zh": "{metric}为{value}，要求{asked}：剩余时间不够。",
            "en": "{metric} {value}, {asked} is asked for: it takes more days than there are.",
        },
        "TOO_MUCH": {
            "zh": "{metric}为{value}，要求{asked}：已超出。",
            "en": "{metric} {value}, {asked} is asked for: there is more than is allowed.",
        },
        "OVERRIDDEN": {
            "zh": "等级由工作人员指定，届时仍有效。",
            "en": "Staff decided on the tier by hand, for longer than that.",
        },
        "NOT_EARNED": {
            "zh": "该等级由合约或工作人员授予，无法自行达成。",
            "en": "The tier is given by contract or by staff, whatever is done.",
        },
        "MONTHS_OVER": {
            "zh": "{metric}为{value}，要求{asked}：按已过去的月份计算。",
            "en": "{metric} {value}, {asked} is asked for: it is counted over months that are past.",
        },
    }
)
_BOUNDS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "exactly": {"zh": "正好{low}", "en": "exactly {low}"},
        "between": {"zh": "{low}至{high}", "en": "{low} to {high}"},
        "least": {"zh": "至少{low}", "en": "at least {low}"},
        "most": {"zh": "至多{high}", "en": "at most {high}"},
    }
)


def step_text(metric: str, missing: str, currency: str, locale: Locale) -> str:
    """What closes a gap, such as `spend ¥200.00 more`; money where a currency is given.

    >>> step_text("invites", "2", "", "en")
    'have 2 more invited friends join'
    """
    zh, one, several = STEPS.get(metric, ("{missing}",) * 3)
    english = one if missing == "1" else several
    shown = shown_amount(missing, currency, locale)
    return filled(zh if locale == "zh" else english, {"missing": shown})


def steps_text(steps: Mapping[str, int], currency: str, locale: Locale) -> str:
    """All that one path asks for, of amounts by metric; the currency is that of money."""
    done = [
        step_text(metric, str(amount), currency if metric in MONEY_METRICS else "", locale)
        for metric, amount in steps.items()
    ]
    return ("，并" if locale == "zh" else " and ").join(done)


def obstacle_text(
    code: str,
    name: str,
    *,
    value: int,
    at_least: int | None,
    at_most: int | None,
    currency: str,
    locale: Locale,
) -> str:
    """Why an alternative cannot be done, of a metric by its name; money where a currency is given.

    A code that we do not know, of a newer scoring for instance, shows as it is.
    """
    if code not in OBSTACLES:
        return code
    shown = {
        key: "" if number is None else shown_amount(str(number), currency, locale)
        for key, number in (("value", value), ("low", at_least), ("high", at_most))
    }
    asked = filled(_BOUNDS[_bound(at_least, at_most)][locale], shown)
    return filled(OBSTACLES[code][locale], {**shown, "asked": asked, "metric": name})


def _bound(at_least: int | None, at_most: int | None) -> str:
    if at_least is None:
        return "most"
    if at_most is None:
        return "least"
    return "exactly" if at_least == at_most else "between"
