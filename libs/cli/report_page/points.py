"""The section of points: where they are, what they may cost, what became of those of each month."""

from collections.abc import Sequence

from laurel.benefits.v1 import reports_pb2 as pb
from libs.cli.points_report import breakage, came, money
from libs.cli.report_page.html import Section, Voice, figure, note, percent, said, table
from libs.cli.report_page.svg import AMBER, BLUE, GREEN, PURPLE, RED, TEAL, Bar, bars
from libs.common.documents import WHOLE_BP

# In the order in which they stand in a bar: the state, its names, its colour.
STATES: Sequence[tuple[str, str, str, str]] = (
    ("spent", "已使用", "spent", GREEN),
    ("held", "冻结", "held", AMBER),
    ("active", "可用", "active", BLUE),
    ("pending", "待生效", "pending", TEAL),
    ("expired", "已过期", "expired", RED),
    ("reversed", "已冲回", "reversed", PURPLE),
)


def points(report: pb.PointsReport, say: Voice) -> Section:
    """Points as a whole, and by month."""
    return Section(
        "points",
        say("积分与负债", "Points and what they may cost"),
        _whole(report, say) + _cohorts(report, say),
    )


def _whole(report: pb.PointsReport, say: Voice) -> str:
    cost = money(report.liability_minor, report.currency)
    sentence = say(
        f"共发放{report.issued_points:,}积分，其中{report.outstanding_points:,}尚未使用，预计成本{cost}。",
        f"Of {report.issued_points:,} points that were issued {report.outstanding_points:,} are outstanding "
        f"and may cost {cost}.",
    )
    counts = {each.state: each.points for each in report.states}
    rows = [(say(zh, en), counts.get(state, 0), colour) for state, zh, en, colour in STATES]
    chart = bars(
        say("积分去向", "Where points are"),
        sentence,
        [Bar(name, [(max(0, count), colour)], f"{count:,}") for name, count, colour in rows],
    )
    wrong = report.difference_points
    broken = say(
        f"有{wrong:,}积分下落不明：账目有误。", f"{wrong:,} points are nowhere: the books are wrong."
    )
    months = report.expected_redemption_months
    resting = (
        say(f"依据{months}个已结清的月份", f"by {months} closed months")
        if months
        else say("暂按全部兑换估计", "assumed")
    )
    figures = [
        *((name, f"{count:,}") for name, count, _ in rows),
        (say("发放合计", "issued"), f"{report.issued_points:,}"),
        (say("会员欠分", "owed by members"), f"{report.arrears_points:,}"),
        (
            say("积分价值", "value"),
            f"{report.value_points:,} = {money(report.value_minor, report.currency)}",
        ),
        (say("预计兑换率", "expected redemption"), f"{percent(report.expected_redemption_bp)} · {resting}"),
        (say("预计成本", "liability"), cost),
    ]
    return (
        said(sentence)
        + (f'<p class="look">{broken}</p>' if wrong else "")
        + figure(chart)
        + table(say("积分合计", "Points as a whole"), ["", ""], figures)
    )


def _cohorts(report: pb.PointsReport, say: Voice) -> str:
    cohorts = [each for each in report.cohorts if came(each)]
    if not cohorts:
        return note(say("还没有可按月统计的积分。", "There are no months of points yet."))
    expired, spent = (
        sum(getattr(each, f"{state}_points") for each in cohorts) for state in ("expired", "spent")
    )
    ended = expired + spent
    share = percent(expired * WHOLE_BP // ended) if ended > 0 else percent(0)
    sentence = say(
        f"按获得月份统计：使用或过期的{max(0, ended):,}积分中有{share}过期未用。",
        f"By the month in which they were earned: of {max(0, ended):,} that were spent or expired {share} "
        "expired.",
    )
    legend = "  ".join(f"{say(zh, en)}" for _, zh, en, _ in STATES)
    chart = bars(
        say("各月积分的去向", "What became of each month's points"),
        f"{sentence} {legend}",
        [
            Bar(
                each.month,
                [(max(0, getattr(each, f"{state}_points")), colour) for state, _, _, colour in STATES],
                f"{came(each):,}",
            )
            for each in cohorts
        ],
    )
    head = [say("月份", "month"), say("获得", "came"), *(say(zh, en) for _, zh, en, _ in STATES)]
    head += [say("转出", "moved"), say("过期率", "breakage"), say("预计成本", "liability")]
    rows = [_row(each, report.currency) for each in cohorts]
    return said(sentence) + _legend(say) + figure(chart) + table(say("按月", "By month"), head, rows)


def _row(cohort: pb.PointsCohort, currency: str) -> list[object]:
    counts = [getattr(cohort, f"{state}_points") for state, *_ in STATES]
    liability = money(cohort.liability_minor, currency)
    return [cohort.month, came(cohort), *counts, cohort.moved_points, breakage(cohort), liability]


def _legend(say: Voice) -> str:
    marks = (f'<span style="color:{colour}">■</span> {say(zh, en)}&ensp;' for _, zh, en, colour in STATES)
    return f'<p class="small">{"".join(marks)}</p>'
