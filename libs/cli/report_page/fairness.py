"""The section of fairness: whether groups reach tiers alike, and equal members were decided alike."""

from collections.abc import Mapping, Sequence

from laurel.benefits.v1 import fairness_pb2 as pb
from libs.cli.report_page.html import Section, Voice, figure, heading, missing, note, percent, said, table
from libs.cli.report_page.ladders import Ladder
from libs.cli.report_page.svg import BLUE, GREY, RED, Span, spans
from libs.common.documents import WHOLE_BP

NAMES: Mapping[str, tuple[str, str]] = {
    "store": ("门店", "store"),
    "registration_source": ("注册渠道", "registration source"),
    "registration_year": ("注册年份", "year of registration"),
    "registration_month": ("注册月份", "month of registration"),
    "verification": ("实名核验", "verification"),
}
WITHIN, CHANCE, BEYOND = (
    pb.FAIRNESS_FINDING_WITHIN,
    pb.FAIRNESS_FINDING_CHANCE,
    pb.FAIRNESS_FINDING_BEYOND,
)


def fairness(report: pb.FairnessReport, ladders: Sequence[Ladder], say: Voice) -> Section:
    """Groups first, then equal treatment."""
    by_key = {each.tier_set.key: each for each in ladders}
    if report.attributes:
        found = report.findings_count
        sentence = say(
            f"有{found}项比率超出界限且不像是偶然。" if found else "没有任何比率超出界限，除非出于偶然。",
            f"{found} rates are beyond the bounds, and hardly by chance."
            if found
            else "No rate is beyond the bounds but by chance.",
        )
        body = said(sentence) + _bounds(report, say)
        body += "".join(_audit(each, by_key[each.tier_set], say) for each in report.attributes)
    else:
        body = missing(say("计划不允许按任何属性审查。", "The program permits no attribute to be used."))
    return Section("fairness", say("公平性", "Fairness"), body + _equal(report.equal_treatment, by_key, say))


def _bounds(report: pb.FairnessReport, say: Voice) -> str:
    gap, ratio = percent(report.gap_bp), percent(report.ratio_bp)
    return note(
        say(
            f"界限：与全体相差不超过{gap}，不低于最高组的{ratio}（八成法则，29 CFR 1607.4(D)）。"
            f"少于{report.members_min}人的组只与其他组合并显示。"
            "横线为威尔逊区间，每个属性全部比较合计95 %。",
            f"Bounds: within {gap} of all members, and {ratio} of the highest group at least (the "
            "four-fifths rule of thumb, 29 CFR 1607.4(D)). "
            f"Groups of fewer than {report.members_min} are told with others alone. "
            "Lines are Wilson's intervals, 95 % for all comparisons of an attribute together.",
        )
    )


def _audit(audit: pb.AttributeFairness, ladder: Ladder, say: Voice) -> str:
    name = say(*NAMES.get(audit.attribute, (audit.attribute, audit.attribute)))
    title = heading(f"{ladder.title} · {name}")
    if audit.suppressed:
        return title + missing(
            say("各组人数太少，不能分开显示。", "The groups are too small to be told apart.")
        )
    if len(audit.groups) == 1 and not audit.HasField("pooled"):
        (only,) = audit.groups
        alone = say(
            f"全体会员都在一个组里（{_group(only.group, say)}），没有可比的。",
            f"All members are in one group ({_group(only.group, say)}): there is nothing to compare.",
        )
        return title + said(alone) + _numbers(audit, ladder, say)
    parts = [title]
    for place, everybody in enumerate(audit.everybody.rates):
        tier = ladder.name(everybody.tier)
        shown = [(each, each.rates[place]) for each in audit.groups]
        sentence = _sentence(tier, shown, everybody, say)
        rows = [
            Span(
                _group(each.group, say),
                rate.rate_low_bp / WHOLE_BP,
                rate.rate_bp / WHOLE_BP,
                rate.rate_high_bp / WHOLE_BP,
                RED if BEYOND in {rate.gap_finding, rate.ratio_finding} else BLUE,
                percent(rate.rate_bp),
            )
            for each, rate in shown
        ]
        mean = everybody.rate_bp / WHOLE_BP
        rows.append(Span(say("全体", "everybody"), mean, mean, mean, GREY, percent(everybody.rate_bp)))
        parts += [said(sentence), figure(spans(f"{name}: {tier}", sentence, rows))]
    return "".join(parts) + _numbers(audit, ladder, say)


