"""Scores as one page: models beside each other, how good they were, and members by each score."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from libs.cli.report_page.html import Section, Voice, figure, heading, missing, note, page, said, table
from libs.cli.report_page.svg import AMBER, BLUE, GREEN, GREY, PURPLE, Bar, Line, bars, columns, lines
from libs.common.currencies import minor_digits, minor_per_major
from libs.common.documents import WHOLE_BP, Text
from libs.common.texts import Locale
from libs.models.documents import Churn, LifetimeValue, ModelDocument, ValueSegment

MARKS = 10
NO_SCORE = ("没有评分", "no score")
STAGES = {"champion": ("现用模型", "champion"), "challenger": ("候选对照", "challenger")}
KINDS = {
    "churn": ("流失", "Churn"),
    "lifetime_value": ("生命周期价值", "Lifetime value"),
    "value_segment": ("价值分群", "Value segments"),
}


@dataclass(frozen=True, slots=True)
class Serving:
    """A model that scores: where it stands, and its document."""

    version: int
    stage: str
    document: ModelDocument

    @property
    def name(self) -> str:
        """As scores name it."""
        return f"{self.document.kind}/{self.version}"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The members by one score: how many have each label, and values in bins of equal width."""

    name: str
    labels: Sequence[tuple[str, int]]
    histogram: Sequence[int]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ScoringFindings:
    """What the page shows of a program; `scored` is the day of the scores, None where there are none yet."""

    program_id: str
    name: Text
    currency: str
    read_time: datetime
    models: Sequence[Serving]
    distributions: Sequence[Distribution]
    scored: date | None


def rendered(found: ScoringFindings, locale: Locale) -> str:
    """The page."""
    say = Voice(locale)
    name = say(found.name.zh, found.name.en)
    sections = [
        _beside(found.models, say),
        _churn(_of(found.models, Churn), say),
        _lifetime(_of(found.models, LifetimeValue), say),
        _segments(_of(found.models, ValueSegment), found.currency, say),
        _scores(found, say),
    ]
    read = f"{found.read_time:%Y-%m-%d %H:%M} UTC"
    introduction = say(f"{found.program_id}，读取于{read}。", f"{found.program_id}, read on {read}.")
    return page(say, say(f"{name}：评分报告", f"{name}: scoring report"), introduction, sections)


def as_document(found: ScoringFindings) -> dict[str, Any]:
    """The same for programs."""
    return {
        "program_id": found.program_id,
        "currency": found.currency,
        "read_time": found.read_time.isoformat(),
        "models": [
            {
                "kind": each.document.kind,
                "version": each.version,
                "stage": each.stage,
                "digest": each.document.digest(),
                **each.document.model_dump(
                    mode="json", include={"as_of", "horizon_days", "members_count", "metrics", "drawn"}
                ),
            }
            for each in found.models
        ],
        "scored": None if found.scored is None else found.scored.isoformat(),
        "scores": [
            {
                "name": each.name,
                "labels": dict(each.labels),
                "histogram": list(each.histogram),
                "low": each.low,
                "high": each.high,
            }
            for each in found.distributions
        ],
    }


def _of(models: Sequence[Serving], kind: type[Any]) -> list[Serving]:
    """Those of a kind, the champion first."""
    own = [each for each in models if isinstance(each.document, kind)]
    return sorted(own, key=lambda each: each.stage != "champion")


def _stage(each: Serving, say: Voice) -> str:
    return f"{each.name}, {say(*STAGES.get(each.stage, (each.stage, each.stage)))}"


