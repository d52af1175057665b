"""Where commands write: results to standard output, progress and remarks to standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A bar by count, with the time it took."""
    with _bar(console, MofNCompleteColumn()) as progress:
        yield progress


@contextmanager
def percentage_bar(console: Console) -> Iterator[Progress]:
    """A bar by per cent, for what is no count, with the time it took."""
    with _bar(console, TaskProgressColumn()) as progress:
        yield progress


def _bar(console: Console, how_much: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), how_much, TimeElapsedColumn(), console=console
    )
