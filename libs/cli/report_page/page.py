"""The report of a program as one page, in Chinese or English."""

from collections.abc import Callable
from typing import TypeVar

from libs.cli.report_page import backtest, fairness, points, tiers, usage
from libs.cli.report_page.html import Section, Voice, missing, page
from libs.cli.report_page.ladders import ladders
from libs.cli.report_page.reading import Findings, Part
from libs.common.texts import Locale

T = TypeVar("T")


def rendered(findings: Findings, locale: Locale) -> str:
    """The page."""
    say, program = Voice(locale), findings.program
    found = ladders(program, say)
    name = say(program.name.zh, program.name.en)
    sections = [
        _section(
            findings.tiers,
            ("tiers", "等级分布", "Who is where"),
            lambda each: tiers.held(each, found, say),
            say,
        ),
        _section(
            findings.tiers, ("flows", "升降级", "Who moved"), lambda each: tiers.flows(each, found, say), say
        ),
        _section(
            findings.tiers,
            ("margins", "门槛与临界会员", "Thresholds, and who is near"),
            lambda each: tiers.margins(each, found, say),
            say,
        ),
        _section(
            findings.simulation,
            ("backtest", *backtest.TITLE),
            lambda each: backtest.backtest(each, found, say),
            say,
        ),
        _section(
            findings.points,
            ("points", "积分与负债", "Points and what they may cost"),
            lambda each: points.points(each, say),
            say,
        ),
        _section(
            findings.fairness,
            ("fairness", "公平性", "Fairness"),
            lambda each: fairness.fairness(each, found, say),
            say,
        ),
        _section(findings.usage, ("usage", *usage.TITLE), lambda each: usage.usage(each, found, say), say),
    ]
    return page(
        say, say(f"{name}：计划报告", f"{name}: program report"), _introduction(findings, say), sections
    )


def _section(
    part: Part[T], names: tuple[str, str, str], shown: Callable[[T], Section], say: Voice
) -> Section:
    """A section, or what it would be and why it is not there."""
    if part.found is not None:
        return shown(part.found)
    key, zh, en = names
    why = say(f"这一部分无法取得：{part.reason}", f"This part cannot be had: {part.reason}")
    none = say(
        "还没有完成的模拟：用 laurel program simulate 试算一个版本。",
        "No simulation has been done yet: try a version with laurel program simulate.",
    )
    return Section(key, say(zh, en), missing(why if part.reason else none))


def _introduction(findings: Findings, say: Voice) -> str:
    program, read = findings.program, f"{findings.read_time:%Y-%m-%d %H:%M} UTC"
    return say(
        f"{program.key}，第{program.version}版。读取于{read}。",
        f"{program.key}, version {program.version}. Read on {read}.",
    )
