"""`laurel report program`: one page by itself, with all sections, in both languages, whatever names say."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import (
    benefits_pb2,
    fairness_pb2,
    reports_pb2,
    simulations_pb2,
    tier_reports_pb2,
    usage_pb2,
)
from laurel.common.v1 import lookup_pb2
from libs.cli import foreground
from libs.cli.commands import report as command
from libs.cli.errors import CommandError
from libs.cli.report_page import reading
from libs.cli.report_page.page import rendered
from libs.cli.report_page.reading import Findings, Part
from libs.cli.report_page.ribbons import ribbons
from libs.common.program import Program, preset
from libs.common.texts import LOCALES, Locale
from tests.cli.findings import (
    HOSTILE,
    NOON,
    WITHIN,
    a_group,
    a_usage_month,
    all_found,
    the_fairness,
    the_points,
    the_simulation,
    the_tiers,
)

SECTIONS = ["tiers", "flows", "margins", "backtest", "points", "fairness", "usage"]


class Read(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_page_has_all_sections_each_with_charts_and_their_numbers_in_tables(locale: Locale) -> None:
    page = rendered(all_found(), locale)

    sections = re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.DOTALL)
    assert [key for key, _ in sections] == SECTIONS
    assert all("<svg" in body and "<table" in body for _, body in sections)
    assert not Read(page).open


@pytest.mark.parametrize("locale", LOCALES)
def test_each_chart_says_what_it_is_to_those_who_do_not_see_it(locale: Locale) -> None:
    read = Read(rendered(all_found(), locale))

    charts, ids = read.of("svg"), {each.get("id") for _, each in read.tags}
    names = [str(each["aria-labelledby"]).split() for each in charts]
    assert len(charts) > 6
    assert {each["role"] for each in charts} == {"img"}
    assert all(len(each) == 2 and set(each) <= ids for each in names)
    assert len({name for each in names for name in each}) == 2 * len(charts)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_page_needs_nothing_but_itself(locale: Locale) -> None:
    page = rendered(all_found(), locale)

    read = Read(page)
    assert not {tag for tag, _ in read.tags} & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.findall(r"url\(|@import|\son\w+=", page)
    targets = [value for _, each in read.tags for name, value in each.items() if name in {"href", "src"}]
    assert {str(value)[0] for value in targets} == {"#"}
    policy = next(each["content"] for each in read.of("meta") if "http-equiv" in each)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_names_are_shown_as_they_are_and_never_run() -> None:
    document = preset("music_store").document()
    document["name"] = {"zh": HOSTILE, "en": HOSTILE}
    (ladder,) = document["tier_sets"]
    for part in (ladder, *ladder["tiers"]):
        part["name"] = {"zh": HOSTILE, "en": HOSTILE}
    findings = all_found()
    hostile = Findings(
        Program.parse(document),
        NOON,
        findings.tiers,
        findings.points,
        findings.fairness,
        Part(reason=HOSTILE),
        Part([a_usage_month(items=[usage_pb2.ItemUsage(name_zh=HOSTILE, name_en=HOSTILE)])]),
    )

    for locale in LOCALES:
        page = rendered(hostile, locale)

        assert "<script" not in page
        assert HOSTILE in Read(page).text


def test_the_numbers_of_the_page_are_those_that_were_read() -> None:
    text = Read(rendered(all_found(), "en")).text

    for said in (
        "Of 2,357 members most are Normal: 73.9 %",
        "9 upgrades and 2 downgrades",
        "37 members",
        "51 down, and 2,306 would stay",
        "500 are outstanding and may cost 3.75 USD",
        "4 rates are beyond the bounds",
        "14,023.00 USD",
        "3 others in one",
        "199 came out as the same bits",
        "25.0 %",  # of the month that has ended
        "who loses status spends less by, at least: 5 % *",
        "-100.00 USD",
        "Benefits that the program gives no cost for: gold_badge",
    ):
        assert said in text, said


def test_chinese_pages_are_in_chinese() -> None:
    page = rendered(all_found(), "zh")

    assert '<html lang="zh-CN">' in page
    assert "2,357名会员" in page
    assert "Who is where" not in page


def test_what_cannot_be_had_is_said_with_the_reason_and_the_rest_is_there() -> None:
    text = Read(
        rendered(all_found(fairness=Part(reason="UNAVAILABLE: members"), simulation=Part()), "en")
    ).text

    assert "This part cannot be had: UNAVAILABLE: members" in text
    assert "No simulation has been done yet" in text
    assert "Of 2,357 members" in text


def test_where_no_group_may_be_told_that_is_said() -> None:
    audit = fairness_pb2.AttributeFairness(
        tier_set="main", attribute="store", everybody=a_group("", 30), suppressed=True
    )

    found = [
        Read(rendered(all_found(fairness=Part(the_fairness(attributes=each))), "en")).text
        for each in ([audit], [])
    ]

    assert "too small to be told apart" in found[0]
    assert "The program permits no attribute" in found[1]


@pytest.mark.parametrize("name", ["dating_service", "generic_four_value", "ecommerce_points"])
def test_a_program_of_which_nothing_is_known_has_a_page(name: str) -> None:
    program = preset(name)
    empty = tier_reports_pb2.TierReport(
        first_month="2026-01",
        tier_sets=[
            tier_reports_pb2.TierSetReport(
                tier_set=each.key, tiers=[tier_reports_pb2.TierHolders(tier=tier.key) for tier in each.tiers]
            )
            for each in program.tier_sets
        ],
    )
    findings = Findings(
        program,
        NOON,
        Part(empty),
        Part(reports_pb2.PointsReport(currency="CNY")),
        Part(fairness_pb2.FairnessReport()),
        Part(),
        Part([usage_pb2.UsageMonth(month="2026-01")]),
    )

    for locale in LOCALES:
        assert not Read(rendered(findings, locale)).open


def test_where_all_members_are_in_one_group_nothing_is_compared() -> None:
    audit = fairness_pb2.AttributeFairness(
        tier_set="main", attribute="store", everybody=a_group("", 30), groups=[a_group("online", 30, WITHIN)]
    )

    page = rendered(all_found(fairness=Part(the_fairness(attributes=[audit]))), "en")

    assert "All members are in one group (online): there is nothing to compare." in page


def test_books_that_are_wrong_are_said_to_be() -> None:
    page = rendered(all_found(points=Part(the_points(difference_points=7))), "en")

    assert "7 points are nowhere: the books are wrong." in page


def test_ribbons_are_as_wide_as_they_are_many() -> None:
    drawn = ribbons("t", "d", ["low", "high"], {(0, 1): 30, (1, 0): 10})

    wide = [
        float(band[2]) - float(band[1])
        for band in re.finditer(r"M190 ([\d.]+) .*? L530 .*? 190 ([\d.]+) Z", drawn)
    ]
    assert [round(each / wide[1]) for each in wide] == [3, 1]


class Served:
    """Services that answer what they are given, or fail."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        async def answer(_: Any) -> Any:
            self.asked.append(method)
            found = self._answers[method]
            told = found.pop(0) if isinstance(found, list) else found
            if isinstance(told, Exception):
                raise told
            return told

        return answer


