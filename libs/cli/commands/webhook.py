"""`laurel webhook`: where notices are sent to, what became of them, and sending them again."""

import asyncio
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.markup import escape
from rich.table import Table

from laurel.benefits.v1 import notices_pb2 as pb
from libs.cli import webhooks
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.rpc.time import moment

app = typer.Typer(no_args_is_help=True, help="Send notices to an https address, and see what became of it.")
Code = StrEnum(  # type: ignore[misc]
    "Code", {name: name.removeprefix("NOTICE_CODE_").lower() for name in pb.NoticeCode.keys()[1:]}
)
EndpointArgument = Annotated[
    str, typer.Argument(metavar="ENDPOINT", help="Id of the endpoint, or its beginning.", show_default=False)
]
CodesOption = Annotated[
    list[Code] | None,
    typer.Option("--code", help="Send these notices only; may be repeated. Everything without it."),
]
MOMENT = "%m-%d %H:%M:%S"
DeadOption = Annotated[bool, typer.Option("--dead", help="Only those that were given up.")]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="https, a public host.", show_default=False)],
    code: CodesOption = None,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Add an endpoint, and print the secret that its deliveries are signed with."""
    asyncio.run(_add(running_platform(data_dir), program, url, code or []))


async def _add(run: RunFile, program: str, url: str, codes: Sequence[Code]) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        made = await webhooks.add(clients, program, url, [each.name for each in codes])
    err.print(f"endpoint {made.endpoint.endpoint_id} is sent {_codes(made.endpoint)} from now on.")
    _tell_secret(made.secret)


@app.command("list")
def list_(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Print the endpoints of a program, with what waits there and what was given up."""
    found = asyncio.run(_endpoints(running_platform(data_dir), program))
    if as_json:
        _print_json(found)
    else:
        _show_endpoints(program, found)


async def _endpoints(run: RunFile, program: str) -> list[pb.WebhookEndpoint]:
    async with connected(run, staff_token(run, program)) as clients:
        return await webhooks.endpoints(clients, program)


def _show_endpoints(program: str, found: Sequence[pb.WebhookEndpoint]) -> None:
    if not found:
        err.print(f"{program} has no endpoints: add one with `laurel webhook add https://…`.")
        return
    table = Table(title="Webhook endpoints", title_justify="left")
    table.add_column("endpoint, url", overflow="fold", min_width=36)
    table.add_column("is sent", overflow="fold", max_width=24)
    table.add_column("state", no_wrap=True)
    for each in found:
        state = "on" if each.enabled else "stopped"
        counts = f"{each.waiting_count} waiting\n{each.dead_count} given up"
        table.add_row(f"{each.endpoint_id}\n{escape(each.url)}", _codes(each), f"{state}\n{counts}")
    out.print(table)
    for each in found:
        if not each.enabled:
            err.print(f"{each.endpoint_id} is stopped: `laurel webhook resume {each.endpoint_id}`.")
        elif each.dead_count:
            err.print(
                f"{each.endpoint_id} did not take {each.dead_count}: see `laurel webhook log --dead`, then "
                f"`laurel webhook replay {each.endpoint_id}`."
            )


