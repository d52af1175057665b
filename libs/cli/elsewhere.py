"""A platform that others run, as Kubernetes does: `platform.json` in a data folder says where it is.

Such a folder has no processes and no lock. Beside the file are the operator's
certificate (`tls/operator.pem`, `.key`, `tls/ca.pem`), `keys/audit_keys.json`,
and a token of staff from the identity provider; in development, where there is
no provider, the key that signs instead.
"""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from libs.cli.errors import CommandError

FILE_NAME = "platform.json"
SERVICES = frozenset({"members", "benefits", "risk", "scoring"})


class Elsewhere(BaseModel):
    """Where the parts of a platform are, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: dict[str, str]
    gateway_url: str
    # A token of staff, kept fresh by others; without, tokens are signed by the folder's own key.
    token_file: Path | None = None

    @model_validator(mode="after")
    def _all_services(self) -> Self:
        if missing := SERVICES - self.addresses.keys():
            raise ValueError(f"addresses lacks {', '.join(sorted(missing))}")
        return self


def read_elsewhere(folder: Path) -> Elsewhere | None:
    """What a folder says of a platform elsewhere; None where it says nothing."""
    file = folder / FILE_NAME
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Elsewhere.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CommandError(f"{file} is no description of a platform: {where} {first['msg']}") from error
