"""`laurel export`: what is known of every member of a program, into files for other tools."""

import json
import time
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli import foreground, score_run, scoring
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, AsOfOption, DataDirOption, JsonOption, ProgramOption, day
from libs.cli.score_run import ScoreRun

# As documents of models have it.
HORIZON_DAYS_MAX = 3650

app = typer.Typer(no_args_is_help=True, help="Write what is known of all members into files.")


@app.callback()
def group() -> None:
    """Nothing: a callback makes it a group, though it has one command."""


@app.command("facts")
def facts(
    *,
    program: ProgramOption = PROGRAM,
    as_of: AsOfOption = None,
    names: Annotated[
        str,
        typer.Option(
            "--facts",
            metavar="NAMES",
            help="Names with commas between; features/v1: all that its features and the scores read.",
        ),
    ] = "features/v1",
    horizon_days: Annotated[
        int,
        typer.Option(
            min=0,
            max=HORIZON_DAYS_MAX,
            help="To train on: what came in so many days after, too, as soon as all are over.",
            show_default=False,
        ),
    ] = 0,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the files; one in the data folder by default.")
    ] = None,
    parts: Annotated[
        int | None, typer.Option(min=1, max=scoring.PARTS_MAX, help="How many files; by size by default.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Facts of all members at the end of a day, as Parquet; an interrupted run goes on where it was."""
    started = time.monotonic()
    folder = DataFolder(data_dir)
    try:  # pyarrow is an extra, and takes a moment to import
        exporting = import_module("libs.cli.exporting")
    except ImportError as error:
        raise CommandError(
            f"`laurel export` needs {error.name}, which is not here: pip install 'laurel[export]'."
        ) from error
    exports = folder.path / "exports"
    run = foreground.run(
        _export(
            exporting, folder.running(), exports, program, day(as_of), names, horizon_days, out_folder, parts
        )
    )
    if run is None:
        err.print("Interrupted: run the same command again to go on.")
        raise typer.Exit(130)
    _show(run, time.monotonic() - started, as_json=as_json)


async def _export(
    exporting: Any,
    running: RunFile,
    exports: Path,
    program_id: str,
    as_of: date | None,
    names: str,
    horizon_days: int,
    out_folder: Path | None,
    parts: int | None,
) -> ScoreRun:
    async with connected(running, staff_token(running, program_id)) as clients:
        scored = await scoring.live_on(clients, program_id, as_of)
        facts = scored.manifest().model_copy(update={"facts": exporting.facts_named(names, scored)})
        today = await scoring.today_of(clients, scored.program)
        asked = exporting.with_horizon(facts, horizon_days, today)
        folder = out_folder or exports / f"{program_id}-{scored.as_of}"
        with score_run.opened(folder.resolve(), asked) as run:
            if not run.manifest.parts:
                run.manifest.parts = await scoring.divide(clients, program_id, parts, "parquet")
                run.save()
            with progress_bar(err) as progress:
                bar = progress.add_task("Exporting members", total=None, completed=run.members())
                await exporting.export(
                    clients,
                    run,
                    scored,
                    lambda more, total: progress.update(bar, advance=more, total=total),
                )
            return run


def _show(run: ScoreRun, seconds: float, *, as_json: bool) -> None:
    manifest = run.manifest
    figures = {
        "program": manifest.program_id,
        "version": manifest.program_version,
        "as_of": manifest.as_of.isoformat(),
        "folder": str(run.folder),
        "parts": len(manifest.parts),
        "facts": len(manifest.facts),
        "horizon_days": manifest.horizon_days,
        "is_over": bool(manifest.ends),
        "members": run.members(),
        "seconds": round(seconds, 2),
    }
    if as_json:
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
        return
    out.print(
        f"{figures['members']} members of {manifest.told()}: {manifest.holds}, "
        f"{figures['parts']} files in {run.folder}, {figures['seconds']} s",
        highlight=False,
    )
