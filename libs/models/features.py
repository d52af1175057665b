"""`features/v1`: what models read of a member, each a formula over facts, by a name that keeps its meaning.

A list is never edited: another one is another version, and models name theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Facts: TypeAlias = Mapping[str, Floats]

VERSION = "features/v1"
WINDOWS = MappingProxyType({"7d": 7, "30d": 30, "90d": 90, "365d": 365})
LIFETIME = "lifetime"
KINDS = MappingProxyType(
    {
        "purchase": ("购买", "purchases"),
        "refund": ("退款", "refunds"),
        "login": ("登录", "logins"),
        "view": ("浏览", "views"),
        "interaction": ("互动", "interactions"),
        "message": ("消息", "messages"),
        "share": ("分享", "shares"),
        "review": ("评价", "reviews"),
        "check_in": ("打卡", "check-ins"),
        "invite": ("邀请", "invites"),
    }
)
_SPANS = (*WINDOWS, LIFETIME)
_ZH_SPANS = MappingProxyType(
    {"7d": "近7天", "30d": "近30天", "90d": "近90天", "365d": "近365天", LIFETIME: "累计"}
)
_EN_SPANS = MappingProxyType(
    {
        "7d": "in 7 days",
        "30d": "in 30 days",
        "90d": "in 90 days",
        "365d": "in 365 days",
        LIFETIME: "ever",
    }
)
# A shorter window and the longer one that it is a part of.
_TRENDS = (("7d", "30d"), ("30d", "90d"), ("90d", "365d"), ("90d", LIFETIME))


class Formula(Protocol):
    """How a feature follows from facts."""

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""

    def of(self, facts: Facts) -> Floats:
        """Its column, (members,); NaN where it means nothing, such as the days since what never happened."""

    def told(self) -> str:
        """The formula, for the documentation."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A fact that counts or adds up: 0 where it never happened."""

    fact: str

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.fact,)

    def of(self, facts: Facts) -> Floats:
        """The fact."""
        return np.nan_to_num(facts[self.fact])

    def told(self) -> str:
        """The formula."""
        return f"`{self.fact}`"


