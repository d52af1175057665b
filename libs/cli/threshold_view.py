"""What tiers had better ask for on the terminal: what each candidate costs and brings, and the choice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.table import Table

from laurel.benefits.v1 import thresholds_pb2 as pb
from libs.cli.simulation_view import assumptions_shown, remarks_shown
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.rpc.time import moment
from libs.common.texts import Locale, operator_name
from libs.common.tier_policy import TierSet

BAR = 8
_TEXTS: dict[str, dict[Locale, str]] = {
    "title": {"en": "{tier}: {metric} {op} …", "zh": "{tier}：{metric}{op} …"},
    "value": {"en": "value", "zh": "门槛"},
    "members": {"en": "members", "zh": "会员"},
    "cost": {"en": "cost", "zh": "成本"},
    "margin": {"en": "margin", "zh": "毛利"},
    "net": {"en": "net", "zh": "净额"},
    "step": {"en": "step adds", "zh": "边际净额"},
    "keep": {"en": "{tier}: keep {live}", "zh": "{tier}：保持 {live}"},
    "change": {
        "en": "{tier}: {chosen} instead of {live}, net a year {low} to {high}",
        "zh": "{tier}：由 {live} 改为 {chosen}，年净额 {low} 至 {high}",
    },
    "left_out": {"en": "  {value} was left out: {why}", "zh": "  {value} 未计算：{why}"},
    "basis": {
        "en": "By {walked} of {total} members at {dates} dates, {first} to {last}; amounts "
        "are of a year, margin and net against the live value",
        "zh": "依据 {total} 位会员中的 {walked} 位，{first} 至 {last} 共 {dates} 个日期；"
        "金额按年计，毛利与净额相对现行门槛",
    },
    "nothing": {
        "en": "Every threshold is best as it is: there is nothing to propose.",
        "zh": "所有门槛均已最优，无需提议。",
    },
    "propose": {
        "en": "Nothing has changed. With --propose this becomes a draft.",
        "zh": "尚未更改。加 --propose 可提议为草稿。",
    },
    "next": {
        "en": "See what it would do: laurel program simulate {version} --program {program}\n"
        "Then somebody else approves it: laurel program approve {version} --program {program}",
        "zh": "先看效果：laurel program simulate {version} --program {program}\n"
        "再由他人批准：laurel program approve {version} --program {program}",
    },
}
_WHY: dict["pb.ThresholdObstacle.ValueType", dict[Locale, str]] = {
    pb.THRESHOLD_OBSTACLE_SAME: {"en": "another one is rounded to it", "zh": "与其他候选值相同"},
    pb.THRESHOLD_OBSTACLE_TIER_BELOW: {"en": "a lower tier asks for as much", "zh": "不高于下级门槛"},
    pb.THRESHOLD_OBSTACLE_TIER_ABOVE: {"en": "a higher tier asks for as little", "zh": "不低于上级门槛"},
    pb.THRESHOLD_OBSTACLE_INVALID: {"en": "the program would be wrong", "zh": "方案将不成立"},
}


@dataclass(frozen=True)
class View:
    """The texts of a result, in one language."""

    found: pb.ThresholdSuggestions
    program: Program
    zone: ZoneInfo
    locale: Locale

    def tables(self) -> Iterator[Table | str]:
        """Everything that came out, each tier with its choice."""
        for each in self.found.suggestions:
            yield self._table(each)
            yield self._choice(each)
            yield from self._left_out(each)
        yield self._basis()
        yield from assumptions_shown(self.found.assumptions, self.found.assumed, self.locale)
        yield from remarks_shown(self.found.remarks, self.locale)

    def proposal(self) -> str:
        """What to do where nothing is proposed."""
        return self._text("propose" if self.found.changed else "nothing")

    def following(self, version: int) -> str:
        """What to do with the draft that was proposed."""
        return self._text("next", version=str(version), program=self.found.program_id)

    def _table(self, each: pb.ThresholdSuggestion) -> Table:
        title = self._text(
            "title",
            tier=self._tier(each),
            metric=self._words(each).metric(each.metric, each.window),
            op=operator_name(each.op, self.locale),
        )
        table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", no_wrap=True)
        for column in ("value", "members", "cost", "margin", "net", "step"):
            table.add_column(self._text(column), justify="right", overflow="fold")
        table.add_column("", no_wrap=True)
        bars = _bars([candidate.net_minor for candidate in each.candidates])
        for candidate, bar in zip(each.candidates, bars, strict=True):
            chosen = candidate.value == each.chosen_value
            table.add_row(*self._cells(each, candidate), bar, style="bold green" if chosen else "")
        return table

    def _cells(self, each: pb.ThresholdSuggestion, candidate: pb.ThresholdCandidate) -> list[str]:
        cost = candidate.cost
        marks = ("→", candidate.value == each.chosen_value), ("=", candidate.value == each.live_value)
        return [
            "".join(mark for mark, shown in marks if shown),
            self._value(each, candidate.value),
            f"{candidate.members_count:,}",
            self._money(cost.liability_minor + cost.benefits_minor + cost.discounts_minor),
            # At the middle of the range, as the net is.
            self._money(candidate.net_minor + candidate.low.cost_minor),
            self._money(candidate.net_minor),
            self._money(candidate.step.net_minor) if candidate.HasField("step") else "",
        ]

    def _choice(self, each: pb.ThresholdSuggestion) -> str:
        tier, live = self._tier(each), self._value(each, each.live_value)
        if each.chosen_value == each.live_value:
            return self._text("keep", tier=tier, live=live)
        chosen = next(one for one in each.candidates if one.value == each.chosen_value)
        return self._text(
            "change",
            tier=tier,
            live=live,
            chosen=self._value(each, chosen.value),
            low=self._money(chosen.low.net_minor),
            high=self._money(chosen.high.net_minor),
        )

    def _left_out(self, each: pb.ThresholdSuggestion) -> Iterator[str]:
        for one in each.left_out:
            why = _WHY.get(one.obstacle, {}).get(self.locale, str(one.obstacle))
            detail = f" ({one.detail})" if one.detail else ""
            yield self._text("left_out", value=self._value(each, one.value), why=f"{why}{detail}")

    def _basis(self) -> str:
        days = [f"{moment(each).astimezone(self.zone):%Y-%m-%d}" for each in self.found.dates]
        return self._text(
            "basis",
            walked=f"{self.found.sampled_count:,}",
            total=f"{self.found.members_count:,}",
            dates=str(len(days)),
            first=days[0],
            last=days[-1],
        )

    def _value(self, each: pb.ThresholdSuggestion, value: int) -> str:
        return self._words(each).value(each.metric, value)

    def _money(self, amount_minor: int) -> str:
        shown = self._words(self.found.suggestions[0]).money(abs(amount_minor))
        return f"-{shown}" if amount_minor < 0 else shown

    def _tier(self, each: pb.ThresholdSuggestion) -> str:
        (tier,) = [tier for tier in self._tier_set(each).tiers if tier.key == each.tier]
        return self._words(each).text(tier.name)

    def _words(self, each: pb.ThresholdSuggestion) -> Words:
        return Words.of(self.program, self._tier_set(each).window, self.locale)

    def _tier_set(self, each: pb.ThresholdSuggestion) -> TierSet:
        return next(one for one in self.program.tier_sets if one.key == each.tier_set)

    def _text(self, name: str, **params: str) -> str:
        return _TEXTS[name][self.locale].format(**params)


def _bars(nets: Sequence[int]) -> list[str]:
    """A bar for each, from the least to the most."""
    least, most = min(nets), max(nets)
    return ["▇" * (1 + (BAR - 1) * (each - least) // (most - least)) if most > least else "" for each in nets]