def _beside(models: Sequence[Serving], say: Voice) -> Section:
    title = say("模型", "Models")
    if not models:
        why = say(
            "还没有模型：用 laurel train 训练，再由另一人用 laurel promote 启用。",
            "No model scores yet: learn one with laurel train, and let somebody else promote it.",
        )
        return Section("models", title, missing(why))
    body = said(say(f"{len(models)}个模型在评分。", f"{len(models)} models score."))
    for kind, names in KINDS.items():
        own = [each for each in models if each.document.kind == kind]
        if not own:
            continue
        own.sort(key=lambda each: each.stage != "champion")
        figures = list(dict.fromkeys(name for each in own for name in each.document.metrics))
        rows: list[list[object]] = [
            [say("训练至", "trained up to"), *(str(each.document.as_of) for each in own)],
            [say("会员数", "members"), *(f"{each.document.members_count:,}" for each in own)],
        ]
        rows += [[name, *(_figure(each, name) for each in own)] for name in figures]
        head = [say("指标", "figure"), *(_stage(each, say) for each in own)]
        body += table(say(*names), head, rows)
    return Section("models", title, body)


def _figure(each: Serving, name: str) -> str:
    value = each.document.metrics.get(name)
    return "–" if value is None else f"{value:,.4f}"


def _churn(models: Sequence[Serving], say: Voice) -> Section:
    title = say(*KINDS["churn"])
    if not models:
        return Section("churn", title, _none("churn", say))
    best = models[0].document
    assert isinstance(best, Churn), "it is of the kind"
    sentence = say(
        f"{best.as_of}后{best.horizon_days}天内没有购买的概率；折外AUC为{best.metrics.get('auc', 0):.3f}，"
        f"校准误差{best.metrics.get('calibration_error', 0):.3f}。",
        f"The probability of no purchase in the {best.horizon_days} days after {best.as_of}; out of fold its "
        f"AUC is {best.metrics.get('auc', 0):.3f}, its calibration error "
        f"{best.metrics.get('calibration_error', 0):.3f}.",
    )
    curve = [Line(say("完全校准", "perfect"), GREY, [(0.0, 0.0), (1.0, 1.0)])]
    for each, colour in zip(models, (BLUE, PURPLE), strict=False):
        shown = [(bin_.said, bin_.came) for bin_ in each.document.drawn.calibration if bin_.count]
        curve.append(Line(_stage(each, say), colour, shown))
    calibrated = say(
        "校准曲线：所说的概率与实际比率", "Calibration: the probability that was said, the share that came"
    )
    body = said(sentence) + heading(calibrated) + figure(lines(calibrated, sentence, curve))
    for each in models:
        spread = say(f"流失概率的分布：{each.name}", f"Members by probability of churn: {each.name}")
        body += heading(spread) + _histogram(spread, each.document.drawn.histogram, 0, 1, AMBER)
    names = {band.key: say(band.name.zh, band.name.en) for band in best.bands}
    rows = [
        (names.get(group.label, group.label), group.members, f"{group.values.get('churned_share', 0):.1%}")
        for group in best.drawn.groups
    ]
    head = [say("档", "band"), say("会员", "members"), say("没有购买", "did not buy")]
    return Section("churn", title, body + table(say("各档", "By band"), head, rows))


def _lifetime(models: Sequence[Serving], say: Voice) -> Section:
    title = say(*KINDS["lifetime_value"])
    if not models:
        return Section("lifetime", title, _none("lifetime-value", say))
    best = models[0].document
    assert isinstance(best, LifetimeValue), "it is of the kind"
    metrics = best.metrics
    if "actual" in metrics:
        sentence = say(
            f"{best.horizon_days}天内预计购买日{metrics['foretold']:,.0f}个，实际{metrics['actual']:,.0f}个。",
            f"In {best.horizon_days} days {metrics['foretold']:,.0f} purchase days were foretold, and "
            f"{metrics['actual']:,.0f} came.",
        )
    else:
        sentence = say(
            f"{best.as_of}后{best.horizon_days}天尚未过去，还不能检验。",
            f"The {best.horizon_days} days after {best.as_of} were not over: it is not measured yet.",
        )
    body = said(sentence)
    series: list[Line] = []
    for each, colour in zip(models, (BLUE, PURPLE), strict=False):
        weeks = each.document.drawn.weeks
        places = [float(place) for place in range(len(weeks) + 1)]
        if weeks and not series:
            came = [0.0, *(week.actual for week in weeks)]
            series.append(Line(say("实际", "came"), GREEN, list(zip(places, came, strict=True))))
        if weeks:
            foretold = [0.0, *(week.foretold for week in weeks)]
            series.append(Line(_stage(each, say), colour, list(zip(places, foretold, strict=True))))
    if series:
        by_week = say("累计购买日，按周", "Purchase days, cumulated by week")
        body += heading(by_week) + figure(lines(by_week, sentence, series))
    if best.problem:
        body += missing(
            say(
                f"无法识别：{best.problem}；以历史频率代替。",
                f"Not identified: {best.problem}; historic rates serve.",
            )
        )
    spread = say(f"预计价值的分布（{best.currency}）", f"Members by value foretold ({best.currency})")
    high = best.drawn.high / WHOLE_BP / minor_per_major(best.currency)
    body += heading(spread) + _histogram(spread, best.drawn.histogram, 0, high, BLUE)
    return Section("lifetime", title, body)