@dataclass(frozen=True, slots=True)
class Days:
    """Days since something: NaN where it never happened."""

    fact: str

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.fact,)

    def of(self, facts: Facts) -> Floats:
        """The fact."""
        return facts[self.fact]

    def told(self) -> str:
        """The formula."""
        return f"`{self.fact}`"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One fact by another, 0 where there is nothing to divide by."""

    numerator: str
    denominator: str

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""
        return (self.numerator, self.denominator)

    def of(self, facts: Facts) -> Floats:
        """The quotient."""
        return _by(np.nan_to_num(facts[self.numerator]), np.nan_to_num(facts[self.denominator]))

    def told(self) -> str:
        """The formula."""
        return f"`{self.numerator}` / `{self.denominator}`"


@dataclass(frozen=True, slots=True)
class Pace:
    """How a kind of event goes on, by the days of the first and the last one, and those between.

    `interval`: days from one day with it to the next; of one alone the days since it, and one.
    `lapse`: how many such intervals (and a day) it was not seen: the decay of behaviour by the member's own
    baseline. `silence`: which share of the time since the first one it was not seen.
    """

    kind: str
    measure: str

    @property
    def facts(self) -> tuple[str, ...]:
        """What it reads."""
        return (
            f"{self.kind}.days_since_first",
            f"{self.kind}.days_since_last",
            f"{self.kind}.distinct_days.{LIFETIME}",
        )

    def of(self, facts: Facts) -> Floats:
        """The interval in days, or the lapse or silence as a number."""
        first, last, days = (facts[fact] for fact in self.facts)
        interval = np.where(days > 1, (first - last) / np.maximum(days - 1, 1), first + 1)
        match self.measure:
            case "interval":
                return interval
            case "lapse":
                return np.asarray(last / (interval + 1))
            case _:
                return np.asarray(last / (first + 1))

    def told(self) -> str:
        """The formula."""
        first, last, days = (f"`{fact}`" for fact in self.facts)
        interval = f"({first} - {last}) / ({days} - 1), or {first} + 1 for a single day"
        match self.measure:
            case "interval":
                return interval
            case "lapse":
                return f"{last} / (`{self.kind}.interval` + 1)"
            case _:
                return f"{last} / ({first} + 1)"


@dataclass(frozen=True, slots=True)
class Feature:
    """A named number of a member. `unit` is that of its values."""

    name: str
    formula: Formula
    unit: str
    zh: str
    en: str


def _by(numerator: Floats, denominator: Floats) -> Floats:
    usable = denominator > 0
    return np.where(usable, numerator / np.where(usable, denominator, 1), 0.0)


def _of_kind(kind: str) -> Iterator[Feature]:
    zh, en = KINDS[kind]
    for span in _SPANS:
        count, days = f"{kind}.count.{span}", f"{kind}.distinct_days.{span}"
        yield Feature(count, Sum(count), "count", f"{_ZH_SPANS[span]}{zh}次数", f"{en} {_EN_SPANS[span]}")
        yield Feature(
            days, Sum(days), "days", f"{_ZH_SPANS[span]}有{zh}的天数", f"days with {en} {_EN_SPANS[span]}"
        )
    for end, zh_end in (("first", "首次"), ("last", "最近一次")):
        fact = f"{kind}.days_since_{end}"
        yield Feature(fact, Days(fact), "days", f"距{zh_end}{zh}的天数", f"days since the {end} of the {en}")
    for short, long in _TRENDS:
        yield Feature(
            f"{kind}.trend.{short}_of_{long}",
            Ratio(f"{kind}.count.{short}", f"{kind}.count.{long}"),
            "share",
            f"{_ZH_SPANS[long]}{zh}中{_ZH_SPANS[short]}的占比",
            f"share of the {en} {_EN_SPANS[long]} that were {_EN_SPANS[short]}",
        )
    paces = (
        ("interval", "days", "的平均间隔天数", "days from one day with {} to the next"),
        ("lapse", "intervals", "中断的个人间隔数", "own intervals for which there were no {}"),
        ("silence", "share", "沉默时间占比", "share of the time since the first for which there were no {}"),
    )
    for measure, unit, zh_text, en_text in paces:
        yield Feature(f"{kind}.{measure}", Pace(kind, measure), unit, zh + zh_text, en_text.format(en))


def _of_money(span: str) -> Iterator[Feature]:
    zh_span, en_span = _ZH_SPANS[span], _EN_SPANS[span]
    sums = (
        ("purchase", "净消费", "spend less refunds"),
        ("purchase_gross", "消费", "spend"),
        ("refund", "退款", "money given back"),
    )
    for kind, zh, en in sums:
        amount, quantity = f"{kind}.amount_minor.{span}", f"{kind}.quantity.{span}"
        yield Feature(amount, Sum(amount), "minor units", f"{zh_span}{zh}金额", f"{en} {en_span}")
        yield Feature(quantity, Sum(quantity), "items", f"{zh_span}{zh}件数", f"items of {en} {en_span}")
    ratios = (
        ("purchase.average_minor", "amount_minor", "count", "minor units", "单均消费", "spend per order"),
        ("purchase.items_per_order", "quantity", "count", "items", "单均件数", "items per order"),
        ("purchase.price_minor", "amount_minor", "quantity", "minor units", "件均价格", "spend per item"),
    )
    for name, above, below, unit, zh, en in ratios:
        formula = Ratio(f"purchase_gross.{above}.{span}", _below(below, span))
        yield Feature(f"{name}.{span}", formula, unit, zh_span + zh, f"{en} {en_span}")
    yield Feature(
        f"refund.share.{span}",
        Ratio(f"refund.amount_minor.{span}", f"purchase_gross.amount_minor.{span}"),
        "share",
        f"{zh_span}退款占消费之比",
        f"share of the spend {en_span} that was refunded",
    )


def _below(measure: str, span: str) -> str:
    return f"purchase.count.{span}" if measure == "count" else f"purchase_gross.{measure}.{span}"


def _spend_trends() -> Iterator[Feature]:
    for short, long in _TRENDS:
        yield Feature(
            f"purchase.spend_trend.{short}_of_{long}",
            Ratio(f"purchase_gross.amount_minor.{short}", f"purchase_gross.amount_minor.{long}"),
            "share",
            f"{_ZH_SPANS[long]}消费金额中{_ZH_SPANS[short]}的占比",
            f"share of the spend {_EN_SPANS[long]} that was {_EN_SPANS[short]}",
        )


def _features() -> Iterator[Feature]:
    for kind in KINDS:
        yield from _of_kind(kind)
    for span in _SPANS:
        yield from _of_money(span)
    yield from _spend_trends()


FEATURES: Mapping[str, Feature] = MappingProxyType({each.name: each for each in _features()})
"""All features of `features/v1` by name, in the order in which training looks for redundant ones."""

FACTS: tuple[str, ...] = tuple(
    dict.fromkeys(fact for each in FEATURES.values() for fact in each.formula.facts)
)
"""The facts that they read, each once."""


def feature_matrix(facts: Facts, names: Sequence[str]) -> Floats:
    """Features by name as columns, (members, names), from columns of facts; what is not there is NaN.

    >>> feature_matrix({"purchase.count.7d": np.array([2.0])}, ["purchase.count.7d", "login.days_since_last"])
    array([[ 2., nan]])
    """
    rows_count = len(next(iter(facts.values())))
    nothing = np.full(rows_count, np.nan)
    found = {fact: facts.get(fact, nothing) for name in names for fact in FEATURES[name].formula.facts}
    return np.column_stack([FEATURES[name].formula.of(found) for name in names])
