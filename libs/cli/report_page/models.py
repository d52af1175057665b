"""Models held against what came, as one page: what was foretold week by week, churn, and segments."""

from collections.abc import Sequence

from libs.cli.report_page.html import Section, Voice, figure, heading, missing, note, page, said, table
from libs.cli.report_page.svg import AMBER, BLUE, GREEN, GREY, Bar, Line, bars, columns, lines
from libs.common.texts import Locale
from libs.models import bgnbd, gamma_gamma
from libs.models.evaluation import HISTORIC, Churn, Divided, Evaluation, Holdout
from libs.models.fitting import Maximum
from libs.models.lifetime import INSIDE
from libs.models.measures import BINS, Lead
from libs.models.purchases import MINOR_PER_MAJOR

SEGMENTS = {
    "high_value": ("高价值", "high value"),
    "potential": ("潜力", "potential"),
    "general": ("一般", "general"),
    "lost": ("流失", "lost"),
}


def rendered(found: Evaluation, source: str, locale: Locale) -> str:
    """The page about a log that is called `source`."""
    say = Voice(locale)
    sections = [_lifetime(found, say), _churn(found.churn, say), _segments(found.divided, say)]
    introduction = say(
        f"{found.customers:,}位在{found.calibration_end}前购买过的顾客，"
        f"以其后至{found.holdout_end}的购买来检验。",
        f"{found.customers:,} customers who bought by {found.calibration_end}, "
        f"measured on what followed until {found.holdout_end}.",
    )
    return page(say, say(f"{source}：模型检验", f"{source}: models measured"), introduction, sections)


def _lifetime(found: Evaluation, say: Voice) -> Section:
    holdout = found.holdout
    sentence = say(
        f"{holdout.weeks:.1f}周内预计购买日{holdout.predicted:,.0f}个，实际{holdout.actual:,.0f}个。",
        f"In {holdout.weeks:.1f} weeks {holdout.predicted:,.0f} purchase days were foretold, "
        f"and {holdout.actual:,.0f} came.",
    )
    weeks = [0.0, *(float(week) for week in range(1, len(holdout.by_week))), holdout.weeks]
    series = [
        Line(say("实际", "came"), GREEN, list(zip(weeks, (0.0, *_column(holdout, 1)), strict=True))),
        Line(say("预计", "foretold"), BLUE, list(zip(weeks, (0.0, *_column(holdout, 0)), strict=True))),
    ]
    title = say("累计购买日，按周", "Purchase days, cumulated by week")
    body = said(sentence) + heading(title) + figure(lines(title, sentence, series, say("周", "weeks")))
    if holdout.value is not None:
        body += note(
            say(
                f"预计消费（美元）{holdout.value.predicted:,.2f}，实际{holdout.value.actual:,.2f}；"
                f"{holdout.value.within:.0%}的顾客落在区间内（应不少于{INSIDE:.0%}）。",
                f"{holdout.value.predicted:,.2f} dollars were foretold to be spent, and "
                f"{holdout.value.actual:,.2f} were; {holdout.value.within:.0%} of customers stayed within "
                f"bounds, as {INSIDE:.0%} or more should.",
            )
        )
    rows = [
        *_fitted("BG/NBD", found.bgnbd, bgnbd.NAMES),
        *_fitted("Gamma-Gamma", found.gamma_gamma, gamma_gamma.NAMES),
    ]
    head = [say("模型", "model"), say("参数", "parameter"), say("值", "value")]
    body += table(say("参数", "Parameters"), head, rows)
    for name, each in (("BG/NBD", found.bgnbd), ("Gamma-Gamma", found.gamma_gamma)):
        if each.problem:
            body += missing(
                say(f"{name}无法识别：{each.problem}", f"{name} is not identified: {each.problem}.")
            )
    if holdout.model == HISTORIC:
        body += note(say("以历史频率代替。", "Historic rates serve instead."))
    return Section("lifetime", say("生命周期价值", "Lifetime value"), body)


def _column(holdout: Holdout, place: int) -> list[float]:
    return [week[place] for week in holdout.by_week]


