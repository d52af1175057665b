"""Texts of notices in Chinese and English, rendered from code and parameters on reading."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from types import MappingProxyType

from babel.dates import format_date
from babel.numbers import format_decimal

from libs.common.documents import Text
from libs.common.program import Program
from libs.common.step_texts import step_text
from libs.common.texts import Locale, filled, render
from services.benefits.domain.notices import NoticeCode
from services.benefits.domain.occasions import Gap, closable, gap_params, items

NOTICE_TEXTS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        NoticeCode.TIER_CHANGED: {
            "zh": "您的会员等级由{from_tier}变为{tier}。{why}",
            "en": "Your tier was {from_tier} and is now {tier}. {why}",
        },
        NoticeCode.TIER_AT_RISK: {
            "zh": "您的{tier}保留至{expire_date}。要保住它：{ways}。",
            "en": "You hold {tier} until {expire_date}. To keep it: {ways}.",
        },
        NoticeCode.TIER_REWARD: {
            "zh": "您已达到{tier}，获得{points}{currency}奖励。",
            "en": "You reached {tier} and were given {points} {currency}.",
        },
        NoticeCode.POINTS_EXPIRING: {
            "zh": "您有{points}{currency}将于{expire_date}到期。",
            "en": "{points} {currency} of yours expire on {expire_date}.",
        },
        NoticeCode.WAKE_UP: {
            "zh": "已经{days}天没有见到您了，欢迎回来看看。",
            "en": "We have not seen you for {days} days: come and have a look.",
        },
        NoticeCode.NEAR_UPGRADE: {
            "zh": "距离{tier}只差一点：{ways}。",
            "en": "Little is missing to {tier}: {ways}.",
        },
        NoticeCode.WEBHOOK_FAILING: {
            "zh": "Webhook 端点{endpoint_id}没有接收发给它的通知。",
            "en": "The webhook endpoint {endpoint_id} does not take what it is sent.",
        },
        NoticeCode.BREAK_GLASS_OPENED: {
            "zh": "{opened_by}开启了应急查看{break_glass_id}，至{until_time}可查看会员的联系信息。",
            "en": "{opened_by} opened the break-glass {break_glass_id}: "
            "until {until_time} they may see contact data of members.",
        },
        NoticeCode.CONTRACT_ENDING: {
            "zh": "您的{plan}有效期至{expire_date}。",
            "en": "Your {plan} is valid until {expire_date}.",
        },
        NoticeCode.BIRTHDAY: {
            "zh": "{program}祝您生日快乐！",
            "en": "Happy birthday from {program}!",
        },
    }
)

_JOINED: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {"any": {"zh": "，或", "en": " or "}, "all": {"zh": "，并", "en": " and "}}
)
_PLACE = re.compile(r"(any|all)\[(\d+)\]")

Way = tuple[Sequence[tuple[str, str]], str]


def notice_text(code: str, params: Mapping[str, str], program: Program, locale: Locale) -> str:
    """The text of a notice by the names of the program.

    What an older or newer version of us wrote shows as far as we know it.
    """
    if code not in NOTICE_TEXTS:
        return code
    return filled(NOTICE_TEXTS[code][locale], _shown(params, program, locale)).strip()


def _shown(params: Mapping[str, str], program: Program, locale: Locale) -> dict[str, str]:
    tiers = _tier_names(program, params.get("tier_set", ""), locale)
    shown = dict(params)
    for name in ("tier", "from_tier"):
        if name in params:
            shown[name] = tiers.get(params[name], params[name])
    for name in ("points", "days"):
        if name in params:
            shown[name] = format_decimal(int(params[name]), locale=locale)
    if params.get("currency") in program.points.currencies:
        shown["currency"] = _name(program.points.name_of(params["currency"]), locale)
    if "program" in params:
        shown["program"] = _name(program.name, locale)
    if (plan := program.contracts.plan(params.get("plan", ""))) is not None:
        shown["plan"] = _name(plan.name, locale)
    if "expire_date" in params:
        shown["expire_date"] = format_date(date.fromisoformat(params["expire_date"]), "long", locale=locale)
    reasons = [render(each.get("code", ""), each, locale, tiers) for each in items(params, "reason")]
    shown["why"] = ("" if locale == "zh" else " ").join(reasons)
    shown["ways"] = _phrase([_way(each, locale) for each in items(params, "gap")], locale)
    return shown


def ways_text(gaps: Sequence[Gap], locale: Locale) -> str:
    """What closes gaps, in words: "write 1 more review"; empty where doing more closes none."""
    return _phrase([_way(gap_params(each), locale) for each in closable(gaps)], locale)


def _way(gap: Mapping[str, str], locale: Locale) -> Way:
    """Where in the rule a gap is, and what closes it."""
    place = [(joined, index) for joined, index in _PLACE.findall(gap.get("path", ""))]
    missing = gap.get("missing", "")
    return place, step_text(gap.get("metric", ""), missing, gap.get("currency", ""), locale)


def _phrase(ways: Sequence[Way], locale: Locale) -> str:
    """The ways joined as the rule joins them; what is joined within another joint stands in brackets."""
    if len(ways) < 2 or not all(place for place, _ in ways):  # noqa: PLR2004 - one way needs no joint
        return "".join(text for _, text in ways)
    joined = ways[0][0][0][0]
    parts = [
        [(place[1:], text) for place, text in same] for _, same in groupby(ways, key=lambda way: way[0][0])
    ]
    if len(parts) == 1:
        return _phrase(parts[0], locale)
    phrases = [_phrase(part, locale) for part in parts]
    bracketed = [f"({text})" if len(part) > 1 else text for part, text in zip(parts, phrases, strict=True)]
    return _JOINED[joined][locale].join(bracketed)


def _tier_names(program: Program, tier_set: str, locale: Locale) -> dict[str, str]:
    return {
        tier.key: _name(tier.name, locale)
        for each in program.tier_sets
        if each.key == tier_set
        for tier in each.tiers
    }


def _name(text: Text, locale: Locale) -> str:
    return text.zh if locale == "zh" else text.en
