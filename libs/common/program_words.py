"""What conditions and facts of a program are in words, in Chinese and English."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.common.conditions import (
    MONEY_METRICS,
    POINT_FACTS,
    SCORE_FACTS,
    TIER_METRICS,
    Asked,
    Condition,
    SegmentIs,
    parts,
)
from libs.common.documents import Text
from libs.common.program import Program
from libs.common.score_policy import RFM, Rfm, Scorecard
from libs.common.texts import Locale, metric_name, operator_name, shown_amount
from libs.common.windows import LIFETIME, Window

_METRICS_OF_FACTS = {fact.removesuffix(LIFETIME): metric for metric, fact in TIER_METRICS.items()}
_JOINED: Mapping[str, Mapping[Locale, str]] = {
    "any": {"zh": "或", "en": " or "},
    "all": {"zh": "且", "en": " and "},
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one program in one language; `window` is the one where comparisons name none."""

    currency: str
    scores: Mapping[str, Rfm | Scorecard]
    points: Mapping[str, Text]
    window: Window
    locale: Locale

    @classmethod
    def of(cls, program: Program, window: Window, locale: Locale) -> "Words":
        """The words of a program, for a tier set with this window."""
        points = {POINT_FACTS + each.key: each.name for each in program.points.types}
        return cls(program.currency, program.score_policies, points, window, locale)

    def condition(self, condition: Condition, *, inner: bool = False) -> str:
        """A condition, such as `Lifetime spend at least ¥5,000.00 or Friends invited at least 10`."""
        joined, children = parts(condition)
        if not joined:
            return self.asked(condition)  # type: ignore[arg-type]  # what joins nothing is a comparison
        words = _JOINED[joined][self.locale].join(self.condition(each, inner=True) for each in children)
        return f"({words})" if inner and len(children) > 1 else words

    def asked(self, asked: Asked) -> str:
        """One comparison, or the label of a score."""
        if isinstance(asked, SegmentIs):
            score, label = self._score(asked.segment), self._label(asked)
            return f"{score}为{label}" if self.locale == "zh" else f"{score} is {label}"
        name = self.metric(asked.metric, asked.window or self.window)
        op, value = operator_name(asked.op, self.locale), self.value(asked.metric, asked.value)
        return f"{name}{op}{value}" if self.locale == "zh" else f"{name} {op} {value}"

    def facts(self, values: Mapping[str, int]) -> str:
        """Values by fact, such as `Lifetime spend ¥5,000.00, Friends invited 0`; nothing as `nothing yet`."""
        shown = {fact: value for fact, value in values.items() if not _is_label(fact)}
        if not shown:
            return "尚无任何行为" if self.locale == "zh" else "nothing yet"
        between = "，" if self.locale == "zh" else ", "
        return between.join(self._fact(fact, value) for fact, value in shown.items())

    def _fact(self, fact: str, value: int) -> str:
        if fact.startswith(SCORE_FACTS):
            key = fact.removeprefix(SCORE_FACTS)
            none = "无" if self.locale == "zh" else "none"
            return f"{self._score(key)} {none if value < 0 else self.value(key, value)}"
        stem, _, window = fact.rpartition(".")
        # Points of the program are their own metric.
        metric = _METRICS_OF_FACTS.get(stem + ".", stem)
        return f"{self.metric(metric, window)} {self.value(metric, value)}"

    def metric(self, metric: str, window: str) -> str:
        """What is measured, by the program's own name where it has one."""
        if metric in self.points:
            return self.text(self.points[metric])
        if metric in self.scores and metric not in TIER_METRICS:
            return self._score(metric)
        return metric_name(metric, window, self.locale)

    def value(self, metric: str, value: int) -> str:
        """A number of a metric, with the currency where it is money."""
        return shown_amount(str(value), self.currency if metric in MONEY_METRICS else "", self.locale)

    def _score(self, key: str) -> str:
        found = self.scores.get(key)
        return self.text(found.name) if isinstance(found, Scorecard) else RFM.upper() if key == RFM else key

    def _label(self, asked: SegmentIs) -> str:
        found = self.scores[asked.segment]
        labels = found.labels if isinstance(found, Rfm) else found.bands
        return next(self.text(each.name) for each in labels if each.key == asked.label)

    def money(self, amount_minor: int) -> str:
        """An amount in the currency of the program."""
        return shown_amount(str(amount_minor), self.currency, self.locale)

    def text(self, text: Text) -> str:
        """A name in the language."""
        return text.zh if self.locale == "zh" else text.en


def _is_label(fact: str) -> bool:
    """Whether a fact is a label of a score, which its total says as well."""
    return fact.startswith(SCORE_FACTS) and "." in fact.removeprefix(SCORE_FACTS)