@app.command("stop")
def stop(
    endpoint: EndpointArgument, program: ProgramOption = PROGRAM, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Send nothing more to an endpoint; what waits is kept, what happens meanwhile is not sent to it."""
    asyncio.run(_switch(running_platform(data_dir), program, endpoint, enabled=False))


@app.command("resume")
def resume(
    endpoint: EndpointArgument, program: ProgramOption = PROGRAM, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Send to an endpoint again, what waited first."""
    asyncio.run(_switch(running_platform(data_dir), program, endpoint, enabled=True))


async def _switch(run: RunFile, program: str, named: str, *, enabled: bool) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        endpoint = await webhooks.endpoint(clients, program, named)
        changed = await webhooks.change(clients, program, endpoint, enabled=enabled)
    state = "on" if changed.enabled else "stopped"
    out.print(f"endpoint {changed.endpoint_id} is {state}, {changed.waiting_count} deliveries wait")


@app.command("move")
def move(
    endpoint: EndpointArgument,
    url: Annotated[str, typer.Argument(help="https, a public host.", show_default=False)],
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send to another address from now on, by the same secret, what waits included."""
    asyncio.run(_move(running_platform(data_dir), program, endpoint, url))


async def _move(run: RunFile, program: str, named: str, url: str) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        endpoint = await webhooks.endpoint(clients, program, named)
        changed = await webhooks.change(clients, program, endpoint, enabled=endpoint.enabled, url=url)
    out.print(f"endpoint {changed.endpoint_id} is at {escape(changed.url)}")


@app.command("rotate")
def rotate(
    endpoint: EndpointArgument, program: ProgramOption = PROGRAM, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Give an endpoint a new secret; for a day deliveries are signed by the old one, too."""
    asyncio.run(_rotate(running_platform(data_dir), program, endpoint))


async def _rotate(run: RunFile, program: str, named: str) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        endpoint = await webhooks.endpoint(clients, program, named)
        rotated = await webhooks.rotate(clients, program, endpoint)
    until = f"{moment(rotated.old_until_time):%Y-%m-%d %H:%M} UTC"
    err.print(
        f"endpoint {endpoint.endpoint_id}: the old secret verifies until {until}; bring out the new one."
    )
    _tell_secret(rotated.secret)


@app.command("log")
def log(
    endpoint: Annotated[str, typer.Argument(metavar="[ENDPOINT]", help="Only of this endpoint.")] = "",
    dead: DeadOption = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Show at most so many.")] = 50,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print what was sent, the latest first, and what came of the last attempt."""
    found = asyncio.run(_deliveries(running_platform(data_dir), program, endpoint, dead=dead, limit=limit))
    if as_json:
        _print_json(found)
    else:
        _show_deliveries(found, dead=dead)


async def _deliveries(
    run: RunFile, program: str, named: str, *, dead: bool, limit: int
) -> list[pb.WebhookDelivery]:
    async with connected(run, staff_token(run, program)) as clients:
        endpoint_id = (await webhooks.endpoint(clients, program, named)).endpoint_id if named else ""
        return await webhooks.deliveries(clients, program, endpoint_id, dead=dead, limit=limit)


def _show_deliveries(found: Sequence[pb.WebhookDelivery], *, dead: bool) -> None:
    if not found:
        err.print("Nothing was given up." if dead else "Nothing was sent yet.")
        return
    table = Table(title="Webhook deliveries", title_justify="left")
    table.add_column("delivery, member", no_wrap=True)
    table.add_column("made, next attempt", no_wrap=True)
    table.add_column("what came of it")
    for each in found:
        table.add_row(*_row(each))
    out.print(table)


def _row(delivery: pb.WebhookDelivery) -> tuple[str, ...]:
    waits = delivery.HasField("next_attempt_time")
    dead = delivery.status == pb.DELIVERY_STATUS_DEAD
    status = "given up" if dead else webhooks.status_of(delivery)
    return (
        f"{delivery.delivery_id}\n{delivery.member_id}",
        f"{moment(delivery.created_time):{MOMENT}}\n"
        + (f"{moment(delivery.next_attempt_time):{MOMENT}}" if waits else ""),
        f"{status}, {len(delivery.attempts)} tried\n"
        + (_came_of(delivery.attempts[-1]) if delivery.attempts else ""),
    )


def _came_of(attempt: pb.DeliveryAttempt) -> str:
    told = " ".join(each for each in (str(attempt.http_status or ""), attempt.failure) if each)
    return f"{told} in {attempt.duration_ms} ms"


@app.command("replay")
def replay(
    endpoint: EndpointArgument,
    delivery: Annotated[
        list[str] | None, typer.Option("--delivery", help="This delivery; may be repeated.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="All that were given up, as without --delivery.")
    ] = False,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send again what was given up, or single deliveries, under the ids that they had."""
    if dead and delivery:
        raise CommandError("Say one of --dead and --delivery.")
    asyncio.run(_replay(running_platform(data_dir), program, endpoint, delivery or []))


async def _replay(run: RunFile, program: str, named: str, delivery_ids: Sequence[str]) -> None:
    async with connected(run, staff_token(run, program)) as clients:
        endpoint = await webhooks.endpoint(clients, program, named)
        count = await webhooks.replay(clients, program, endpoint, delivery_ids)
    out.print(f"{count} deliveries are sent again")
    if not endpoint.enabled:
        err.print(f"They wait until it is resumed: `laurel webhook resume {endpoint.endpoint_id}`.")


def _print_json(found: Sequence[Message]) -> None:
    listed = [
        MessageToDict(each, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        for each in found
    ]
    print(json.dumps(listed))  # noqa: T201 - for programs, so without colours


def _codes(endpoint: pb.WebhookEndpoint) -> str:
    return ", ".join(Code[pb.NoticeCode.Name(code)].value for code in endpoint.codes) or "everything"


def _tell_secret(secret: str) -> None:
    """The secret alone goes to standard output, so that it can be taken into a file."""
    err.print(
        "Its receiver verifies with the secret below, which is shown this once: docs/webhooks.md says how."
    )
    out.print(secret, markup=False, highlight=False)
