"""`laurel tier`: give a member a tier by hand, and let rules decide again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from google.protobuf.json_format import MessageToDict

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.cli import clocks, programs, tiers
from libs.cli.clients import STAFF, Clients, connected, staff_token
from libs.cli.console import err, out
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform

app = typer.Typer(no_args_is_help=True, help="Give members tiers by hand, for a reason and a time.")
T = TypeVar("T")
MANAGER, OFFICER = "operations_manager", "compliance_officer"
Reason = StrEnum(  # type: ignore[misc]
    "Reason", {name: name.removeprefix(tiers.REASON).lower() for name in pb.TierOverrideReason.keys()[1:]}
)
MemberArgument = Annotated[
    str, typer.Argument(metavar="MEMBER", help="Id of the member, mem_….", show_default=False)
]
OverrideArgument = Annotated[
    str, typer.Argument(metavar="OVERRIDE", help="Id of the override, ovr_….", show_default=False)
]
WhyOption = Annotated[
    str, typer.Option("--why", help="Why, for who looks later; no personal data.", show_default=False)
]
AsOption = Annotated[str, typer.Option("--as", help="Who does it: it takes two to give a tier.")]


@app.command("override")
def override(
    member: MemberArgument,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="Key of the tier.", show_default=False)],
    reason: Annotated[Reason, typer.Option(help="Why, as the member is told.", show_default=False)],
    why: WhyOption,
    until: Annotated[
        str | None, typer.Option(help="A day or a time, by the program; without end when left out.")
    ] = None,
    tier_set: Annotated[str, typer.Option("--tier-set", help="Key of the tier set.")] = "main",
    decision: Annotated[str, typer.Option(help="The decision that it is about, such as in an appeal.")] = "",
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Give a member a tier, whatever rules give; unless it is lower, somebody else approves it first."""

    async def done(clients: Clients) -> pb.TierOverride:
        zone = (await clocks.clock(clients, program)).time_zone
        return await tiers.override(
            clients,
            program,
            member,
            tier,
            tier_set=tier_set,
            until=None if until is None else clocks.point(until, zone, option="--until"),
            reason=reason.value,
            explanation=why,
            decision_id=decision,
        )

    made = _asked(data_dir, program, [MANAGER], who, done)
    _say(made)
    if made.state == pb.TIER_OVERRIDE_STATE_PENDING:
        err.print(f"Somebody else approves it: laurel tier approve {made.override_id} --program {program}")


@app.command("approve")
def approve(
    override_id: OverrideArgument,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Approve a tier that somebody else gives, and apply it."""
    _say(_asked(data_dir, program, [OFFICER], who, lambda each: tiers.approve(each, program, override_id)))


@app.command("restore")
def restore(
    override_id: OverrideArgument,
    why: WhyOption,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """End an override before its time, so that rules decide again; one that waits is rejected."""
    _say(_asked(data_dir, program, [MANAGER], who, lambda each: tiers.end(each, program, override_id, why)))


@app.command("list")
def list_(
    member: Annotated[str, typer.Option(help="Of this member alone.")] = "",
    pending: Annotated[bool, typer.Option("--pending", help="Those alone that wait.")] = False,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print the latest hundred tiers that staff gave by hand, or asked for."""
    found = _asked(
        data_dir, program, [OFFICER], STAFF, lambda each: tiers.listed(each, program, member, pending=pending)
    )
    if as_json:
        listed = [MessageToDict(each, preserving_proto_field_name=True) for each in found]
        print(json.dumps(listed))  # noqa: T201 - for programs, so without colours
    elif found:
        out.print(tiers.table(found))
    else:
        err.print("There is none.")


def _asked(
    data_dir: DataDirOption,
    program: str,
    roles: Sequence[str],
    who: str,
    done: Callable[[Clients], Awaitable[T]],
) -> T:
    """What somebody of the staff does at a program that there is."""

    async def asked() -> T:
        run = running_platform(data_dir)
        async with connected(run, staff_token(run, program, roles, subject=who)) as clients:
            await programs.live(clients, program)
            return await done(clients)

    return asyncio.run(asked())


def _say(override: pb.TierOverride) -> None:
    out.print(
        f"{override.override_id}: {override.tier} for {override.member_id}, {tiers.state(override)}",
        markup=False,
        highlight=False,
    )
