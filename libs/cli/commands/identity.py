"""`laurel rotate-keys` and `laurel revoke`: tokens get a new key, and somebody loses what they were given."""

import time
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from libs.cli import revoking, rotation
from libs.cli.console import out
from libs.cli.data_folder import DataFolder
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, ProgramOption
from libs.common import clock
from libs.common.revocations import RevokedSubject, RevokedToken


class Kind(StrEnum):
    """Who can be revoked."""

    MEMBER = "member"
    PARTNER = "partner"
    STAFF = "staff"
    SERVICE = "service"
    OPERATOR = "operator"


OF_NO_PROGRAM = {Kind.SERVICE, Kind.OPERATOR}


def rotate_keys(data_dir: DataDirOption = DATA_DIR) -> None:
    """Sign tokens with a new key; those of the last one stay good until they expire."""
    key_id = rotation.rotate(DataFolder(data_dir), wait=time.sleep)
    out.print(f"Tokens are signed with the key {key_id} from now on.", highlight=False)


def revoke(
    *,
    jti: Annotated[str | None, typer.Option(help="The token of this id.")] = None,
    subject: Annotated[str | None, typer.Option(help="All that this subject was given so far.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What the subject is.")] = None,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Take back one token, or all tokens and certificates of somebody; services know it within seconds."""
    # What is issued within one second cannot be told apart.
    before = clock.now().replace(microsecond=0) + timedelta(seconds=1)
    revoking.revoke(DataFolder(data_dir), _revoked(jti, subject, kind, program, before))
    time.sleep(max(0, (before - clock.now()).total_seconds()))
    out.print("Revoked.")


def _revoked(
    jti: str | None, subject: str | None, kind: Kind | None, program: str, before: datetime
) -> RevokedToken | RevokedSubject:
    match jti, subject, kind:
        case str(), None, None if jti:
            return RevokedToken(jti=jti)
        case None, str(), Kind() if subject:
            program_id = None if kind in OF_NO_PROGRAM else program
            return RevokedSubject(
                subject=subject, kind=kind.value, program_id=program_id, issued_before=before
            )
    raise CommandError("Say what to revoke: --jti, or --subject with --kind.")
