"""Texts of reason codes in Chinese and English, rendered from code and parameters on reading."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from babel.numbers import format_currency, format_decimal, get_currency_precision

from libs.common.conditions import POINT_FACTS
from libs.common.windows import LIFETIME, named_window

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
        "TIER_HELD_UNTIL": {
            "zh": "目前的数据只够{earned_tier}，{tier}保留至{until}再评定。",
            "en": "The facts alone would give {earned_tier}; {tier} is held until the review on {until}.",
        },
        "TIER_KEPT_BY": {
            "zh": "{metric}为{value}，满足{tier}的保级要求：{op}{threshold}。",
            "en": "{metric} {value} meets what keeps {tier}: {op} {threshold}.",
        },
        "TIER_GRACE": {
            "zh": "未达到{tier}的保级要求，宽限至{until}。",
            "en": "What keeps {tier} is not met; it is held by grace until {until}.",
        },
        "TIER_LOST": {
            "zh": "未达到{tier}的保级要求，目前的数据只够{earned_tier}。",
            "en": "What keeps {tier} is not met; the facts give {earned_tier}.",
        },
        "TIER_SOFT_LANDING": {
            "zh": "一次最多降到{tier}，不直接降到{earned_tier}。",
            "en": "No further than {tier} at once, instead of {earned_tier}.",
        },
        "TIER_AFTER_PERIOD": {
            "zh": "已达到{tier}，将于{until}升级。",
            "en": "{tier} is reached; upgrades are given on {until}.",
        },
        "TIER_OVERRIDDEN": {
            "zh": "工作人员指定为{tier}（{why}）；按规则为{earned_tier}。",
            "en": "Given {tier} by staff ({why}); by the rules it would be {earned_tier}.",
        },
        "TIER_OVERRIDDEN_UNTIL": {
            "zh": "工作人员指定为{tier}，至{until}（{why}）；按规则为{earned_tier}。",
            "en": "Given {tier} by staff until {until} ({why}); by the rules it would be {earned_tier}.",
        },
        "OVERRIDE_OVER": {
            "zh": "工作人员指定的{tier}已结束，重新按规则评定为{earned_tier}。",
            "en": "{tier}, given by staff, is over: the rules give {earned_tier}.",
        },
        "KEEP_GAP": {
            "zh": "{metric}为{value}，保留{tier}要求{op}{threshold}，还差{missing}。",
            "en": "{metric} {value}: keeping {tier} asks for {op} {threshold}, which is {missing} away.",
        },
        "UPGRADE_HELD": {
            "zh": "已达到{earned_tier}，但诚信分{value}低于{threshold}，待审核，暂保持{tier}。",
            "en": "{earned_tier} is reached; integrity {value} is below {threshold}: {tier} until reviewed.",
        },
        "NEW_VERSION": {"zh": "计划的新版本生效。", "en": "A new version of the program took effect."},
        "SEASON": {"zh": "适用{season}期间的门槛。", "en": "The thresholds are those of {season}."},
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
        "NO_PURCHASES": {"zh": "还没有购买，没有评分。", "en": "Nothing was bought, so there is no score."},
        "FACT_MISSING": {
            "zh": "还没有{fact}的记录，没有评分。",
            "en": "Nothing is known of {fact}, so there is no score.",
        },
        "SCORE_LIFTED_BY": {
            "zh": "贡献最多的是{factor}：{contribution}，最多可得{most}。",
            "en": "{factor} gives the most: {contribution} of {most}.",
        },
        "SCORE_HELD_BACK_BY": {
            "zh": "提升空间最大的是{factor}：{contribution}，最多可得{most}。",
            "en": "{factor} leaves the most: {contribution} of {most}.",
        },
        "SCORE_AGED": {
            "zh": "{factor}因时间较久，按{left}计算。",
            "en": "{factor} counts {left}, for it is some time ago.",
        },
        "NEXT_LABEL_GAP": {"zh": "距离{label}还差{missing}。", "en": "{label} is {missing} away."},
        "CHURN_RAISED_BY": {
            "zh": "{factor}使流失概率升高{share}。",
            "en": "{factor}: raises the probability by {share}.",
        },
        "CHURN_LOWERED_BY": {
            "zh": "{factor}使流失概率降低{share}。",
            "en": "{factor}: lowers the probability by {share}.",
        },
        "DECAY_OF_BEHAVIOUR": {
            "zh": "已{value}天没有购买，是本人平均间隔（{interval}天）的{times}倍。",
            "en": "No purchase for {value} days: {times} times the own interval of {interval} days.",
        },
        "VALUE_RAISED_BY": {
            "zh": "{factor}使预计价值增加{value}。",
            "en": "{factor}: raises the value by {value}.",
        },
        "VALUE_LOWERED_BY": {
            "zh": "{factor}使预计价值减少{value}。",
            "en": "{factor}: lowers the value by {value}.",
        },
        "SEGMENT_RAISED_BY": {
            "zh": "{factor}高于一般会员：{contribution}。",
            "en": "{factor}: {contribution} above what is usual.",
        },
        "SEGMENT_LOWERED_BY": {
            "zh": "{factor}低于一般会员：{contribution}。",
            "en": "{factor}: {contribution} below what is usual.",
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
        "average_order": {"zh": "平均每单金额", "en": "Average order"},
        "purchase_days": {"zh": "累计购物天数", "en": "Days with purchases"},
    }
)

_SO_FAR = "累计"
WINDOW_NAMES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "month": {"zh": "当月", "en": "of the month"},
        "quarter": {"zh": "当季", "en": "of the quarter"},
        "year": {"zh": "当年", "en": "of the year"},
        "d": {"zh": "近{n}天", "en": "of the last {n} days"},
        "month_avg": {"zh": "近{n}个月月均", "en": "per month, of the last {n} months"},
    }
)

# Why staff gave a tier by hand.
WHY_NAMES: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "INVITED": {"zh": "特邀", "en": "invited"},
        "APPEAL_UPHELD": {"zh": "申诉成立", "en": "appeal upheld"},
        "GOODWILL": {"zh": "补偿", "en": "goodwill"},
        "CORRECTION": {"zh": "更正", "en": "correction"},
        "STATUS_MATCH": {"zh": "等级匹配", "en": "status match"},
        "MISUSE": {"zh": "滥用权益", "en": "misuse"},
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
        shown["metric"] = metric_name(params["metric"], params.get("window", ""), locale)
    if f"factor_{locale}" in params:
        shown["factor"] = params[f"factor_{locale}"]
    if "until" in params:
        shown["until"] = params["until"].partition("T")[0]
    if "why" in params:
        shown["why"] = WHY_NAMES.get(params["why"], {}).get(locale, params["why"])
    if "op" in params:
        shown["op"] = operator_name(params["op"], locale)
    for name in ("kind", "wanted"):
        if name in params:
            shown[name] = EVENT_NAMES.get(params[name], {}).get(locale, params[name])
    return shown | _shown_bp(params)


def _shown_bp(params: Mapping[str, str]) -> dict[str, str]:
    """Basis points: as numbers, and shares of a whole in percent. Nobody is told 100% who is not there."""
    numbers = [name for name in ("multiplier", "contribution", "most", "missing") if f"{name}_bp" in params]
    shares = [name for name in ("progress", "left", "share") if f"{name}_bp" in params]
    return {name: f"{Decimal(params[f'{name}_bp']).scaleb(-4).normalize():f}" for name in numbers} | {
        name: f"{int(params[f'{name}_bp']) // _BP_OF_PERCENT}%" for name in shares
    }


def metric_name(metric: str, window: str, locale: Locale) -> str:
    """What a metric is called, with the window that it counts in where that is not a lifetime."""
    name = METRIC_NAMES.get(metric, {}).get(locale, metric.removeprefix(POINT_FACTS))
    known = named_window(window)
    if known is None or known.so_far == LIFETIME:
        return name
    kind = known.so_far or ("d" if known.days else "month_avg")
    when = WINDOW_NAMES[kind][locale].format(n=known.days or known.months)
    if locale == "zh":
        return when + name.removeprefix(_SO_FAR)
    return f"{name.removeprefix('Lifetime ').capitalize()} {when}"


def operator_name(op: str, locale: Locale) -> str:
    """What a comparison is called; one that we do not know as it is."""
    return _OPERATORS.get(op, {}).get(locale, op)


def shown_amount(value: str, currency: str, locale: Locale) -> str:
    """Money where a currency is given, from its minor units; else a count; what is no number as it is."""
    try:
        number = int(value)
    except ValueError:
        return value
    if not currency:
        return format_decimal(number, locale=locale)
    return format_currency(Decimal(number).scaleb(-get_currency_precision(currency)), currency, locale=locale)
