"""`laurel verify`: proves the ledger and its chain, or shows where they are broken."""

import json
import time
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from laurel.benefits.v1 import benefits_pb2
from libs.cli import foreground, ledger, ledger_chain, programs
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.chains.check import Checked


def verify(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Recompute every balance, every digest, the chain and its roots; exit 1 when anything is broken."""
    started = time.monotonic()
    found = foreground.run(_verify(running_platform(data_dir), DataFolder(data_dir), program))
    if found is None:
        raise typer.Exit(130)
    result, chain = found
    figures = {
        "accounts": result.accounts_count,
        "entries": result.entries_count,
        "transactions": result.transactions_count,
        "sum": result.sum_points,
        "chained": chain.records - chain.waiting,
        "heads": chain.heads,
        "roots": chain.roots,
        "kept_apart": chain.anchors,
        "broken": result.broken_count + chain.broken,
        "seconds": round(time.monotonic() - started, 2),
    }
    if as_json:
        _show_faults(_faults(result, chain), err)
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
    else:
        _show(figures)
        _show_faults(_faults(result, chain), out)
    if figures["broken"] or result.sum_points:
        raise typer.Exit(1)


async def _verify(
    run: RunFile, folder: DataFolder, program: str
) -> tuple[benefits_pb2.VerifyLedgerResponse, Checked]:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live_program(clients, program)  # or say that there is none, not that it is whole
        with progress_bar(err) as progress:
            bar = progress.add_task("Verifying entries", total=None)
            result = await ledger.verify(
                clients,
                program_id=program,
                told=lambda at: progress.update(
                    bar, completed=at.entries_count, total=at.entries_total or None
                ),
            )
            chain_bar = progress.add_task("Verifying the chain", total=None)
            chain = await ledger_chain.verify(
                clients,
                folder,
                program,
                lambda position, last: progress.update(chain_bar, completed=position, total=last or None),
            )
        return result, chain


def _show(figures: dict[str, int | float]) -> None:
    table = Table(title="Ledger", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), str(value))
    out.print(table)


def _faults(result: benefits_pb2.VerifyLedgerResponse, chain: Checked) -> Sequence[str]:
    """What is broken, a line each."""
    books = [f"{each.code} {each.object_id}: {each.detail}" for each in result.faults]
    links = [
        f"{each.code.name} {each.object_id}: {each.code.value}" + (f" ({each.detail})" if each.detail else "")
        for each in chain.faults
    ]
    return [*books, *links]


def _show_faults(faults: Sequence[str], console: Console) -> None:
    for fault in faults:
        console.print(fault, style="red", markup=False)
