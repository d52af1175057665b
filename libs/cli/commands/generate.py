"""`laurel generate`: purchases of as many buyers as are wanted, as a file that `laurel load` reads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress

from libs.cli.console import err, progress_bar
from libs.cli.errors import CommandError
from libs.cli.population import population

MEMBERS_MAX = 100_000_000
MEMBERS_PER_STEP = 1_000


def generate(
    *,
    members: Annotated[
        int, typer.Option(min=1, max=MEMBERS_MAX, help="How many buyers.", show_default=False)
    ],
    seed: Annotated[
        int, typer.Option(min=0, help="Another seed, other buyers; the same one, the same file.")
    ] = 1,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="The file; standard output by default.")
    ] = None,
) -> None:
    """Invent buyers who buy as those of CDNOW did, in the format of the CDNOW sample."""
    with _written(out_file) as file, progress_bar(err) as progress:
        count = _write(file, members, seed, progress)
    err.print(f"{members} buyers, {count} purchases")


def _write(file: TextIO, members: int, seed: int, progress: Progress) -> int:
    """Write the purchases of one buyer after another; gives how many there are."""
    bar, count = progress.add_task("Generating buyers", total=members), 0
    for number, buys in enumerate(population(members, seed), start=1):
        file.writelines(buy.line() for buy in buys)
        count += len(buys)
        if number % MEMBERS_PER_STEP == 0 or number == members:
            progress.update(bar, completed=number)
    return count


@contextmanager
def _written(file: Path | None) -> Iterator[TextIO]:
    """Where the purchases go: a file is there whole, or not at all."""
    if file is None:
        yield sys.stdout
        return
    fresh = file.with_name(f"{file.name}.new")
    try:
        with fresh.open("w", encoding="ascii", newline="\n") as opened:
            yield opened
        fresh.replace(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        fresh.unlink(missing_ok=True)
