"""`laurel report usage`: what it shows, in 80 columns, and as JSON."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from laurel.benefits.v1 import usage_pb2 as pb
from libs.cli import foreground, usage_report
from libs.cli.commands import report as command
from tests.cli.findings import a_usage_month


def shown(*parts: Any, width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=False, soft_wrap=False)
    with console.capture() as captured:
        for each in parts:
            console.print(each)
    return captured.get().splitlines()


def test_a_table_says_who_could_who_did_and_how_much_in_80_columns() -> None:
    lines = shown(usage_report.table(a_usage_month()))

    rows = [line.split() for line in lines]
    assert lines[0].strip() == "Usage of 1998-06 by 2,357 members"
    assert ["Letter,", "benefit", "1000", "300", "30.0", "%", "600", "90"] in rows
    assert ["gold,", "diamond", "1000", "50", "5.0", "%", "100", "0"] in rows
    assert ["Coffee,", "reward", "1000", "40", "4.0", "%", "80", "4000", "points"] in rows
    assert ["Ten", "off,", "coupons", "1000", "30", "3.0", "%", "60", "1,234.50", "USD"] in rows
    assert max(map(len, lines)) <= 80


def test_the_largest_numbers_and_a_long_name_fit_into_80_columns() -> None:
    month = a_usage_month()
    item = month.items[2]
    item.name_en = "A name of forty signs that nobody shortens"
    for name in ("members_count", "users_count", "uses_count", "value_minor"):
        setattr(item.everybody, name, 999_999_999_999)

    assert max(map(len, shown(usage_report.table(month)))) <= 80


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (2_357, "1998-06: what fewer than 20 used, or all but fewer, is not told."),
        (0, "of whom nothing is told"),
    ],
)
def test_what_is_left_out_is_said(members: int, told: str) -> None:
    assert told in usage_report.left_out(a_usage_month(members_count=members))


async def test_months_are_read_page_by_page_as_far_as_they_are_wanted() -> None:
    asked: list[tuple[str, int]] = []

    class Reports:
        async def ListUsageMonths(self, request: pb.ListUsageMonthsRequest) -> pb.ListUsageMonthsResponse:
            asked.append((request.before_month, request.page_size))
            first = int(request.before_month[:4] or 3001)
            years = range(first - 1, first - 1 - request.page_size, -1)
            return pb.ListUsageMonthsResponse(
                months=[a_usage_month(f"{year}-01") for year in years], more=True
            )

    clients: Any = SimpleNamespace(reports=Reports())

    months = await usage_report.read(clients, "music_store", 15)

    assert [each.month for each in months] == [f"{year}-01" for year in range(3000, 2985, -1)]
    assert asked == [("", 12), ("2989-01", 12)]


def run(monkeypatch: pytest.MonkeyPatch, months: list[pb.UsageMonth], *, as_json: bool) -> None:
    def answered(work: Any) -> list[pb.UsageMonth]:
        work.close()
        return months

    monkeypatch.setattr(foreground, "run", answered)
    monkeypatch.setattr(command, "running_platform", lambda _: None)
    command.usage(program="music_store", months=1, as_json=as_json)


def test_the_command_tells_programs_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, [a_usage_month()], as_json=True)

    (month,) = json.loads(capsys.readouterr().out)
    assert (month["month"], month["items"][0]["everybody"]["users_count"]) == ("1998-06", 300)


def test_where_no_month_is_published_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, [], as_json=False)

    assert "No month has been published yet" in capsys.readouterr().err
