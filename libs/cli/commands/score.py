"""`laurel score`: scores every member of a program, into files."""

import json
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from libs.cli import foreground, score_run, scoring
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.options import DATA_DIR, PROGRAM, AsOfOption, DataDirOption, JsonOption, ProgramOption, day
from libs.cli.score_run import ScoreRun
from libs.cli.scoring import Scored

NO_SCORE = "no score"


def score(
    *,
    program: ProgramOption = PROGRAM,
    as_of: AsOfOption = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the files; one in the data folder by default.")
    ] = None,
    parts: Annotated[
        int | None, typer.Option(min=1, max=scoring.PARTS_MAX, help="How many files; by size by default.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Score all members of a program by all its policies; an interrupted run goes on where it was."""
    started = time.monotonic()
    folder = DataFolder(data_dir)
    work = _score(folder.running(), folder.path / "scores", program, day(as_of), out_folder, parts)
    run = foreground.run(work)
    if run is None:
        err.print("Interrupted: run the same command again to go on.")
        raise typer.Exit(130)
    figures = _figures(run, time.monotonic() - started)
    if as_json:
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
    else:
        _show(run, figures)


async def _score(
    run: RunFile,
    scores: Path,
    program_id: str,
    as_of: date | None,
    out_folder: Path | None,
    parts: int | None,
) -> ScoreRun:
    async with connected(run, staff_token(run, program_id)) as clients:
        scored = await scoring.asked(clients, program_id, as_of)
        folder = out_folder or scores / f"{program_id}-{scored.as_of}"
        with score_run.opened(folder.resolve(), scored.manifest()) as scores_run:
            if not scores_run.manifest.parts:
                scores_run.manifest.parts = await scoring.divide(clients, program_id, parts)
                scores_run.save()
            await _behind_a_bar(clients, scores_run, scored)
            return scores_run


async def _behind_a_bar(clients: Clients, run: ScoreRun, scored: Scored) -> None:
    with progress_bar(err) as progress:
        bar = progress.add_task("Scoring members", total=None, completed=run.members())
        await scoring.score(
            clients,
            run,
            scored,
            lambda more, total: progress.update(bar, advance=more, total=total),
        )


def _figures(run: ScoreRun, seconds: float) -> dict[str, Any]:
    return {
        "program": run.manifest.program_id,
        "version": run.manifest.program_version,
        "as_of": run.manifest.as_of.isoformat(),
        "folder": str(run.folder),
        "parts": len(run.manifest.parts),
        "members": run.members(),
        "labels": {
            name: {label or NO_SCORE: count for label, count in counted.most_common()}
            for name, counted in run.labels().items()
        },
        "seconds": round(seconds, 2),
    }


def _show(run: ScoreRun, figures: dict[str, Any]) -> None:
    table = Table(title=f"Members of {run.manifest.told()}", title_justify="left")
    table.add_column("score")
    table.add_column("label")
    table.add_column("members", justify="right")
    table.add_column("share", justify="right")
    for name, counted in figures["labels"].items():
        for label, count in counted.items():
            table.add_row(name, label, str(count), f"{count / figures['members']:.1%}")
        table.add_section()
    table.add_row("all", "", str(figures["members"]), "")
    out.print(table)
    out.print(f"{figures['parts']} files in {run.folder}, {figures['seconds']} s", highlight=False)