def _segments(models: Sequence[Serving], currency: str, say: Voice) -> Section:
    title = say(*KINDS["value_segment"])
    if not models:
        return Section("segments", title, _none("value-segment", say))
    body = ""
    for each in models:
        document = each.document
        assert isinstance(document, ValueSegment), "it is of the kind"
        names = {segment.key: say(segment.name.zh, segment.name.en) for segment in document.segments}
        sentence = say(
            f"{_stage(each, say)}：{document.members_count:,}位会员，截至{document.as_of}。",
            f"{_stage(each, say)}: {document.members_count:,} members on {document.as_of}.",
        )
        chart = [
            Bar(names.get(group.label, group.label), [(group.members, BLUE)], f"{group.members:,}")
            for group in document.drawn.groups
        ]
        head = [
            say("分群", "segment"),
            say("距上次购买天数", "days ago"),
            say("购买日", "purchase days"),
            say(f"消费（{currency}）", f"spend ({currency})"),
        ]
        rows = [
            (
                names.get(group.label, group.label),
                f"{group.values.get('days_since_last', 0):.0f}",
                f"{group.values.get('purchase_days', 0):.1f}",
                _major(group.values.get("spent_minor", 0), currency),
            )
            for group in document.drawn.groups
        ]
        body += said(sentence) + figure(bars(title, sentence, chart))
        body += table(say("典型值", "What is typical"), head, rows)
    return Section("segments", title, body)


def _scores(found: ScoringFindings, say: Voice) -> Section:
    title = say("评分分布", "Scores of members")
    if found.scored is None:
        why = say(
            "还没有评分结果：先运行 laurel score。",
            "No members have been scored yet: run laurel score first.",
        )
        return Section("scores", title, missing(why))
    body = said(say(f"截至{found.scored}的全部会员。", f"All members, as of {found.scored}."))
    for each in found.distributions:
        body += heading(each.name)
        if each.labels:
            chart = [
                Bar(label or say(*NO_SCORE), [(count, BLUE if label else GREY)], f"{count:,}")
                for label, count in each.labels
            ]
            body += figure(bars(each.name, each.name, chart))
        if each.histogram:
            body += _histogram(each.name, each.histogram, each.low, each.high, GREEN)
    return Section("scores", title, body)


def _histogram(title: str, counts: Sequence[int], low: float, high: float, colour: str) -> str:
    """Members by value; below the bars is where every other one begins."""
    if not counts:
        return ""
    wide = (high - low) / len(counts)
    every = max(1, len(counts) // MARKS)
    marks = [f"{low + place * wide:,.3g}" if place % every == 0 else "" for place in range(len(counts))]
    sizes = [float(count) for count in counts]
    return figure(columns(title, title, sizes, [colour] * len(sizes), marks))


def _major(amount_minor: float, currency: str) -> str:
    return f"{amount_minor / minor_per_major(currency):,.{minor_digits(currency)}f}"


def _none(command: str, say: Voice) -> str:
    why = say(f"没有这样的模型：laurel train {command}。", f"There is none: laurel train {command}.")
    return missing(why) + note(
        say("训练之后由另一人启用。", "Once it is trained, somebody else promotes it.")
    )
