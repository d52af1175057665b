"""The section of the backtest: what the newest simulation of a version says."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.cli.points_report import money
from libs.cli.report_page.html import Section, Voice, figure, heading, note, said, table
from libs.cli.report_page.ladders import Ladder
from libs.cli.report_page.ribbons import ribbons
from libs.cli.report_page.svg import AMBER, BLUE, Bar, bars
from libs.cli.simulation_view import View

TITLE = ("回测", "Backtest")


def backtest(run: pb.Simulation, ladders: Sequence[Ladder], say: Voice) -> Section:
    """Who would move, where members would have stood, and what that would have cost."""
    by_key = {each.tier_set.key: each for each in ladders}
    about = say(
        f"第{run.version}版与第{run.live_version}版相比，模拟编号{run.simulation_id}。",
        f"Version {run.version} against version {run.live_version}, run {run.simulation_id}.",
    )
    body = note(about)
    for impact in run.result.impacts:
        body += _impact(impact, by_key[impact.tier_set], say)
    for history in run.result.histories:
        body += _history(history, by_key[history.tier_set], say)
    program = ladders[0].program
    view = View(run, program, ZoneInfo(program.time_zone), say.locale)
    return Section("backtest", say(*TITLE), body + _money(run, say) + _noted(view))


def _impact(impact: pb.SimulatedImpact, ladder: Ladder, say: Voice) -> str:
    sentence = say(
        f"若现在发布：{impact.upgraded_count:,}人升级，{impact.downgraded_count:,}人降级，{impact.stayed_count:,}人不变。",
        f"Published now, {impact.upgraded_count:,} would go up, {impact.downgraded_count:,} down, and "
        f"{impact.stayed_count:,} would stay.",
    )
    return heading(f"{ladder.title} · {say('现在发布', 'published now')}") + _moved(
        impact.tiers, impact.flows, sentence, ladder, say
    )


def _moved(
    tiers: Sequence[str], flows: Sequence[pb.TierFlow], sentence: str, ladder: Ladder, say: Voice
) -> str:
    places = {tier: place for place, tier in enumerate(tiers)}
    names = [ladder.name(each) for each in tiers]
    pairs = {
        (places[each.from_tier], places[each.to_tier]): each.count
        for each in flows
        if each.from_tier in places and each.to_tier in places
    }
    rows = [
        (name, *(pairs.get((before, after), 0) or "–" for after in range(len(names))))
        for before, name in enumerate(names)
    ]
    chart = ribbons(say("从哪一级到哪一级", "From where to where"), sentence, names, pairs)
    caption = say("从（行）到（列）", "From (row) to (column)")
    return said(sentence) + figure(chart) + table(caption, ["", *names], rows)


def _history(history: pb.SimulatedHistory, ladder: Ladder, say: Voice) -> str:
    if not history.dates:
        return ""
    sentence = say(
        f"回看历史：最后一天有{history.losing_count:,}人等级较低，{history.gaining_count:,}人等级较高。",
        f"Over the past, {history.losing_count:,} would have ended in a lower tier, and "
        f"{history.gaining_count:,} in a higher one.",
    )
    last = history.dates[-1]
    live = {each.tier: each.count for each in last.live.tiers}
    draft = {each.tier: each.count for each in last.draft.tiers}
    rows = []
    for tier in reversed(history.tiers):
        for counts, version, colour in (
            (live, say("现行", "live"), BLUE),
            (draft, say("新版", "new"), AMBER),
        ):
            count = counts.get(tier, 0)
            rows.append(Bar(f"{ladder.name(tier)} · {version}", [(count, colour)], f"{count:,}"))
    numbers = [(ladder.name(tier), live.get(tier, 0), draft.get(tier, 0)) for tier in reversed(history.tiers)]
    head = [say("等级", "tier"), say("现行", "live"), say("新版", "new")]
    return (
        heading(f"{ladder.title} · {say('回看历史', 'over the past')}")
        + said(sentence)
        + figure(bars(say("最后一天的等级", "Tiers at the last date"), sentence, rows))
        + table(say("最后一天的会员数", "Members at the last date"), head, numbers)
    )


def _money(run: pb.Simulation, say: Voice) -> str:
    if not run.result.HasField("money"):
        return ""
    found = run.result.money
    names = [
        ("points", say("积分", "points")),
        ("liability_minor", say("积分成本", "liability")),
        ("benefits_minor", say("权益成本", "benefits")),
        ("discounts_minor", say("折扣", "discounts")),
    ]

    def shown(name: str, value: int) -> str:
        return money(value, found.currency) if name.endswith("_minor") else f"{value:,}"

    costs = [
        (title, *(shown(name, each) for each in (*sides, sides[1] - sides[0])))
        for name, title in names
        for sides in [(getattr(found.live, name), getattr(found.draft, name))]
    ]
    low, high = (money(each.net_minor, found.currency) for each in (found.low, found.high))
    stake = money(found.revenue_at_stake_minor, found.currency)
    sentence = say(
        f"失去等级者一年消费{stake}；一年净影响估计在{low}与{high}之间。",
        f"Those who would lose status spent {stake} in a year; what a year brings is between {low} "
        f"and {high}.",
    )
    head = ["", say("现行", "live"), say("新版", "new"), say("差额", "difference")]
    returns = [
        (title, *(money(getattr(each, name), found.currency) for each in (found.low, found.high)))
        for name, title in (
            ("revenue_minor", say("收入", "revenue")),
            ("margin_minor", say("毛利", "margin")),
            ("cost_minor", say("成本", "cost")),
            ("net_minor", say("净影响", "net")),
        )
    ]
    return (
        heading(say("成本与收益", "Cost and return"))
        + said(sentence)
        + table(say(f"{found.days_count}天的成本", f"Cost of {found.days_count} days"), head, costs)
        + table(say("一年的估计", "A year, estimated"), ["", say("低", "low"), say("高", "high")], returns)
    )


def _noted(view: View) -> str:
    """What was assumed, and what could not be counted: in the words of `laurel program simulate`."""
    return "".join(note(each) for each in (*view.assumed(), *view.remarks()))