def _sentence(
    tier: str, shown: Sequence[tuple[pb.GroupFairness, pb.TierRate]], everybody: pb.TierRate, say: Voice
) -> str:
    beyond = sum(BEYOND in {rate.gap_finding, rate.ratio_finding} for _, rate in shown)
    rate = percent(everybody.rate_bp)
    return say(
        f"{rate}的会员达到{tier}或更高；"
        + (f"{beyond}个组值得查看。" if beyond else "各组相近，或差异出于偶然。"),
        f"{rate} of members hold {tier} or higher; "
        + (f"{beyond} groups should be looked at." if beyond else "groups are alike, or differ by chance."),
    )


def _numbers(audit: pb.AttributeFairness, ladder: Ladder, say: Voice) -> str:
    groups = [*audit.groups, *([audit.pooled] if audit.HasField("pooled") else []), audit.everybody]
    pooled = say(f"其余{audit.pooled_groups_count}组", f"{audit.pooled_groups_count} others in one")
    names = [_group(each.group, say) for each in audit.groups]
    names += [pooled] * audit.HasField("pooled") + [say("全体", "everybody")]
    rows, look = list[Sequence[object]](), list[int]()
    for name, group in zip(names, groups, strict=True):
        for rate in group.rates:
            if BEYOND in {rate.gap_finding, rate.ratio_finding}:
                look.append(len(rows))
            rows.append(_row(name, group, rate, ladder, say))
    head = [
        say("组", "group"),
        say("等级", "tier"),
        say("组内会员", "members"),
        say("达到者", "hold it"),
        say("比率", "rate"),
        say("区间", "interval"),
        say("与全体之差", "gap"),
        say("与最高组之比", "ratio"),
        say("判断", "finding"),
    ]
    return table(say("各组达到等级的比率", "Rates by group"), head, rows, look=look)


def _row(
    name: str, group: pb.GroupFairness, rate: pb.TierRate, ladder: Ladder, say: Voice
) -> Sequence[object]:
    compared = rate.gap_finding != pb.FAIRNESS_FINDING_UNSPECIFIED
    worst = max(rate.gap_finding, rate.ratio_finding)
    findings = {
        WITHIN: say("正常", "within"),
        CHANCE: say("可能偶然", "chance"),
        BEYOND: say("超出", "beyond"),
    }
    return (
        name,
        ladder.name(rate.tier),
        group.members_count,
        rate.members_count,
        percent(rate.rate_bp),
        f"{percent(rate.rate_low_bp)} – {percent(rate.rate_high_bp)}",
        f"{rate.gap_bp / 100:+.1f} %" if compared else "–",
        percent(rate.ratio_bp) if compared else "–",
        findings.get(worst, "–"),
    )


def _group(group: str, say: Voice) -> str:
    return group or say("（无）", "(none)")


def _equal(found: pb.EqualTreatment, ladders: Mapping[str, Ladder], say: Voice) -> str:
    parts = [heading(say("同等情况同等对待", "Equal members are treated alike"))]
    parts.append(
        said(
            say(
                f"比较了{found.situations_count:,}种有多名会员的情况，{found.unequal_count:,}种结果不同；"
                f"抽查重算{found.replayed_count}项评定，{found.same_count}项逐位相同。",
                f"Of {found.situations_count:,} situations that several members were in "
                f"{found.unequal_count:,} were decided differently; of {found.replayed_count} decisions "
                "that were decided again "
                f"{found.same_count} came out as the same bits.",
            )
        )
    )
    if found.unequal:
        head = [
            say("等级组", "tier set"),
            say("评定", "decision"),
            say("结果", "outcome"),
            say("等级", "tier"),
        ]
        rows = [
            (
                ladders[each.tier_set].title,
                one.decision_id,
                one.outcome,
                ladders[each.tier_set].name(one.to_tier),
            )
            for each in found.unequal
            for one in each.decisions
        ]
        parts.append(
            table(
                say("同样情况、不同结果", "Equal, and decided differently"), head, rows, look=range(len(rows))
            )
        )
    if found.different_decision_ids:
        rows_again = [(each,) for each in found.different_decision_ids]
        caption = say("重算结果不同的评定", "Decisions that came out differently")
        parts.append(table(caption, [say("评定", "decision")], rows_again, look=range(len(rows_again))))
    if found.compared_bp < WHOLE_BP:
        share = percent(found.compared_bp)
        parts.append(
            note(
                say(
                    f"情况太多，比较了其中{share}。", f"There are too many situations: {share} were compared."
                )
            )
        )
    return "".join(parts)
