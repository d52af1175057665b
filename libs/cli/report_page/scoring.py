"""Scores as one page: models beside each other, how good they were, and members by each score."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from libs.cli.report_page.html import Section, Voice, figure, heading, missing, note, page, said, table
from libs.cli.report_page.svg import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    Bar,
    Line,
    bars,
    columns,
    lines,
    rounded,
)
from libs.common.currencies import minor_digits, minor_per_major
from libs.common.documents import WHOLE_BP
from libs.common.program import Program
from libs.common.texts import Locale
from libs.models.documents import (
    Band,
    Churn,
    LifetimeValue,
    ModelDocument,
    SegmentCentre,
    ValueSegment,
)
from libs.models.purchases import DAYS_PER_WEEK

MARKS = 10
NO_SCORE = ("没有评分", "no score")
STAGES = {"champion": ("现用模型", "champion"), "challenger": ("候选对照", "challenger")}
KINDS = {
    "churn": ("流失", "Churn"),
    "lifetime_value": ("生命周期价值", "Lifetime value"),
    "value_segment": ("价值分群", "Value segments"),
}
# What figures are called, in their order; of a lead, its interval stands behind it.
FIGURES = {
    "auc": ("AUC（折外）", "AUC, out of fold"),
    "auc_recency": ("距上次购买天数的AUC", "AUC of days since the last purchase"),
    "lead_over_recency": ("领先于它", "lead over it"),
    "auc_bgnbd": ("BG/NBD的AUC", "AUC of BG/NBD"),
    "lead_over_bgnbd": ("领先于它", "lead over it"),
    "calibration_error": ("校准误差", "calibration error"),
    "said_share": ("预计没有购买", "foretold not to buy"),
    "churned_share": ("实际没有购买", "did not buy"),
    "foretold": ("预计购买日", "purchase days foretold"),
    "actual": ("实际购买日", "purchase days that came"),
    "correlation": ("相关系数", "correlation by member"),
    "mean_absolute_error": ("平均绝对误差", "mean absolute error by member"),
    "value_foretold": ("预计消费", "spend foretold"),
    "value_actual": ("实际消费", "spend that came"),
    "value_correlation": ("消费的相关系数", "correlation of spend"),
    "value_within_bounds": ("消费在区间内的会员", "members whose spend is within bounds"),
    "log_likelihood": ("对数似然：频次", "log-likelihood: how often"),
    "log_likelihood_spend": ("对数似然：金额", "log-likelihood: how much"),
    "silhouette": ("轮廓系数", "silhouette"),
    "same_label_share": ("保持原分群的会员", "members who keep their segment"),
}
SHARES = {"said_share", "churned_share", "value_within_bounds", "same_label_share"}
COUNTS = {"foretold", "actual"}
MONEY = {"value_foretold", "value_actual"}
INTERVAL = (".low", ".high")
UNITS = {
    "churn": ("概率", "probability"),
    "value_segment": ("标准差", "standard deviations"),
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

    program: Program
    read_time: datetime
    models: Sequence[Serving]
    distributions: Sequence[Distribution]
    scored: date | None


def rendered(found: ScoringFindings, locale: Locale) -> str:
    """The page."""
    say = Voice(locale)
    program = found.program
    name = say(program.name.zh, program.name.en)
    sections = [
        _beside(found.models, program.currency, say),
        _churn(_of(found.models, Churn), say),
        _lifetime(_of(found.models, LifetimeValue), say),
        _segments(_of(found.models, ValueSegment), program.currency, say),
        _scores(found, say),
    ]
    read = f"{found.read_time:%Y-%m-%d %H:%M} UTC"
    introduction = say(f"{program.key}，读取于{read}。", f"{program.key}, read on {read}.")
    return page(say, say(f"{name}：评分报告", f"{name}: scoring report"), introduction, sections)


def as_document(found: ScoringFindings) -> dict[str, Any]:
    """The same for programs."""
    return {
        "program_id": found.program.key,
        "currency": found.program.currency,
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


def _beside(models: Sequence[Serving], currency: str, say: Voice) -> Section:
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
        there = {name for each in own for name in each.document.metrics if not name.endswith(INTERVAL)}
        figures = [*(name for name in FIGURES if name in there), *sorted(there - set(FIGURES))]
        rows: list[list[object]] = [
            [say("训练至", "trained up to"), *(str(each.document.as_of) for each in own)],
            [say("会员数", "members"), *(f"{each.document.members_count:,}" for each in own)],
        ]
        rows += [
            [say(*FIGURES.get(name, (name, name))), *(_figure(each, name, currency) for each in own)]
            for name in figures
        ]
        head = [say("指标", "figure"), *(_stage(each, say) for each in own)]
        body += table(say(*names), head, rows)
    return Section("models", title, body)


def _figure(each: Serving, name: str, currency: str) -> str:
    metrics = each.document.metrics
    value = metrics.get(name)
    if value is None:
        return "–"
    if name in MONEY:
        return f"{_major(value, currency)} {currency}"
    if name in SHARES:
        return f"{value:.1%}"
    if name in COUNTS:
        return f"{value:,.0f}"
    low, high = (metrics.get(f"{name}{end}") for end in INTERVAL)
    interval = "" if low is None or high is None else f" ({low:+.4f} – {high:+.4f})"
    return f"{value:+.4f}{interval}" if interval else f"{value:,.4f}"


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
    body = (
        said(sentence)
        + heading(calibrated)
        + figure(lines(calibrated, sentence, curve, say("所说的概率", "probability that was said")))
    )
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
        step = each.document.horizon_days / DAYS_PER_WEEK / max(1, len(weeks))
        places = [place * step for place in range(len(weeks) + 1)]
        if weeks and not series:
            came = [0.0, *(week.actual for week in weeks)]
            series.append(Line(say("实际", "came"), GREEN, list(zip(places, came, strict=True))))
        if weeks:
            foretold = [0.0, *(week.foretold for week in weeks)]
            series.append(Line(_stage(each, say), colour, list(zip(places, foretold, strict=True))))
    if series:
        by_week = say("累计购买日，按周", "Purchase days, cumulated by week")
        body += heading(by_week) + figure(lines(by_week, sentence, series, say("周", "weeks")))
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
        name, labels = _called(found, each.name, say)
        body += heading(name)
        if each.labels:
            places = {label: place for place, label in enumerate(labels)}
            ordered = sorted(each.labels, key=lambda row: (not row[0], places.get(row[0], len(places))))
            chart = [
                Bar(
                    labels.get(label, label) or say(*NO_SCORE),
                    [(count, BLUE if label else GREY)],
                    f"{count:,}",
                )
                for label, count in ordered
            ]
            body += figure(bars(name, name, chart))
        if each.histogram:
            body += _histogram(name, each.histogram, each.low, each.high, GREEN)
            body += note(_unit(found, each.name, say))
    return Section("scores", title, body)


def _called(found: ScoringFindings, name: str, say: Voice) -> tuple[str, dict[str, str]]:
    """What a score is called, and its labels in their order, as far as what scores says so."""
    policy = found.program.score_policies.get(name)
    if policy is not None:
        called = say(policy.name.zh, policy.name.en)
        return called, {each.key: say(each.name.zh, each.name.en) for each in policy.labels}
    kind, _, stage = name.partition(".")
    called = say(*KINDS.get(kind, (name, name)))
    if stage:
        called = say(f"{called}（{STAGES.get(stage, (stage, stage))[0]}）", f"{called}, {stage}")
    labels: dict[str, str] = {}
    for each in _of(found.models, object):
        if each.document.kind == kind:
            labels |= {one.key: say(one.name.zh, one.name.en) for one in _labels(each.document)}
    return called, labels


def _labels(document: ModelDocument) -> Sequence[Band | SegmentCentre]:
    match document:
        case Churn():
            return document.bands
        case ValueSegment():
            return document.segments
        case LifetimeValue():
            return ()


def _unit(found: ScoringFindings, name: str, say: Voice) -> str:
    """What the marks below a histogram are."""
    kind = name.partition(".")[0]
    currency = found.program.currency
    own = (currency, currency) if kind == "lifetime_value" else UNITS.get(kind, ("总分", "total"))
    return say(f"横轴：{own[0]}；柱高：会员数。", f"Below: {own[1]}. Bars: members.")


def _histogram(title: str, counts: Sequence[int], low: float, high: float, colour: str) -> str:
    """Members by value; below the bars is where every other one begins."""
    if not counts:
        return ""
    wide = (high - low) / len(counts)
    every = max(1, len(counts) // MARKS)
    marks = [rounded(low + place * wide) if place % every == 0 else "" for place in range(len(counts))]
    sizes = [float(count) for count in counts]
    return figure(columns(title, title, sizes, [colour] * len(sizes), marks))


def _major(amount_minor: float, currency: str) -> str:
    return f"{amount_minor / minor_per_major(currency):,.{minor_digits(currency)}f}"


def _none(command: str, say: Voice) -> str:
    why = say(f"没有这样的模型：laurel train {command}。", f"There is none: laurel train {command}.")
    return missing(why) + note(
        say("训练之后由另一人启用。", "Once it is trained, somebody else promotes it.")
    )
