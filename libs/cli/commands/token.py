"""`laurel token`: a bearer token for development, signed by the platform's own key."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from libs.cli.clients import STAFF, signer
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, ProgramOption, running_platform
from libs.common import clock
from libs.common.caller import PrincipalKind

UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


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
    text = signer(running_platform(data_dir)).token(
        subject,
        kind,
        now=clock.now(),
        ttl=_duration(ttl),
        program_id=program,
        roles=[role.value] if role else [],
        stores=store or [],
        sharing_groups=sharing_group or [],
    )
    typer.echo(text)


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
    parts = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if parts is None:
        raise CommandError(f"--ttl {text}: expected a number with s, m or h, such as 12h.")
    return timedelta(**{UNITS[parts[2]]: int(parts[1])})
