"""What a simulation comes to on the terminal: who would move, tiers over time, costs, and what is assumed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.table import Table

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.rpc.time import moment
from libs.common.texts import Locale
from libs.common.tier_policy import TierSet
from libs.common.windows import LIFETIME

_TEXTS: dict[str, dict[Locale, str]] = {
    "impact": {
        "en": "{tier_set}: if it were published now, from the tier that is held",
        "zh": "{tier_set}：若现在发布，从现有等级",
    },
    "moves": {"en": "{up} go up, {down} go down, {stay} stay", "zh": "{up} 升级，{down} 降级，{stay} 不变"},
    "from": {"en": "from", "zh": "原等级"},
    "to": {"en": "to", "zh": "新等级"},
    "member": {"en": "member", "zh": "会员"},
    "who": {"en": "Who would move", "zh": "变动的会员"},
    "history": {
        "en": "{tier_set}: members in each tier, live → this version",
        "zh": "{tier_set}：各等级会员数，现行 → 新版本",
    },
    "date": {"en": "date", "zh": "日期"},
    "up": {"en": "up", "zh": "升级"},
    "down": {"en": "down", "zh": "降级"},
    "flows": {
        "en": "{tier_set}: at the last date, by live → this version",
        "zh": "{tier_set}：末日，现行 → 新版本",
    },
    "money": {"en": "Cost in {days} days", "zh": "{days} 天的成本"},
    "live": {"en": "live", "zh": "现行"},
    "draft": {"en": "this version", "zh": "新版本"},
    "difference": {"en": "difference", "zh": "差额"},
    "points": {"en": "points of purchases", "zh": "消费积分"},
    "liability_minor": {"en": "liability of these", "zh": "积分负债"},
    "benefits_minor": {"en": "benefits", "zh": "权益成本"},
    "discounts_minor": {"en": "discounts", "zh": "折扣"},
    "return": {"en": "In a year", "zh": "一年"},
    "low": {"en": "low", "zh": "低"},
    "high": {"en": "high", "zh": "高"},
    "revenue_minor": {"en": "revenue", "zh": "收入"},
    "margin_minor": {"en": "margin of it", "zh": "毛利"},
    "cost_minor": {"en": "cost", "zh": "成本"},
    "net_minor": {"en": "net", "zh": "净额"},
    "roi_bp": {"en": "ROI", "zh": "ROI"},
    "stake": {
        "en": "At stake: {amount}, which {count} members spent in 365 days whose tier is lower",
        "zh": "风险收入：{amount}，{count} 位等级降低的会员在 365 天内的消费",
    },
    "gaining": {
        "en": "To be gained on: {amount}, which {count} members spent whose tier is higher",
        "zh": "增长基数：{amount}，{count} 位等级升高的会员的消费",
    },
    "assumed": {"en": "Assumed (* proposed, nobody chose it):", "zh": "假设（* 为建议值，无人选定）："},
    "none": {"en": "none", "zh": "无"},
}
_ASSUMPTIONS: dict[str, dict[Locale, str]] = {
    "loss_low_bp": {"en": "who loses status spends less by, at least", "zh": "失去等级者消费减少，至少"},
    "loss_high_bp": {"en": "and at most", "zh": "至多"},
    "gain_low_bp": {"en": "who gains status spends more by, at least", "zh": "获得等级者消费增加，至少"},
    "gain_high_bp": {"en": "and at most", "zh": "至多"},
    "gross_margin_bp": {"en": "gross margin", "zh": "毛利率"},
    "benefit_use_bp": {"en": "of the quotas of benefits is used", "zh": "权益配额使用率"},
    "unbounded_uses": {
        "en": "times a year a benefit without a quota is used",
        "zh": "无配额权益每年使用次数",
    },
}
_REMARKS: dict[str, dict[Locale, str]] = {
    "POINTS_BY_SPEND_ALONE": {
        "en": "Points are counted by what was spent between dates, at the tier at the beginning",
        "zh": "积分按两个日期之间的消费和期初等级计算",
    },
    "POINT_RULES_LEFT_OUT": {"en": "Rules of points that are not counted", "zh": "未计入的积分规则"},
    "BENEFITS_WITHOUT_COST": {
        "en": "Benefits that the program gives no cost for",
        "zh": "方案未给出成本的权益",
    },
    "REVIEWS_BETWEEN_DATES": {
        "en": "Some reviews fell between two dates and were decided by the later one",
        "zh": "部分复核落在两个日期之间，按后一日期的数据决定",
    },
    "POINTS_READ_LEFT_OUT": {
        "en": "The history does not know the points that these ask for",
        "zh": "历史中没有这些等级所要求的积分",
    },
    "MEMBERS_AS_TODAY": {"en": "Taken as it is today at all dates", "zh": "所有日期均按今天的情况"},
    "SAMPLED": {
        "en": "Only a sample of the members was walked, and its figures scaled up",
        "zh": "仅计算了抽样会员，并按比例放大",
    },
    "TIERS_LEFT_OUT": {"en": "Tiers that were too many to look at", "zh": "超出数量而未计算的等级"},
    "TIERS_WITHOUT_THRESHOLD": {
        "en": "Tiers that ask for no number that could be another",
        "zh": "没有可调数值门槛的等级",
    },
    "REGIONS_UNCHANGED": {
        "en": "What regions ask for by themselves stays as it is, in",
        "zh": "各地区自己的门槛保持不变",
    },
    "REDEMPTION_ASSUMED": {
        "en": "No month is closed yet: all points count as redeemed",
        "zh": "尚无已结清的月份：视为全部积分都会兑换",
    },
}
_COSTS = ("points", "liability_minor", "benefits_minor", "discounts_minor")
_RETURNS = ("revenue_minor", "margin_minor", "cost_minor", "net_minor")


@dataclass(frozen=True)
class View:
    """The texts of a run, in one language; `program` is the version that it is of."""

    run: pb.Simulation
    program: Program
    zone: ZoneInfo
    locale: Locale

    def tables(self, moves: Sequence[pb.SimulatedMove]) -> Iterator[Table | str]:
        """Everything that came out, with some of those who would move."""
        result = self.run.result
        for impact in result.impacts:
            yield self._matrix("impact", impact.tier_set, impact.tiers, impact.flows)
            yield self.moved(impact)
        if moves:
            yield self._members(moves)
        for history in result.histories:
            yield self._dates(history)
            yield self._matrix("flows", history.tier_set, history.tiers, history.flows)
        yield self._costs(result.money)
        yield self._returns(result.money)
        yield from self._at_stake(result)
        yield from self.assumed()
        yield from self.remarks()

    def moved(self, impact: pb.SimulatedImpact) -> str:
        """How many would go where, in a line."""
        counts = {
            "up": impact.upgraded_count,
            "down": impact.downgraded_count,
            "stay": impact.stayed_count,
        }
        return self._text("moves", **{name: f"{count:,}" for name, count in counts.items()})

    def _matrix(self, title: str, tier_set: str, tiers: Sequence[str], flows: Sequence[pb.TierFlow]) -> Table:
        counts = {(each.from_tier, each.to_tier): each.count for each in flows}
        froms = list(dict.fromkeys(each.from_tier for each in flows))
        shown = [each for each in tiers if each in froms or any(to == each for _, to in counts)]
        table = self._table(self._text(title, tier_set=self._set(tier_set)))
        table.add_column(self._text("from"), no_wrap=True)
        for tier in shown:
            table.add_column(self._tier(tier_set, tier), justify="right")
        for one in froms:
            cells = [f"{counts[one, to]:,}" if (one, to) in counts else "·" for to in shown]
            table.add_row(self._tier(tier_set, one), *cells)
        return table

    def _members(self, moves: Sequence[pb.SimulatedMove]) -> Table:
        table = self._table(self._text("who"))
        for column in ("member", "from", "to"):
            table.add_column(self._text(column), no_wrap=True)
        for each in moves:
            tiers = (self._tier(each.tier_set, key) for key in (each.from_tier, each.to_tier))
            table.add_row(each.member_id, *tiers, style="green" if each.upgraded else "red")
        return table

    def _dates(self, history: pb.SimulatedHistory) -> Table:
        table = self._table(self._text("history", tier_set=self._set(history.tier_set)))
        table.add_column(self._text("date"), no_wrap=True)
        for tier in history.tiers:
            table.add_column(self._tier(history.tier_set, tier), justify="right")
        for column in ("up", "down"):
            table.add_column(self._text(column), justify="right")
        for each in history.dates:
            live, draft = (
                {count.tier: count.count for count in side.tiers} for side in (each.live, each.draft)
            )
            cells = [_pair(live.get(tier, 0), draft.get(tier, 0)) for tier in history.tiers]
            table.add_row(
                f"{moment(each.time).astimezone(self.zone):%Y-%m-%d}",
                *cells,
                _pair(each.live.upgraded_count, each.draft.upgraded_count),
                _pair(each.live.downgraded_count, each.draft.downgraded_count),
            )
        return table

    def _costs(self, money: pb.SimulatedMoney) -> Table:
        table = self._table(self._text("money", days=f"{money.days_count:,}"))
        table.add_column("")
        for column in ("live", "draft", "difference"):
            table.add_column(self._text(column), justify="right")
        for name in _COSTS:
            live, draft = getattr(money.live, name), getattr(money.draft, name)
            cells = (live, draft, draft - live)
            shown = [f"{each:,}" if name == "points" else self._money(each) for each in cells]
            table.add_row(self._text(name), *shown)
        return table

    def _returns(self, money: pb.SimulatedMoney) -> Table:
        table = self._table(self._text("return"))
        table.add_column("")
        for column in ("low", "high"):
            table.add_column(self._text(column), justify="right")
        for name in _RETURNS:
            cells = [self._money(getattr(each, name)) for each in (money.low, money.high)]
            table.add_row(self._text(name), *cells)
        rois = [
            f"{each.roi_bp / 100:,.2f} %" if each.HasField("roi_bp") else self._text("none")
            for each in (money.low, money.high)
        ]
        table.add_row(self._text("roi_bp"), *rois)
        return table

    def _at_stake(self, result: pb.SimulationResult) -> Iterator[str]:
        money, first = result.money, result.histories[0]
        for name, amount, count in (
            ("stake", money.revenue_at_stake_minor, first.losing_count),
            ("gaining", money.revenue_gaining_minor, first.gaining_count),
        ):
            yield self._text(name, amount=self._money(amount), count=f"{count:,}")

    def assumed(self) -> Iterator[str]:
        """What was assumed, and which of it nobody chose."""
        yield from assumptions_shown(self.run.assumptions, self.run.assumed, self.locale)

    def remarks(self) -> Iterator[str]:
        """What could not be counted."""
        yield from remarks_shown(self.run.result.remarks, self.locale)

    def _table(self, title: str) -> Table:
        return Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)

    def _text(self, name: str, **params: str) -> str:
        return _TEXTS[name][self.locale].format(**params)

    def _money(self, amount_minor: int) -> str:
        shown = self._words.money(abs(amount_minor))
        return f"-{shown}" if amount_minor < 0 else shown

    @property
    def _words(self) -> Words:
        return Words.of(self.program, LIFETIME, self.locale)

    def _set(self, key: str) -> str:
        return self._words.text(self._tier_set(key).name)

    def _tier(self, tier_set: str, key: str) -> str:
        """The name of a tier; its key where the version does not have it."""
        names = {each.key: self._words.text(each.name) for each in self._tier_set(tier_set).tiers}
        return names.get(key, key)

    def _tier_set(self, key: str) -> TierSet:
        return next(each for each in self.program.tier_sets if each.key == key)


def _pair(live: int, draft: int) -> str:
    """Both numbers, or the one that they are."""
    return f"{live:,}" if live == draft else f"{live:,}→{draft:,}"


def assumptions_shown(
    assumptions: pb.SimulationAssumptions, assumed: Sequence[str], locale: Locale
) -> Iterator[str]:
    """What is assumed, with what nobody chose marked."""
    yield _TEXTS["assumed"][locale]
    for name, texts in _ASSUMPTIONS.items():
        value = getattr(assumptions, name)
        shown = f"{value / 100:g} %" if name.endswith("_bp") else f"{value}"
        yield f"  {texts[locale]}: {shown}{' *' if name in assumed else ''}"


def remarks_shown(remarks: Sequence[pb.SimulationRemark], locale: Locale) -> Iterator[str]:
    """What is not counted, or not exactly."""
    for each in remarks:
        # One that a newer service has is shown as it is called.
        text = _REMARKS.get(each.code, {}).get(locale, each.code)
        side = f" ({_TEXTS[each.side][locale]})" if each.side else ""
        yield f"- {text}{side}{': ' + ', '.join(each.keys) if each.keys else ''}"
