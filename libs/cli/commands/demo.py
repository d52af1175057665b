"""`laurel demo`: everything once, from nothing to the answers, in a folder of its own."""

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.cli import demo_report, figures, foreground, ledger, loading, pipeline, sample
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.console import err, out
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.demo_report import DemoFigures
from libs.cli.graph import Graph
from libs.cli.loader import LoadResult
from libs.cli.options import JsonOption
from libs.cli.platform import running
from libs.cli.programs import live_program


def demo(
    as_json: JsonOption = False,
    file: Annotated[Path, typer.Option(help="A file in the format of the CDNOW sample.")] = sample.FILE,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data folder.")] = False,
) -> None:
    """Start everything, load the sample, ask the graph, print what came out, and stop."""
    read = loading.read(file, source=sample.PARTNER, program_id=sample.PROGRAM, store_id=sample.STORE)
    path = Path(tempfile.mkdtemp(prefix="laurel-demo-"))
    console = err if as_json else out
    try:
        found = foreground.run(_demo(DataFolder(path), read, console))
    finally:
        if keep:
            err.print(f"The data folder is {path}: `laurel up --data-dir {path}` runs it again.")
        else:
            shutil.rmtree(path, ignore_errors=True)
    if found is None:
        raise typer.Exit(130)
    if as_json:
        print(json.dumps(found.as_json()))  # noqa: T201 - for programs, so without colours
    if found.accounts_broken or found.ledger_sum or found.rejected:
        raise typer.Exit(1)


async def _demo(folder: DataFolder, file: loading.LoadFile, console: Console) -> DemoFigures:
    started = time.monotonic()
    console.print("Starting mongod, Valkey, four services and the gateway …")
    async with running(folder) as run:
        await sample.prepare(run)
        result = await loading.load(run, folder, file, console)
        loading.show_rejections(result, err)
        async with connected(run, staff_token(run, sample.PROGRAM)) as clients:
            with console.status("Waiting until every purchase has had its effect") as status:
                await pipeline.drained(clients, told=status.update)
            return await _report(run, clients, result, console, started=started)


async def _report(
    run: RunFile, clients: Clients, result: LoadResult, console: Console, *, started: float
) -> DemoFigures:
    program = await live_program(clients, sample.PROGRAM)
    counted = await figures.count(clients, program)
    verified = await ledger.verify(clients, program_id=sample.PROGRAM)
    graph = Graph(run, staff_token(run, sample.PROGRAM))
    ladder = [tier.key for tier in program.tier_sets[0].tiers]
    top = await graph.members(counted.top_spenders())
    example = counted.with_a_tier_to_reach(ladder[-1])
    receipt = await graph.receipt(example) if example else None
    found = DemoFigures(
        members=counted.members,
        purchases_accepted=result.accepted,
        purchases_duplicate=result.duplicate,
        rejected=len(result.rejected),
        spend_minor=counted.spend_minor,
        tiers=counted.members_by_tier(ladder),
        points_issued=counted.points_issued,
        ledger_sum=verified.sum_points,
        accounts_broken=verified.broken_count,
        seconds=round(time.monotonic() - started, 1),
    )
    demo_report.show(console, program, found, top=top, receipt=receipt)
    return found