def down() -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "down")


def clients(**answers: Any) -> Any:
    program = preset("music_store")
    live = benefits_pb2.BatchGetProgramsResponse(
        results=[
            benefits_pb2.ProgramResult(
                status=lookup_pb2.LOOKUP_STATUS_FOUND,
                program=benefits_pb2.Program(document=program.canonical()),
            )
        ]
    )
    said = {
        "BatchGetPrograms": live,
        "GetTierReport": tier_reports_pb2.GetTierReportResponse(report=the_tiers()),
        "GetPointsReport": reports_pb2.GetPointsReportResponse(report=the_points()),
        "GetFairnessReport": [
            fairness_pb2.GetFairnessReportResponse(counted_members=5),
            fairness_pb2.GetFairnessReportResponse(report=the_fairness()),
        ],
        "ListUsageMonths": [
            usage_pb2.ListUsageMonthsResponse(months=[a_usage_month()], more=True),
            usage_pb2.ListUsageMonthsResponse(months=[a_usage_month("1998-05")]),
        ],
        "ListSimulations": simulations_pb2.ListSimulationsResponse(
            simulations=[
                simulations_pb2.Simulation(
                    simulation_id="sim_new", state=simulations_pb2.SIMULATION_STATE_RUNNING
                ),
                the_simulation(),
            ]
        ),
        "BatchGetSimulations": simulations_pb2.BatchGetSimulationsResponse(
            results=[simulations_pb2.SimulationLookup(simulation=the_simulation())]
        ),
    }
    served = Served(said | answers)
    return SimpleNamespace(benefits=served, reports=served, simulations=served)


