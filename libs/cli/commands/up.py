"""`laurel up`: the platform in the foreground."""

import asyncio
from typing import Annotated

import typer

from libs.cli import foreground, loading, pipeline, sample
from libs.cli.clients import connected, staff_token
from libs.cli.commands.status import processes_table
from libs.cli.console import err, out
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.options import DATA_DIR, DataDirOption
from libs.cli.platform import running


def up(
    with_sample: Annotated[
        bool, typer.Option("--sample", help="Load the CDNOW sample, unless it is there already.")
    ] = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Start the platform and keep it running until Ctrl-C; a second `up` finds its data."""
    foreground.run(_up(DataFolder(data_dir), with_sample=with_sample))
    err.print("Stopped.")


async def _up(folder: DataFolder, *, with_sample: bool) -> None:
    async with running(folder, lambda: err.print(f"Starting in {folder.path} …", highlight=False)) as run:
        out.print(processes_table(run))
        if with_sample:
            await _load_sample(folder, run)
            _show_graph(run)
        elif found := await _programs(run):
            out.print(f"Here are {', '.join(found)}. Prove it: `laurel status`, then `laurel verify`.")
        else:
            out.print("Next: `laurel init program music_store`, or `laurel up --sample` for an example.")
        out.print("Running until Ctrl-C.")
        await asyncio.Event().wait()


async def _programs(run: RunFile) -> list[str]:
    """The programs that the calendars know, so that nobody takes a platform with data for an empty one."""
    async with connected(run, staff_token(run, sample.PROGRAM)) as clients:
        found = await pipeline.statuses(clients)
    return sorted({each.program_id for status in found for each in status.calendars})


async def _load_sample(folder: DataFolder, run: RunFile) -> None:
    file = loading.read(sample.FILE, source=sample.PARTNER, program_id=sample.PROGRAM, store_id=sample.STORE)
    if loading.is_loaded(folder, file):
        return
    await sample.prepare(run)
    result = await loading.load(run, folder, file, err)
    loading.show_rejections(result, err)
    async with connected(run, staff_token(run, sample.PROGRAM)) as clients:
        with err.status("Waiting until every purchase has had its effect"):
            await pipeline.drained(clients)


def _show_graph(run: RunFile) -> None:
    token = staff_token(run, sample.PROGRAM)
    out.print("\nOpen the graph; the address holds a token of yours that is good for 12 hours:", style="bold")
    typer.echo(f"{run.gateway_url}/graphiql#token={token}\n")
