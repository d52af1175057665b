"""The sections of tiers: who is where, who moved, and who is near to what tiers ask for."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from laurel.benefits.v1 import tier_reports_pb2 as pb
from libs.cli.report_page.html import Section, Voice, figure, heading, note, percent, said, table
from libs.cli.report_page.ladders import Ladder
from libs.cli.report_page.ribbons import ribbons
from libs.cli.report_page.svg import BLUE, GREY, Bar, bars, columns, up_and_down
from libs.common.documents import WHOLE_BP

# A page is read by people: what has more thresholds is shown by the first.
MARGINS_SHOWN_MAX = 20
_BELOW, _ABOVE = 9, 10
# The tenths of a threshold that charts show.
FIRST, LAST = 5, 15


def held(report: pb.TierReport, ladders: Sequence[Ladder], say: Voice) -> Section:
    """Who is where."""
    body = "".join(_held(each, ladder, say) for each, ladder in zip(report.tier_sets, ladders, strict=True))
    return Section("tiers", say("等级分布", "Who is where"), body)


def _held(report: pb.TierSetReport, ladder: Ladder, say: Voice) -> str:
    total = report.members_count
    rows = [
        (ladder.name(each.tier), each.members_count, _share(each.members_count, total))
        for each in reversed(report.tiers)
    ]
    most = max(report.tiers, key=lambda each: each.members_count)
    sentence = say(
        f"共{total:,}名会员，人数最多的是{ladder.name(most.tier)}（{_share(most.members_count, total)}）。",
        f"Of {total:,} members most are {ladder.name(most.tier)}: {_share(most.members_count, total)}.",
    )
    chart = bars(
        say("各等级会员数", "Members by tier"),
        sentence,
        [Bar(name, [(count, BLUE)], f"{count:,} · {share}") for name, count, share in rows],
    )
    head = [say("等级", "tier"), say("会员数", "members"), say("占比", "share")]
    numbers = table(
        say("按已达到的等级，不含付费合同", "By the tier that is earned; contracts lift nobody here"),
        head,
        rows,
    )
    return heading(ladder.title) + said(sentence) + figure(chart) + numbers


def flows(report: pb.TierReport, ladders: Sequence[Ladder], say: Voice) -> Section:
    """Who moved, by month, and from where to where."""
    body = "".join(
        _flows(each, ladder, report.first_month, say)
        for each, ladder in zip(report.tier_sets, ladders, strict=True)
    )
    return Section("flows", say("升降级", "Who moved"), body)


def _flows(report: pb.TierSetReport, ladder: Ladder, first: str, say: Voice) -> str:
    months: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    pairs: Counter[tuple[int, int]] = Counter()
    for each in report.flows:
        # What a version before had and no version replaces counts as the first tier.
        places = (ladder.place(each.from_tier) or 0, ladder.place(each.to_tier) or 0)
        joined = not each.from_tier
        way = 0 if joined else 1 if places[1] > places[0] else 2
        months[each.month][way] += each.count
        if not joined and places[0] != places[1]:
            pairs[places] += each.count
    up, down = (sum(month[way] for month in months.values()) for way in (1, 2))
    sentence = say(
        f"自{first}以来升级{up:,}次，降级{down:,}次。",
        f"Since {first} there were {up:,} upgrades and {down:,} downgrades.",
    )
    parts = [heading(ladder.title), said(sentence)]
    ordered = sorted(months.items())
    if up or down:
        rows = [(month, up_count, down_count) for month, (_, up_count, down_count) in ordered]
        parts.append(figure(up_and_down(say("按月升降级", "Moves by month"), sentence, rows)))
        parts.append(
            figure(ribbons(say("从哪一级到哪一级", "From where to where"), sentence, ladder.names, pairs))
        )
    parts.append(_by_month(ordered, say))
    parts.append(_matrix(pairs, ladder, say))
    return "".join(parts)


def _by_month(ordered: Sequence[tuple[str, Sequence[int]]], say: Voice) -> str:
    head = [say("月份", "month"), say("入会", "joined"), say("升级", "up"), say("降级", "down")]
    return table(say("每月变动", "Moves by month"), head, [(month, *counts) for month, counts in ordered])


def _matrix(pairs: Counter[tuple[int, int]], ladder: Ladder, say: Voice) -> str:
    names = ladder.names
    rows = [
        (name, *(pairs[before, after] or "–" for after in range(len(names))))
        for before, name in enumerate(names)
        if any(pairs[before, after] for after in range(len(names)))
    ]
    caption = say("从（行）到（列）", "From (row) to (column)")
    return table(caption, ["", *names], rows) if rows else ""


def margins(report: pb.TierReport, ladders: Sequence[Ladder], say: Voice) -> Section:
    """Who is near to what tiers ask for."""
    body = "".join(
        _margins(each, ladder, say) for each, ladder in zip(report.tier_sets, ladders, strict=True)
    )
    about = say(
        "以每位会员最近一次评定所依据的数据为准；地区规则与季节规则不在此列。",
        "By the facts that the last decision on each member read; rules of regions and seasons are apart.",
    )
    return Section("margins", say("门槛与临界会员", "Thresholds, and who is near"), note(about) + body)


def _margins(report: pb.TierSetReport, ladder: Ladder, say: Voice) -> str:
    shown = report.margins[:MARGINS_SHOWN_MAX]
    if not shown:
        return heading(ladder.title) + said(say("没有以数值为门槛的规则。", "No rule asks for a number."))
    below = max(shown, key=lambda each: each.below_count)
    sentence = say(
        f"差一成以内最多的是{_asked(below, ladder)}：{below.below_count:,}人。",
        f"Most are within 10 % below this one: {_asked(below, ladder)}, {below.below_count:,} members.",
    )
    rows = [(_asked(each, ladder), each.below_count, each.above_count, each.members_count) for each in shown]
    head = [
        say("门槛", "threshold"),
        say("低于门槛一成以内", "within 10 % below"),
        say("达到并高出不足一成", "reached, up to 10 % above"),
        say("有此数据的会员", "members with the fact"),
    ]
    charts = "".join(_near(each, ladder, say) for each in shown)
    left = len(report.margins) - len(shown)
    more = note(say(f"另有{left}个门槛未列出。", f"{left} more thresholds are not shown.")) if left else ""
    caption = say("各门槛附近的会员", "Members around each threshold")
    near = table(caption, head, rows) + _by_tenths(shown, ladder, say)
    return heading(ladder.title) + said(sentence) + charts + more + near


def _by_tenths(shown: Sequence[pb.TierMargin], ladder: Ladder, say: Voice) -> str:
    """The numbers of the charts: members below the first shown tenth, by tenths, and above the last."""
    head = [
        say("门槛", "threshold"),
        f"< {FIRST * 10} %",
        *(f"{tenth * 10} %" for tenth in range(FIRST, LAST)),
        f"≥ {LAST * 10} %",
    ]
    rows = [
        (_asked(each, ladder), sum(tenths[:FIRST]), *tenths[FIRST:LAST], sum(tenths[LAST:]))
        for each in shown
        for tenths in [list(each.tenths)]
    ]
    return table(say("会员按门槛的十分位", "Members by tenths of each threshold, from there on"), head, rows)


def _near(margin: pb.TierMargin, ladder: Ladder, say: Voice) -> str:
    """Members by tenths of what is asked, from half of it to one and a half."""
    sizes = list(margin.tenths)[FIRST:LAST]
    colours = [BLUE if FIRST + place in {_BELOW, _ABOVE} else GREY for place in range(len(sizes))]
    marks = [f"{(FIRST + place) * 10} %" for place in range(len(sizes))]
    sentence = say(
        f"{_asked(margin, ladder)}：差一成以内{margin.below_count:,}人，"
        f"高出不足一成{margin.above_count:,}人。",
        f"{_asked(margin, ladder)}: {margin.below_count:,} are within 10 % below, "
        f"{margin.above_count:,} reached it by less than 10 %.",
    )
    return note(sentence) + figure(columns(_asked(margin, ladder), sentence, sizes, colours, marks))


def _asked(margin: pb.TierMargin, ladder: Ladder) -> str:
    kept = ladder.say("（保级）", " (to keep it)") if margin.rule == "keep" else ""
    metric = ladder.measured(margin.metric, margin.fact)
    amount = ladder.amount(margin.metric, margin.threshold)
    return f"{ladder.name(margin.tier)}{kept}: {metric} {margin.op} {amount}"


def _share(count: int, total: int) -> str:
    return percent(count * WHOLE_BP // total) if total else "–"
