"""`laurel program`: presets and documents of programs, what is wrong with them, what differs between two."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from libs.cli import program_view, programs
from libs.cli.clients import connected, staff_token
from libs.cli.commands import program_optimise, program_simulate, program_versions
from libs.cli.console import err, out
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, DataDirOption, JsonOption, running_platform
from libs.common import clock
from libs.common.lint.check import lint as findings_of
from libs.common.program import Program
from libs.common.program_diff import changes
from libs.common.program_modifiers import modifier, modifier_names
from libs.common.program_schema import schema_text
from libs.common.segment_sets import segment_set, segment_set_names
from libs.common.texts import LOCALES, Locale

app = typer.Typer(
    no_args_is_help=True, help="Look at programs and change them: presets, files, and versions of live ones."
)
app.add_typer(program_versions.app)
app.add_typer(program_simulate.app)
app.add_typer(program_optimise.app)
LIVE = "live:"
_SOURCE_HELP = "A preset, a YAML or JSON file, or live:PROGRAM for what is live."
SourceArgument = Annotated[
    str, typer.Argument(metavar="PRESET|FILE|live:PROGRAM", help=_SOURCE_HELP, show_default=False)
]
LanguageOption = Annotated[Locale, typer.Option("--language", help="Of names and remarks.")]
FileOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write it to this file instead of printing it.")
]


@app.command("presets")
def presets() -> None:
    """Print what is shipped: programs, modifiers of their tiers, and sets of segments."""
    out.print(program_view.shipped())


@app.command("show")
def show(source: SourceArgument, language: LanguageOption = "en", data_dir: DataDirOption = DATA_DIR) -> None:
    """Print the tiers of a program, what each asks for and adds; or a modifier, or a set of segments."""
    if source in modifier_names():
        out.print(program_view.of_modifier(modifier(source), language))
    elif source in segment_set_names():
        out.print(program_view.of_segments(segment_set(source), language))
    else:
        for table in program_view.of_program(_read(source, data_dir), language):
            out.print(table)


@app.command("lint")
def lint(
    source: SourceArgument,
    as_json: JsonOption = False,
    language: LanguageOption = "en",
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Say what is wrong with a program, with facts of a member that show it; exit status 1 on errors."""
    program = _read(source, data_dir)
    found = findings_of(program, program.clock.replay_from or clock.now())
    if as_json:
        texts = [{locale: each.text(locale) for locale in LOCALES} for each in found]
        listed = [
            asdict(each) | {"severity": each.severity, "text": text}
            for each, text in zip(found, texts, strict=True)
        ]
        print(json.dumps(listed, ensure_ascii=False))  # noqa: T201 - for programs, so without colours
    elif found:
        out.print(program_view.of_findings(program, found, language))
    if not as_json:
        out.print(f"{program.key}: {program_view.counted(found)}")
    if any(each.severity == "error" for each in found):
        raise typer.Exit(1)


@app.command("diff")
def diff(
    before: SourceArgument,
    after: SourceArgument,
    as_json: JsonOption = False,
    language: LanguageOption = "en",
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print what differs between two programs, by what it means for members."""
    found = changes(_read(before, data_dir), _read(after, data_dir))
    if as_json:
        listed = [asdict(each) for each in found]
        print(json.dumps(listed, ensure_ascii=False))  # noqa: T201 - for programs, so without colours
    elif found:
        out.print(program_view.of_changes(found, language))
    else:
        out.print("Nothing differs.")


@app.command("export")
def export(
    program: Annotated[str, typer.Argument(help="Key of the program.", show_default=False)],
    file: FileOption = None,
    whole: Annotated[bool, typer.Option("--whole", help="With all defaults written out.")] = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print the live version of a program as YAML, to be edited and published again."""
    _write(programs.yaml_of(_read(LIVE + program, data_dir), whole=whole), file)


@app.command("modify")
def modify(
    source: SourceArgument,
    name: Annotated[
        str, typer.Argument(metavar="MODIFIER", help="As `presets` lists them.", show_default=False)
    ],
    tier_set: Annotated[str, typer.Option(help="Key of the tier set.")] = "main",
    file: FileOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print a program with a modifier in it, as YAML."""
    if name not in modifier_names():
        raise CommandError(f"There is no modifier {name!r}. The modifiers are {', '.join(modifier_names())}.")
    program = _read(source, data_dir)
    if tier_set not in {each.key for each in program.tier_sets}:
        raise CommandError(f"{program.key} has no tier set {tier_set!r}.")
    _write(programs.yaml_of(modifier(name).applied(program, tier_set)), file)


@app.command("schema")
def schema(file: FileOption = None) -> None:
    """Print the JSON schema of program documents, for editors that check them."""
    _write(schema_text(), file)


def _read(source: str, data_dir: Path) -> Program:
    if source.startswith(LIVE):
        return asyncio.run(_live(running_platform(data_dir), source.removeprefix(LIVE)))
    return programs.read_program(source)


async def _live(run: RunFile, program_id: str) -> Program:
    async with connected(run, staff_token(run, program_id)) as clients:
        return await programs.live_program(clients, program_id)


def _write(text: str, file: Path | None) -> None:
    if file is None:
        print(text, end="")  # noqa: T201 - to be a file, so without colours
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    err.print(f"{file} is written.")
