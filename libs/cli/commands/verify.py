"""`laurel verify`: proves the ledger, or shows where it is broken."""

import json
import time

import typer
from rich.console import Console
from rich.table import Table

from laurel.benefits.v1 import benefits_pb2
from libs.cli import foreground, ledger, programs
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import RunFile
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform


def verify(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Recompute every balance and every digest of the ledger; exit 1 when anything is broken."""
    started = time.monotonic()
    result = foreground.run(_verify(running_platform(data_dir), program))
    if result is None:
        raise typer.Exit(130)
    figures = {
        "accounts": result.accounts_count,
        "entries": result.entries_count,
        "transactions": result.transactions_count,
        "sum": result.sum_points,
        "broken": result.broken_count,
        "seconds": round(time.monotonic() - started, 2),
    }
    if as_json:
        _show_faults(result, err)
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
    else:
        _show(figures)
        _show_faults(result, out)
    if result.broken_count or result.sum_points:
        raise typer.Exit(1)


async def _verify(run: RunFile, program: str) -> benefits_pb2.VerifyLedgerResponse:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live_program(clients, program)  # or say that there is none, not that it is whole
        with progress_bar(err) as progress:
            bar = progress.add_task("Verifying entries", total=None)
            return await ledger.verify(
                clients,
                program_id=program,
                told=lambda at: progress.update(
                    bar, completed=at.entries_count, total=at.entries_total or None
                ),
            )


def _show(figures: dict[str, int | float]) -> None:
    table = Table(title="Ledger", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, str(value))
    out.print(table)


def _show_faults(result: benefits_pb2.VerifyLedgerResponse, console: Console) -> None:
    for fault in result.faults:
        console.print(f"{fault.code} {fault.object_id}: {fault.detail}", style="red", markup=False)