async def test_everything_is_read_and_fairness_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL_SECONDS", 0.0)

    found = await reading.findings(clients(), "music_store", NOON)

    assert found.fairness.found == the_fairness()
    assert found.simulation.found == the_simulation()
    assert (found.tiers.found, found.points.found) == (the_tiers(), the_points())
    assert found.usage.found == [a_usage_month(), a_usage_month("1998-05")]


async def test_a_service_that_is_down_costs_its_part_alone() -> None:
    down_parts = clients(GetTierReport=down(), ListSimulations=down(), GetFairnessReport=down())

    found = await reading.findings(down_parts, "music_store", NOON, wait_seconds=0)

    assert found.points.found == the_points()
    for part in (found.tiers, found.fairness, found.simulation):
        assert part.found is None
        assert "down" in part.reason


async def test_where_no_run_is_done_there_is_no_simulation() -> None:
    none = simulations_pb2.ListSimulationsResponse()

    found = await reading.findings(clients(ListSimulations=none), "music_store", NOON)

    assert found.simulation == Part()


def usage_of(*months: usage_pb2.UsageMonth, locale: Locale = "en") -> str:
    page = rendered(all_found(usage=Part(list(months))), locale)
    return page[page.index('<section id="usage">') : page.index("</main>")]


def test_usage_shows_who_used_what_of_those_who_could_by_tier_and_by_month() -> None:
    section = usage_of(a_usage_month(), a_usage_month("1998-05", items=a_usage_month().items[:1]))

    text = Read(section).text
    assert "In 1998-06 most members used Letter: 300, which is 30.0 % of those who could." in text
    assert "<td>Letter</td><td>benefit</td><td>all</td><td>1,000</td><td>300</td>" in section
    assert "<td>Gold, Diamond</td><td>1,000</td><td>50</td><td>5.0 %</td><td>100</td>" in section
    assert "<td>4,000</td>" in section
    assert "1,234.50 USD" in text
    assert "<tr><td>Coffee</td><td>–</td><td>40</td></tr>" in section


def test_usage_of_one_month_has_nothing_to_compare_with() -> None:
    assert "Users by month" not in usage_of(a_usage_month())


@pytest.mark.parametrize(
    ("months", "locale", "told"),
    [
        ([], "en", "No month has been published yet"),
        ([], "zh", "还没有公布过使用情况"),
        ([a_usage_month(items=[])], "en", "nothing was used by 20 members or more"),
        ([a_usage_month(items=[])], "zh", "因此不公布"),
    ],
    ids=["none", "none, in Chinese", "nothing told", "nothing told, in Chinese"],
)
def test_where_nothing_was_published_the_page_says_so(
    months: list[usage_pb2.UsageMonth], locale: Locale, told: str
) -> None:
    assert told in usage_of(*months, locale=locale)


def written(monkeypatch: pytest.MonkeyPatch, to: Path) -> None:
    def run(work: Any) -> Findings:
        work.close()
        return all_found()

    monkeypatch.setattr(foreground, "run", run)
    monkeypatch.setattr(command, "running_platform", lambda _: None)
    command.program_page(program="music_store", out_file=to, language="zh")


def test_the_command_writes_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written(monkeypatch, tmp_path / "page.html")

    assert '<html lang="zh-CN">' in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        written(monkeypatch, tmp_path / "missing" / "page.html")
