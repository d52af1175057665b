"""`laurel score`: scores every member of a program, into files."""

import json
import time
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from libs.cli import foreground, score_run, scoring, spark_run
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.errors import CommandError
from libs.cli.options import (
    DATA_DIR,
    MASTER,
    PROGRAM,
    AsOfOption,
    DataDirOption,
    Engine,
    EngineOption,
    FactsFolderOption,
    JsonOption,
    MasterOption,
    ProgramOption,
    SettingsOption,
    day,
    refuse,
)
from libs.cli.score_run import ScoreRun
from libs.cli.scoring import Scored

NO_SCORE = "no score"


class Form(StrEnum):
    """Kinds of files that Spark writes."""

    PARQUET = "parquet"
    CSV = "csv"


def score(
    context: typer.Context,
    *,
    program: ProgramOption = PROGRAM,
    as_of: AsOfOption = None,
    out_folder: Annotated[
        str | None,
        typer.Option("--out", metavar="FOLDER", help="Of the files; one in the data folder by default."),
    ] = None,
    parts: Annotated[
        int | None, typer.Option(min=1, max=scoring.PARTS_MAX, help="How many files; by size by default.")
    ] = None,
    engine: EngineOption = Engine.PLATFORM,
    facts: FactsFolderOption = "",
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Spark: the document of a model; repeatable.")
    ] = None,
    master: MasterOption = MASTER,
    form: Annotated[Form, typer.Option("--format", help="Spark: kind of the files.")] = Form.PARQUET,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Score all members of a program by all its policies; an interrupted run goes on where it was."""
    started = time.monotonic()
    if engine is Engine.SPARK:
        refuse(context, ("program", "as_of", "parts"), "the export of --facts says it")
        if not facts or out_folder is None:
            raise CommandError("--engine spark needs --facts, of `laurel export facts`, and --out.")
        spark = spark_run.Spark(facts, master, settings or ())
        told = spark.score(out_folder, models=model or (), form=form)
        _show_spark(told, time.monotonic() - started, as_json=as_json)
        return
    refuse(context, ("facts", "model", "master", "form", "settings"), "it is for --engine spark")
    folder = DataFolder(data_dir)
    target = None if out_folder is None else Path(out_folder)
    work = _score(folder.running(), folder.path / "scores", program, day(as_of), target, parts)
    done = foreground.run(work)
    if done is None:
        err.print("Interrupted: run the same command again to go on.")
        raise typer.Exit(130)
    run, scored = done
    figures = _figures(run, scored, time.monotonic() - started)
    if as_json:
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
    else:
        _show(run, figures)
    if scored.left_out:
        err.print(scoring.told_left_out(scored), highlight=False)


def _show_spark(told: Mapping[str, Any], seconds: float, *, as_json: bool) -> None:
    figures = {**told, "seconds": round(seconds, 2)}
    if as_json:
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
        return
    title = f"{told['program_id']} version {told['program_version']} as of {told['as_of']}"
    out.print(_table(title, told["labels"], told["members"]))
    out.print(f"{told['folder']}, {figures['seconds']} s", highlight=False)


async def _score(
    run: RunFile,
    scores: Path,
    program_id: str,
    as_of: date | None,
    out_folder: Path | None,
    parts: int | None,
) -> tuple[ScoreRun, Scored]:
    async with connected(run, staff_token(run, program_id)) as clients:
        scored = await scoring.asked(clients, program_id, as_of)
        folder = out_folder or scores / f"{program_id}-{scored.as_of}"
        with score_run.opened(folder.resolve(), scored.manifest()) as scores_run:
            if not scores_run.manifest.parts:
                scores_run.manifest.parts = await scoring.divide(clients, program_id, parts)
                scores_run.save()
            await _behind_a_bar(clients, scores_run, scored)
            return scores_run, scored


async def _behind_a_bar(clients: Clients, run: ScoreRun, scored: Scored) -> None:
    with progress_bar(err) as progress:
        bar = progress.add_task("Scoring members", total=None, completed=run.members())
        await scoring.score(
            clients,
            run,
            scored,
            lambda more, total: progress.update(bar, advance=more, total=total),
        )


def _figures(run: ScoreRun, scored: Scored, seconds: float) -> dict[str, Any]:
    return {
        "program": run.manifest.program_id,
        "version": run.manifest.program_version,
        "as_of": run.manifest.as_of.isoformat(),
        "folder": str(run.folder),
        "parts": len(run.manifest.parts),
        "members": run.members(),
        "left_out": [scoring.version_of(each) for each in scored.left_out],
        "labels": {
            name: {label or NO_SCORE: count for label, count in counted.most_common()}
            for name, counted in run.labels().items()
        },
        "seconds": round(seconds, 2),
    }


def _show(run: ScoreRun, figures: dict[str, Any]) -> None:
    out.print(_table(run.manifest.told(), figures["labels"], figures["members"]))
    out.print(f"{figures['parts']} files in {run.folder}, {figures['seconds']} s", highlight=False)


def _table(of: str, labels: Mapping[str, Mapping[str, int]], members: int) -> Table:
    """How many members have each label, by score."""
    table = Table(title=f"Members of {of}", title_justify="left")
    table.add_column("score")
    table.add_column("label")
    table.add_column("members", justify="right")
    table.add_column("share", justify="right")
    for name, counted in labels.items():
        for label, count in counted.items():
            table.add_row(name, label or NO_SCORE, str(count), f"{count / members:.1%}")
        table.add_section()
    table.add_row("all", "", str(members), "")
    return table
