"""`laurel report points`: what it shows, in 80 columns, and as JSON."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console

from laurel.benefits.v1 import reports_pb2 as pb
from libs.cli import foreground, points_report
from libs.cli.commands import report as command


def a_cohort(month: str, **points: int) -> pb.PointsCohort:
    return pb.PointsCohort(
        month=month, worth_bp=10_000, **{f"{name}_points": each for name, each in points.items()}
    )


def a_report(*cohorts: pb.PointsCohort, **fields: Any) -> pb.PointsReport:
    said: dict[str, Any] = {
        "points_currency": "points",
        "issued_points": 1_500,
        "states": [pb.PointsState(state="active", points=900), pb.PointsState(state="spent", points=600)],
        "outstanding_points": 900,
        "currency": "USD",
        "value_minor": 1,
        "value_points": 100,
        "expected_redemption_bp": 9_876,
        "expected_redemption_months": 3,
        "liability_minor": 123_450,
    }
    return pb.PointsReport(cohorts=cohorts, **(said | fields))


WIDE = a_cohort(
    "2026-11",
    **dict.fromkeys(
        ("earned", "received", "pending", "active", "held", "spent", "expired", "reversed", "moved"),
        999_999_999_999,
    ),
)


def shown(*parts: Any, width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=False, soft_wrap=False)
    with console.capture() as captured:
        for each in parts:
            console.print(each)
    return captured.get().splitlines()


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10.0k"),
        (123_456, "123k"),
        (10_500_000, "10.5M"),
        (10**12, "1000G"),
    ],
)
def test_counts_are_short(points: int, text: str) -> None:
    assert points_report.short(points) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_450, "USD", "1,234.50 USD"),
        (5, "CNY", "0.05 CNY"),
        (-13_761, "USD", "-137.61 USD"),
        (-5, "CNY", "-0.05 CNY"),
        (1_234, "JPY", "1,234 JPY"),
        (5, "KWD", "0.005 KWD"),
    ],
)
def test_money_is_as_its_currency_writes_it(minor: int, currency: str, text: str) -> None:
    assert points_report.money(minor, currency) == text


def test_a_table_of_the_largest_numbers_fits_into_80_columns() -> None:
    lines = shown(points_report.cohorts(a_report(WIDE)))

    assert max(map(len, lines)) <= 80
    assert "1000G" in "".join(lines)


def test_each_month_says_what_it_may_cost_and_what_was_not_spent_of_it() -> None:
    november = a_cohort("2026-11", active=900)
    october = a_cohort("2026-10", held=5, spent=3, expired=1)
    november.liability_minor, october.breakage_bp = 123_450, 2_500

    lines = [line.split() for line in shown(points_report.costs(a_report(WIDE, november, october)))]

    assert ["2026-11", "900", "100.0", "%", "1,234.50", "USD", "–"] in lines
    assert ["2026-10", "5", "100.0", "%", "0.00", "USD", "25.0", "%"] in lines
    assert max(map(len, shown(points_report.costs(a_report(WIDE))))) <= 80


def test_a_report_says_what_points_may_cost_and_on_what_that_rests() -> None:
    text = "\n".join(shown(points_report.summary(a_report())))

    assert "100 = 0.01 USD" in text
    assert "98.76 %, by 3 closed months" in text
    assert "1,234.50 USD" in text
    assert "wrong" not in text


def test_books_that_are_wrong_are_said_to_be() -> None:
    text = "\n".join(shown(points_report.summary(a_report(difference_points=7))))

    assert "nowhere: the books are wrong" in text


def test_bars_are_as_long_as_months_are_large_and_divided_as_their_points_are() -> None:
    report = a_report(
        a_cohort("2026-11", earned=100, active=100), a_cohort("2026-10", earned=50, spent=25, expired=25)
    )

    november, october, legend = (line.plain for line in points_report.chart(report))

    assert november == f"2026-11 {'▒' * 48} 100"
    assert october == f"2026-10 {'█' * 12}{'x' * 12} 50"
    assert "▒ active" in legend
    assert max(map(len, (november, october, legend))) <= 80


@pytest.mark.parametrize(("points", "length"), [([1, 1, 1], 10), ([0, 0], 5), ([10**12, 1, 0, 7], 48)])
def test_a_bar_is_divided_with_nothing_left_over(points: list[int], length: int) -> None:
    assert sum(points_report.parts(points, length)) == (length if sum(points) else 0)


async def test_months_are_read_page_by_page_as_far_as_they_are_wanted() -> None:
    class Reports:
        async def GetPointsReport(self, request: pb.GetPointsReportRequest) -> pb.GetPointsReportResponse:
            first = int(request.page_token or 0)
            months = [a_cohort(f"{3000 - number}-01") for number in range(first, first + request.page_size)]
            return pb.GetPointsReportResponse(
                report=a_report(*months), next_page_token=str(first + request.page_size)
            )

    clients: Any = SimpleNamespace(reports=Reports())

    report = await points_report.read(clients, "music_store", 250)

    assert len({each.month for each in report.cohorts}) == 250


def ended(monkeypatch: pytest.MonkeyPatch, report: pb.PointsReport) -> int:
    def run(work: Any) -> pb.PointsReport:
        work.close()
        return report

    monkeypatch.setattr(foreground, "run", run)
    monkeypatch.setattr(command, "running_platform", lambda _: None)
    try:
        command.points(program="music_store", months=24, as_json=True)
    except typer.Exit as exited:
        return exited.exit_code
    return 0


@pytest.mark.parametrize(("difference", "code"), [(0, 0), (3, 1)], ids=["right", "wrong"])
def test_the_command_tells_programs_numbers_and_ends_with_1_for_wrong_books(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], difference: int, code: int
) -> None:
    report = a_report(a_cohort("2026-11", earned=5), difference_points=difference)

    assert ended(monkeypatch, report) == code

    told = json.loads(capsys.readouterr().out)
    assert (told["issued_points"], told["difference_points"]) == (1_500, difference)
    assert (told["cohorts"][0]["month"], told["cohorts"][0]["earned_points"]) == ("2026-11", 5)
    assert told["states"][0] == {"state": "active", "points": 900}
