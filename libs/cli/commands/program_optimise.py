"""`laurel program optimise`: what tiers had better ask for, and a draft of it for people to decide on."""

import json
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict
from rich.console import Console

from laurel.benefits.v1 import thresholds_pb2 as pb
from libs.cli import clocks, foreground, program_changes, programs, thresholds, version_view
from libs.cli.clients import STAFF, Clients, connected, staff_token
from libs.cli.commands.program_simulate import MANAGER, assumptions_of
from libs.cli.console import err, out, progress_bar
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.cli.threshold_view import View
from libs.common.program import Program
from libs.common.texts import Locale

app = typer.Typer()


@app.command("optimise")
def optimise(
    program: ProgramOption = PROGRAM,
    tier_set: Annotated[str, typer.Option(help="Of this tier set only.", show_default=False)] = "",
    tier: Annotated[str, typer.Option(help="This tier only.", show_default=False)] = "",
    condition: Annotated[
        str, typer.Option(help="Its condition, as any[0]; the first about spend without.", show_default=False)
    ] = "",
    factor: Annotated[
        list[int] | None,
        typer.Option(min=1_000, max=100_000, help="A candidate in 1/10000 of what is asked; again for more."),
    ] = None,
    months: Annotated[int, typer.Option(min=2, max=60, help="So many ends of months before today.")] = 12,
    members: Annotated[int, typer.Option(min=1, max=50_000, help="So many members at the most.")] = 5_000,
    assume: Annotated[
        list[str] | None, typer.Option(help="Such as gross_margin_bp=4000; again for more.", metavar="NAME=N")
    ] = None,
    propose: Annotated[bool, typer.Option("--propose", help="Propose what is better as a draft.")] = False,
    who: Annotated[str, typer.Option("--as", help="Who does it.")] = STAFF,
    language: Annotated[Locale, typer.Option("--language", help="Of names and remarks.")] = "en",
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Walk members over past dates by other thresholds, and say which pay best; --propose makes a draft."""
    request = pb.SuggestThresholdsRequest(
        program_id=program,
        tier_set=tier_set,
        tier=tier,
        condition=condition,
        factors_bp=factor or [],
        months=months,
        members_max=members,
        assumptions=assumptions_of(assume or []),
    )

    async def done() -> bool:
        run_file = running_platform(data_dir)
        async with connected(run_file, staff_token(run_file, program, [MANAGER], subject=who)) as clients:
            live = await programs.live_program(clients, program)
            zone = ZoneInfo((await clocks.clock(clients, program)).time_zone)
            found = await _followed(clients, request)
            view = View(found, live, zone, language)
            if as_json:
                print(json.dumps(_json(found)))  # noqa: T201 - for programs, so without colours
            else:
                _show(view)
            if propose and found.changed:
                await _propose(clients, view, err if as_json else out)
            elif not as_json:
                out.print(view.proposal(), markup=False, highlight=False)
        return True

    if foreground.run(done()) is None:
        err.print("Interrupted. Nothing was changed.")
        raise typer.Exit(130)


async def _followed(clients: Clients, request: pb.SuggestThresholdsRequest) -> pb.ThresholdSuggestions:
    """The result, with how far it is on the way there."""
    with progress_bar(err) as progress:
        bar = progress.add_task("Members", total=None)

        def told(at: pb.ThresholdProgress) -> None:
            progress.update(bar, description=at.tier, completed=at.done_count, total=at.total_count or None)

        return await thresholds.suggestions(clients, request, told)


async def _propose(clients: Clients, view: View, told: Console) -> None:
    """Propose the document of the result, and say what comes next; beside JSON as a remark."""
    draft = Program.parse(view.found.document)
    version = await program_changes.propose(clients, draft, view.found.note)
    for text in (version_view.line(version, view.zone), view.following(version.version)):
        told.print(text, markup=False, highlight=False)


def _show(view: View) -> None:
    for each in view.tables():
        if isinstance(each, str):
            out.print(each, markup=False, highlight=False)
        else:
            out.print(each)


def _json(found: pb.ThresholdSuggestions) -> dict[str, object]:
    told = MessageToDict(found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return told | {"document": json.loads(found.document)}
