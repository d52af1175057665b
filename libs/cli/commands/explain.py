"""`laurel explain`: why a tier was decided, what reaches the next, what keeps it, what an order brings."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from libs.cli import clocks, explain_view, explaining, programs
from libs.cli.clients import Clients, connected, staff_token
from libs.cli.console import out
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.program import Program
from libs.common.texts import LOCALES, Locale

app = typer.Typer(no_args_is_help=True, help="Say why a tier is held, what reaches another, what keeps it.")
ROLES = ("compliance_officer",)
MemberArgument = Annotated[
    str, typer.Argument(metavar="MEMBER", help="Id of the member: mem_…", show_default=False)
]
LadderOption = Annotated[str, typer.Option("--ladder", help="Key of the tier set; all without it.")]
LanguageOption = Annotated[Locale, typer.Option("--language", help="Of names and sentences.")]


@dataclass(frozen=True)
class Desk:
    """Who may see all members of a program, and its live version."""

    clients: Clients
    program: Program


@asynccontextmanager
async def _desk(data_dir: DataDirOption, program: str) -> AsyncIterator[Desk]:
    run = running_platform(data_dir)
    async with connected(run, staff_token(run, program, ROLES)) as clients:
        yield Desk(clients, await programs.live_program(clients, program))


@app.command("decision")
def decision(
    decision_id: Annotated[
        str, typer.Argument(metavar="DECISION", help="Id of the decision: dec_…", show_default=False)
    ],
    language: LanguageOption = "en",
    as_json: JsonOption = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print a decision: why, each condition as it was found, and whether it comes out the same again."""

    async def done() -> None:
        async with _desk(data_dir, program) as desk:
            found, replay = await explaining.decision(desk.clients, program, decision_id)
            if as_json:
                reasons = {each: explain_view.reasons(desk.program, found.receipt, each) for each in LOCALES}
                _print({"decision": _json(found), "reasons": reasons, "replay": _json(replay)})
            else:
                _show(explain_view.of_decision(desk.program, found, replay, language))

    asyncio.run(done())


@app.command("paths")
def paths(
    member: MemberArgument,
    tier: Annotated[str, typer.Option(help="Key of the tier; the next one above without it.")] = "",
    by: Annotated[str, typer.Option(help="A day or a time; 90 days from now without it.")] = "",
    ladder: LadderOption = "",
    language: LanguageOption = "en",
    as_json: JsonOption = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print the cheapest things that a member may do to reach a tier, and what cannot be done."""

    async def done() -> None:
        async with _desk(data_dir, program) as desk:
            time = clocks.point(by, desk.program.time_zone, option="--by") if by else None
            ladders = explaining.ladders(desk.program, tier_set=ladder, tier=tier)
            found = {
                each.key: await explaining.paths(
                    desk.clients, program, member, each.key, target=tier, by=time
                )
                for each in ladders
            }
            if as_json:
                _print(
                    {
                        key: None if each is None else {**_json(each), "texts": _texts(desk, each.found)}
                        for key, each in found.items()
                    }
                )
                return
            for each in ladders:
                answer = found[each.key]
                if answer is None:
                    out.print(f"There is no tier above on {each.key}: the highest is held.", style="green")
                else:
                    _show(explain_view.of_paths(desk.program, each, answer, language))

    asyncio.run(done())


@app.command("keeping")
def keeping(
    member: MemberArgument,
    ladder: LadderOption = "",
    language: LanguageOption = "en",
    as_json: JsonOption = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print what keeps the tier of a member at its review, and what stops counting until then."""

    async def done() -> None:
        async with _desk(data_dir, program) as desk:
            ladders = explaining.ladders(desk.program, tier_set=ladder)
            found = {
                each.key: await explaining.keeping(desk.clients, program, member, each.key)
                for each in ladders
            }
            if as_json:
                _print(
                    {key: {**_json(kept), "texts": _texts(desk, kept.found)} for key, kept in found.items()}
                )
                return
            for each in ladders:
                _show(explain_view.of_keeping(desk.program, each, found[each.key], language))

    asyncio.run(done())


@app.command("order")
def order(
    member: MemberArgument,
    amount: Annotated[
        str, typer.Argument(metavar="AMOUNT", help="What it costs, such as 199.90.", show_default=False)
    ],
    store: Annotated[str, typer.Option(help="Store where it would be bought.")] = "",
    at: Annotated[str, typer.Option(help="A day or a time; now, by the program's clock, without it.")] = "",
    language: LanguageOption = "en",
    as_json: JsonOption = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print what a purchase would earn and what tier it would bring, without making it."""

    async def done() -> None:
        async with _desk(data_dir, program) as desk:
            minor = explaining.amount_minor(amount, desk.program.currency)
            time = clocks.point(at, desk.program.time_zone, option="--at") if at else None
            found = await explaining.order(desk.clients, program, member, minor, store_id=store, at=time)
            if as_json:
                _print(_json(found))
            else:
                _show(explain_view.of_order(desk.program, found, language))

    asyncio.run(done())


def _texts(desk: Desk, found: Any) -> Any:
    return explain_view.texts_of(found, desk.program)


def _show(shown: explain_view.Shown) -> None:
    for each in shown:
        out.print(each, highlight=False)


def _print(told: dict[str, Any]) -> None:
    print(json.dumps(told, ensure_ascii=False))  # noqa: T201 - for programs, so without colours


def _json(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
