"""`laurel verify`: proves the ledger, the badges and their chains, or shows where they are broken."""

import json
import time
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from laurel.benefits.v1 import benefits_pb2
from libs.cli import badge_chain, foreground, ledger, ledger_chain, programs
from libs.cli.badge_chain import BadgesChecked
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.chains.check import Checked


def verify(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Recompute every balance, every digest, the chains and their roots; exit 1 when anything is broken."""
    started = time.monotonic()
    found = foreground.run(_verify(running_platform(data_dir), DataFolder(data_dir), program))
    if found is None:
        raise typer.Exit(130)
    result, chain, badges = found
    figures = {
        "accounts": result.accounts_count,
        "entries": result.entries_count,
        "transactions": result.transactions_count,
        "sum": result.sum_points,
        "chained": chain.records - chain.waiting,
        "heads": chain.heads,
        "roots": chain.roots,
        "kept_apart": chain.anchors,
        "badges": badges.badges,
        "badge_records": badges.chain.records,
        "broken": result.broken_count + chain.broken + badges.broken,
        "seconds": round(time.monotonic() - started, 2),
    }
    if as_json:
        _show_faults(_faults(result, chain, badges), err)
        print(json.dumps(figures))  # noqa: T201 - for programs, so without colours
    else:
        _show(figures)
        _show_faults(_faults(result, chain, badges), out)
    if figures["broken"] or result.sum_points:
        raise typer.Exit(1)


async def _verify(
    run: RunFile, folder: DataFolder, program: str
) -> tuple[benefits_pb2.VerifyLedgerResponse, Checked, BadgesChecked]:
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
            badges_bar = progress.add_task("Verifying badges", total=None)
            badges = await badge_chain.verify(
                clients,
                folder,
                program,
                lambda position, last: progress.update(badges_bar, completed=position, total=last or None),
            )
        return result, chain, badges


def _show(figures: dict[str, int | float]) -> None:
    table = Table(title="Ledger and badges", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), str(value))
    out.print(table)


def _faults(
    result: benefits_pb2.VerifyLedgerResponse, chain: Checked, badges: BadgesChecked
) -> Sequence[str]:
    """What is broken, a line each."""
    books = [f"{each.code} {each.object_id}: {each.detail}" for each in result.faults]
    links = [
        f"{each.code.name} {each.object_id}: {each.code.value}" + (f" ({each.detail})" if each.detail else "")
        for each in (*chain.faults, *badges.chain.faults)
    ]
    return [*books, *links, *badges.faults]


def _show_faults(faults: Sequence[str], console: Console) -> None:
    for fault in faults:
        console.print(fault, style="red", markup=False)
