"""`laurel evaluate`: fits models to a log of purchases and measures them on its end, without a platform."""

from datetime import date, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from libs.cli.errors import CommandError
from libs.cli.options import JsonOption
from libs.common.texts import Locale

app = typer.Typer(no_args_is_help=True, help="Measure models on a log of your own, before you trust them.")


class Format(StrEnum):
    """Formats of logs that can be measured on."""

    CDNOW = "cdnow"


@app.callback()
def group() -> None:
    """Nothing: a callback makes it a group, though it has one command."""


@app.command("purchases")
def purchases(
    file: Annotated[Path, typer.Argument(help="The log: one purchase a line.", show_default=False)],
    file_format: Annotated[Format, typer.Option("--format", help="What its lines look like.")],
    calibration_end: Annotated[
        str,
        typer.Option(metavar="DATE", help="Models see purchases up to this day, and foretell the rest."),
    ],
    page: Annotated[
        Path | None, typer.Option(help="Write a page of HTML with charts, too; it is replaced.")
    ] = None,
    language: Annotated[Locale, typer.Option("--language", help="Of the page.")] = "en",
    as_json: JsonOption = False,
) -> None:
    """Fit BG/NBD, Gamma-Gamma and churn to purchases up to a day; measure them on the days after it."""
    assert file_format is Format.CDNOW, "the only format so far"
    until = _day(calibration_end)
    try:  # what models learn with is an extra, and takes a second to import
        view = import_module("libs.cli.evaluation_view")
    except ImportError as error:
        raise CommandError(
            f"`laurel evaluate` needs {error.name}, which is not here: pip install 'laurel[models]'."
        ) from error
    view.measure(file, until, as_json=as_json, page=page, language=language)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the log
    except ValueError:
        raise CommandError(f"--calibration-end {text}: expected a day that exists, as 1997-09-30.") from None
