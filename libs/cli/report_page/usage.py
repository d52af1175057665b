"""The section of usage: what members used of benefits, rewards and coupons, as it was published."""

from collections.abc import Sequence

from laurel.benefits.v1 import usage_pb2 as pb
from libs.cli.points_report import money
from libs.cli.report_page.html import Section, Voice, figure, heading, missing, note, said, table
from libs.cli.report_page.ladders import Ladder
from libs.cli.report_page.svg import BLUE, GREY, Bar, bars
from libs.cli.usage_report import KINDS, name, share

TITLE = ("使用情况", "What is used")
# A page is read by people: of what is used more, tables and charts have the first.
ITEMS_SHOWN_MAX = 30


def usage(months: Sequence[pb.UsageMonth], ladders: Sequence[Ladder], say: Voice) -> Section:
    """The latest month by what was used, then each month by how many used it."""
    if not months:
        none = say(
            "还没有公布过使用情况：每个月结束七天后公布。",
            "No month has been published yet: one is, seven days after its end.",
        )
        return Section("usage", say(*TITLE), missing(none))
    body = _month(months[0], {each.tier_set.key: each for each in ladders}, say) + _past(months, say)
    return Section("usage", say(*TITLE), body)


def _month(month: pb.UsageMonth, ladders: dict[str, Ladder], say: Voice) -> str:
    title = heading(month.month)
    if not month.items:
        few = say(
            f"{month.month}：没有任何一项有{month.members_min}名以上会员使用，因此不公布。",
            f"In {month.month} nothing was used by {month.members_min} members or more, so nothing is told.",
        )
        return title + missing(few)
    shown = sorted(month.items, key=lambda each: -each.everybody.users_count)[:ITEMS_SHOWN_MAX]
    most = shown[0]
    sentence = say(
        f"{month.month}使用人数最多的是{name(most, 'zh')}：{most.everybody.users_count:,}名会员，"
        f"占可使用者的{share(most.everybody)}。",
        f"In {month.month} most members used {name(most, 'en')}: {most.everybody.users_count:,}, which is "
        f"{share(most.everybody)} of those who could.",
    )
    rows = [
        Bar(
            name(each, say.locale),
            [
                (each.everybody.users_count, BLUE),
                (each.everybody.members_count - each.everybody.users_count, GREY),
            ],
            f"{each.everybody.users_count:,} · {share(each.everybody)}",
        )
        for each in shown
    ]
    chart = bars(say("使用者与可使用者", "Who used it, of those who could"), sentence, rows)
    return title + said(sentence) + figure(chart) + _rule(month, say) + _numbers(month, shown, ladders, say)


def _rule(month: pb.UsageMonth, say: Voice) -> str:
    few = month.members_min
    return note(
        say(
            "月末七天后统计一次，之后不再更改。等级为会员当月持有的最高等级。"
            f"使用者或未使用者少于{few}人的组只与其他组合并显示，或不显示。",
            "Counted once, seven days after the month's end, and never changed. Members count by the "
            f"highest tier that they held in it. Groups of whom fewer than {few} used something, or fewer "
            "did not, are told with others alone, or not at all.",
        )
    )


def _numbers(
    month: pb.UsageMonth, shown: Sequence[pb.ItemUsage], ladders: dict[str, Ladder], say: Voice
) -> str:
    head = [
        say("项目", "what"),
        say("类别", "kind"),
        say("等级", "tiers"),
        say("可使用者", "could"),
        say("使用者", "did"),
        say("占比", "share"),
        say("次数", "uses"),
        say("数量", "units"),
        say("积分", "points"),
        say("金额", "money"),
    ]
    rows = []
    for item in shown:
        kind = say(*KINDS[item.kind]) if item.kind in KINDS else ""
        ladder = ladders.get(item.tier_set)
        everybody = say("全部", "all")
        for place, group in enumerate([item.everybody, *(item.groups if len(item.groups) > 1 else [])]):
            tiers = [each if ladder is None else ladder.name(each) for each in group.tiers]
            rows.append(
                (
                    "" if place else name(item, say.locale),
                    "" if place else kind,
                    say("、", ", ").join(tiers) if place else everybody,
                    group.members_count,
                    group.users_count,
                    share(group),
                    group.uses_count,
                    group.units_count or "–",
                    group.spent_points or "–",
                    money(group.value_minor, month.currency) if group.value_minor else "–",
                )
            )
    return table(say(f"{month.month}的使用情况", f"Usage of {month.month}"), head, rows)


def _past(months: Sequence[pb.UsageMonth], say: Voice) -> str:
    """Users by month, of what was used in any of them."""
    if len(months) < 2:  # noqa: PLR2004 - of one month there is nothing to compare
        return ""
    names: dict[tuple[int, str, str], str] = {}
    users: dict[tuple[int, str, str], dict[str, int]] = {}
    for month in months:
        for item in month.items:
            key = item.kind, item.key, item.tier_set
            names.setdefault(key, name(item, say.locale))
            users.setdefault(key, {})[month.month] = item.everybody.users_count
    if not users:
        return ""
    keys = sorted(users, key=lambda each: -sum(users[each].values()))[:ITEMS_SHOWN_MAX]
    earlier = [each.month for each in reversed(months)]
    rows = [(names[key], *(users[key].get(month, "–") for month in earlier)) for key in keys]
    return table(say("各月使用者", "Users by month"), [say("项目", "what"), *earlier], rows)
