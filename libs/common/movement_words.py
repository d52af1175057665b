"""What the rules of movement are in words, in Chinese and English: how tiers are reached, kept and lost."""

from collections.abc import Mapping
from types import MappingProxyType

from libs.common.movement_policy import Movement, Period
from libs.common.program_words import Words
from libs.common.texts import Locale
from libs.common.tier_policy import Tier

_GIVEN: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "registration": {"zh": "注册即享", "en": "from registration on"},
        "staff": {"zh": "由工作人员授予", "en": "given by staff"},
        "contract": {"zh": "购买获得", "en": "bought"},
    }
)
_RULES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "realtime": {
            "zh": "达到要求即刻升级。",
            "en": "A tier is given as soon as it is reached.",
        },
        "scheduled": {
            "zh": "达到要求的，在{period}升级。",
            "en": "A tier that is reached is given {period}.",
        },
        "never": {"zh": "不降级。", "en": "No tier is taken away."},
        "period_end": {
            "zh": "{period}未达保级要求的，降至已达到的等级。",
            "en": "A tier that is not kept {period} goes to the tier that is met.",
        },
        "step_down": {
            "zh": "{period}未达保级要求的，一次最多降{steps}级。",
            "en": "A tier that is not kept {period} goes down by {steps} at most.",
        },
        "grace": {
            "zh": "未达要求时有{days}天宽限期。",
            "en": "Before that there are {days} days of grace, in which it may be met again.",
        },
    }
)
_PERIODS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "month": {"zh": "每月末", "en": "at the end of the month"},
        "quarter": {"zh": "每季度末", "en": "at the end of the quarter"},
        "year": {"zh": "每年末", "en": "at the end of the year"},
        "month_more": {"zh": "当月之后第{more}个月末", "en": "at the end of the month, {more} later"},
        "quarter_more": {"zh": "当季之后第{more}个季度末", "en": "at the end of the quarter, {more} later"},
        "year_more": {"zh": "当年之后第{more}年末", "en": "at the end of the year, {more} later"},
        "rolling": {"zh": "现等级满{months}个月时", "en": "{months} months after the one held was given"},
    }
)


def entry_text(tier: Tier, place: int, words: Words) -> str:
    """How a tier of a ladder is reached: by its rule, from the start, by staff or by a contract."""
    if tier.entry is not None:
        return words.condition(tier.entry)
    given = "staff" if tier.staff_assigned else "contract" if place else "registration"
    return _GIVEN[given][words.locale]


def keep_text(tier: Tier, movement: Movement, words: Words) -> str:
    """What keeps a tier at the end of a period: its rule, or what reaches it; empty where nothing has to."""
    condition = None if movement.downgrade == "never" else tier.keep or tier.entry
    return "" if condition is None else words.condition(condition)


def movement_text(movement: Movement, locale: Locale) -> str:
    """When members move on a ladder, in sentences."""
    period = "" if movement.period is None else _period(movement.period, locale)
    rules = [movement.upgrade, movement.downgrade, *(["grace"] if movement.grace_days else [])]
    shown = {"period": period, "steps": movement.max_step_down, "days": movement.grace_days}
    sentences = [_RULES[rule][locale].format(**shown) for rule in rules]
    return ("" if locale == "zh" else " ").join(sentences)


def _period(period: Period, locale: Locale) -> str:
    name = f"{period.kind}_more" if period.more else period.kind
    return _PERIODS[name][locale].format(more=period.more, months=period.months)
