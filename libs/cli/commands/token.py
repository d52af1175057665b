"""`laurel token`: a bearer token for development, signed by the platform's own key."""

import asyncio
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2
from libs.cli import programs
from libs.cli.clients import STAFF, TOKEN_TTL, connected, signer, staff_token
from libs.cli.console import err
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, ProgramOption, running_platform
from libs.common import clock
from libs.common.caller import PrincipalKind

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Role(StrEnum):
    """The six staff roles, from the least to the most that they may do."""

    ANALYST = "analyst"
    CONSULTANT = "consultant"
    STORE_MANAGER = "store_manager"
    OPERATIONS_MANAGER = "operations_manager"
    COMPLIANCE_OFFICER = "compliance_officer"
    SYSTEM_ADMINISTRATOR = "system_administrator"


def token(
    *,
    role: Annotated[Role | None, typer.Option(help="For staff of this role.")] = None,
    member: Annotated[str | None, typer.Option(help="For the member of this id.")] = None,
    partner: Annotated[str | None, typer.Option(help="For the partner of this key.")] = None,
    store: Annotated[list[str] | None, typer.Option(help="A store of the staff; may be repeated.")] = None,
    sharing_group: Annotated[
        list[str] | None, typer.Option(help="A group of stores that share members; may be repeated.")
    ] = None,
    program: ProgramOption = PROGRAM,
    ttl: Annotated[str, typer.Option(help="How long it is good, such as 12h or 15m.")] = "12h",
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print a token for staff, for a member or for a partner of a program."""
    subject, kind = _principal(role, member, partner)
    if kind != "staff" and (store or sharing_group):
        raise CommandError("--store and --sharing-group say where staff work: they need --role.")
    run = running_platform(data_dir)
    sign = signer(run)
    asyncio.run(_require(run, program, member))
    text = sign.token(
        subject,
        kind,
        now=clock.now(),
        ttl=_duration(ttl),
        program_id=program,
        roles=[role.value] if role else [],
        stores=store or [],
        sharing_groups=sharing_group or [],
    )
    if role in {Role.CONSULTANT, Role.STORE_MANAGER} and not (store or sharing_group):
        err.print(f"Without --store a {role} sees no member: add the stores where they work.")
    typer.echo(text)


async def _require(run: RunFile, program_id: str, member_id: str | None) -> None:
    """Refuse a program and a member that are not there; partners are known by their certificates alone."""
    async with connected(run, staff_token(run, program_id)) as clients:
        await programs.live(clients, program_id)
        if member_id is None:
            return
        members = await clients.members.BatchGetMembers(
            members_pb2.BatchGetMembersRequest(program_id=program_id, member_ids=[member_id])
        )
        if members.results[0].status != lookup_pb2.LOOKUP_STATUS_FOUND:
            raise CommandError(f"{program_id} has no member {member_id}.")


def _principal(role: Role | None, member: str | None, partner: str | None) -> tuple[str, PrincipalKind]:
    match role, member, partner:
        case Role(), None, None:
            return STAFF, "staff"
        case None, str(), None:
            return member, "member"
        case None, None, str():
            return partner, "partner"
    raise CommandError("Say for whom the token is: one of --role, --member and --partner.")


def _duration(text: str) -> timedelta:
    parts = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if parts is None:
        raise CommandError(f"--ttl {text}: expected a number with s, m, h or d, such as 12h.")
    length = timedelta(**{UNITS[parts[2]]: int(parts[1])})
    if length > TOKEN_TTL:
        raise CommandError(f"--ttl {text}: no service takes a token that lives longer than 12h.")
    return length
