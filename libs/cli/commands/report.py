"""`laurel report`: what is to be known of a program as a whole: points, usage, scores, and a page of it."""

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict

from laurel.benefits.v1 import reports_pb2 as pb
from laurel.benefits.v1 import usage_pb2
from libs.cli import foreground, points_report, programs, usage_report
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.cli.report_page.page import rendered
from libs.cli.report_page.reading import Findings, findings
from libs.common.clock import now
from libs.common.texts import Locale

# What stays a text in JSON, also where it looks like a number.
TEXTS = {"month", "state", "key", "name_zh", "name_en"}

LanguageOption = Annotated[Locale, typer.Option("--language", help="Of the page: en or zh.")]

app = typer.Typer(
    no_args_is_help=True, help="Report a program as a whole: its points, its usage, or all of it as one page."
)


@app.callback()
def report() -> None:
    """Report a program as a whole: its points, its usage, or all of it as one page."""


@app.command("points")
def points(
    program: ProgramOption = PROGRAM,
    months: Annotated[int, typer.Option(min=1, max=1_200, help="So many of the latest months.")] = 24,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show where all points are, what they may cost, and what became of those of each month."""
    found = foreground.run(_read(running_platform(data_dir), program, months))
    if found is None:
        raise typer.Exit(130)
    if as_json:
        print(json.dumps(_json(found)))  # noqa: T201 - for programs, so without colours
    else:
        _show(found)
    if found.difference_points:
        raise typer.Exit(1)


@app.command("usage")
def usage(
    program: ProgramOption = PROGRAM,
    months: Annotated[int, typer.Option(min=1, max=1_200, help="So many of the latest months.")] = 1,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show how many members used which benefits, rewards and coupons, as it was published."""
    found = foreground.run(_usage(running_platform(data_dir), program, months))
    if found is None:
        raise typer.Exit(130)
    if as_json:
        print(json.dumps([_json(each) for each in found]))  # noqa: T201 - for programs, so without colours
        return
    for month in found:
        if month.items:
            out.print(usage_report.table(month))
        err.print(usage_report.left_out(month))
    if not found:
        err.print("No month has been published yet: one is, seven days after its end.")


@app.command("program")
def program_page(
    program: ProgramOption = PROGRAM,
    out_file: Annotated[Path, typer.Option("--out", help="File to write; it is replaced.")] = Path(
        "program-report.html"
    ),
    language: LanguageOption = "en",
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Write one page about a program: tiers, moves, thresholds, backtest, points, fairness and usage.

    The page needs nothing else: no network, and no scripts.
    """
    found = foreground.run(_findings(running_platform(data_dir), program))
    if found is None:
        raise typer.Exit(130)
    _write(out_file, rendered(found, language))


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
    out.print(f"Wrote {file}: open it in a browser.")


@app.command("scoring")
def scoring_page(
    program: ProgramOption = PROGRAM,
    out_file: Annotated[Path, typer.Option("--out", help="File to write; it is replaced.")] = Path(
        "scoring-report.html"
    ),
    scores: Annotated[
        Path | None, typer.Option(help="Folder that `laurel score` wrote; that of the latest day by default.")
    ] = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Write one page about scores: models beside each other, calibration, weeks foretold, and distributions.

    The page needs nothing else: no network, and no scripts. --json prints what it shows instead.
    """
    found = foreground.run(_scoring(running_platform(data_dir), program, DataFolder(data_dir).path, scores))
    if found is None:
        raise typer.Exit(130)
    shown = _of_models("libs.cli.report_page.scoring")
    if as_json:
        print(json.dumps(shown.as_document(found), allow_nan=False))  # noqa: T201 - for programs
        return
    _write(out_file, shown.rendered(found, language))


async def _scoring(run: RunFile, program: str, data: Path, folder: Path | None) -> Any:
    reading = _of_models("libs.cli.scoring_report")
    async with connected(run, staff_token(run, program)) as clients:
        return await reading.findings(clients, program, data / "scores", folder)


def _of_models(module: str) -> Any:
    """What reads models. It is an extra, and takes a while to import."""
    try:
        return import_module(module)
    except ImportError as error:
        raise CommandError(
            f"`laurel report scoring` needs {error.name}, which is not here: pip install 'laurel[models]'."
        ) from error


async def _findings(run: RunFile, program: str) -> Findings:
    async with connected(run, staff_token(run, program)) as clients:
        return await findings(clients, program, now())


async def _read(run: RunFile, program: str, months: int) -> pb.PointsReport:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live_program(clients, program)
        return await points_report.read(clients, program, months)


async def _usage(run: RunFile, program: str, months: int) -> list[usage_pb2.UsageMonth]:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live_program(clients, program)
        return await usage_report.read(clients, program, months)


def _json(report: pb.PointsReport | usage_pb2.UsageMonth) -> dict[str, Any]:
    """With numbers as numbers, which JSON of protobuf has as texts."""
    found = MessageToDict(report, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    numbers: dict[str, Any] = _numbers(found)
    return numbers


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each if name in TEXTS else _numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def _show(report: pb.PointsReport) -> None:
    out.print(points_report.summary(report))
    if report.cohorts:
        out.print(points_report.cohorts(report))
        out.print(points_report.costs(report))
    for line in points_report.chart(report):
        out.print(line)
    if report.cohorts_behind_seconds:
        err.print(f"Months do not count the last {report.cohorts_behind_seconds} s yet.")