def _fitted(model: str, found: Maximum, names: Sequence[str]) -> list[tuple[str, str, str]]:
    return [(model, name, f"{value:.3f}") for name, value in zip(names, found.parameters, strict=False)]


def _churn(found: Churn, say: Voice) -> Section:
    title = say("流失", "Churn")
    if found.auc is None:
        why = say(f"无从学习：{found.problem}", f"There is nothing to learn from: {found.problem}.")
        return Section("churn", title, missing(why))
    sentence = say(
        f"{found.customers:,}人中有{found.churned:,}人没有再买；模型{found.model}的AUC为{found.auc:.3f}，"
        f"校准误差{found.ece:.3f}，均为折外。",
        f"{found.churned:,} of {found.customers:,} did not buy again; {found.model} ranks them with an AUC "
        f"of {found.auc:.3f}, its calibration error is {found.ece:.3f}, both out of fold.",
    )
    shown = [each for each in found.bins if each.count]
    curve = [
        Line(say("完全校准", "perfect"), GREY, [(0.0, 0.0), (1.0, 1.0)]),
        Line(say("实际", "came"), BLUE, [(each.said, each.came) for each in shown]),
    ]
    marks = [f"{place / BINS:.1f}" for place in range(BINS)]
    calibrated = say(
        "校准曲线：所说的概率与实际比率", "Calibration: the probability that was said, the share that came"
    )
    body = (
        said(sentence)
        + heading(calibrated)
        + figure(lines(calibrated, sentence, curve, say("所说的概率", "probability that was said")))
    )
    sizes = [float(each.count) for each in found.bins]
    spread = say("流失概率的分布", "How many customers have which probability of churn")
    body += heading(spread) + figure(columns(spread, spread, sizes, [AMBER] * BINS, marks))
    rows = [
        (
            say("距上次购买天数", "days since the last purchase"),
            _number(found.auc_recency),
            _led(found.lead_recency),
        ),
        ("BG/NBD", _number(found.auc_bgnbd), _led(found.lead_bgnbd)),
    ]
    head = [say("对照", "ranked by"), "AUC", say("模型领先（95 %）", "the model leads by (95 %)")]
    body += table(say("与简单排序相比", "Beside simple rankings"), head, rows)
    dropped = say(
        f"学习用了{len(found.features)}个特征，去掉了{len(found.dropped)}个多余的。",
        f"{len(found.features)} features were learned from, {len(found.dropped)} redundant ones dropped.",
    )
    return Section("churn", title, body + note(dropped))


def _segments(found: Divided, say: Voice) -> Section:
    title = say("价值分群", "Value segments")
    if found.problem:
        return Section("segments", title, missing(found.problem))
    names = [say(*SEGMENTS.get(each.label, (each.label, each.label))) for each in found.segments]
    sentence = say(
        f"K均值分群，轮廓系数{found.silhouette:.2f}。", f"By K-means; silhouette {found.silhouette:.2f}."
    )
    chart = [
        Bar(name, [(each.customers, BLUE)], f"{each.customers:,}")
        for name, each in zip(names, found.segments, strict=True)
    ]
    head = [
        say("分群", "segment"),
        say("距上次购买天数", "days ago"),
        say("购买日", "purchase days"),
        say("消费（美元）", "spend (dollars)"),
        say("再次购买", "bought again"),
    ]
    rows = [
        (
            name,
            f"{each.days_since_last:.0f}",
            f"{each.purchase_days:.1f}",
            f"{each.spend_minor / MINOR_PER_MAJOR:,.2f}",
            f"{each.bought_again / each.customers:.0%}" if each.customers else "–",
        )
        for name, each in zip(names, found.segments, strict=True)
    ]
    body = said(sentence) + figure(bars(title, sentence, chart))
    return Section("segments", title, body + table(say("典型值", "What is typical"), head, rows))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _led(lead: Lead | None) -> str:
    return "–" if lead is None else f"{lead.value:+.4f} ({lead.low:+.4f} – {lead.high:+.4f})"
