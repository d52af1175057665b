"""Identities that were revoked before their end: single tokens, and all that somebody had before a time."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from libs.common.caller import PrincipalKind

RevokedKind = PrincipalKind | Literal["operator"]
Name = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RevokedToken(_Strict):
    """One token, by its id."""

    jti: Name


class RevokedSubject(_Strict):
    """All tokens and certificates of somebody from before a time; `program_id` narrows it to one program."""

    subject: Name
    kind: RevokedKind
    program_id: Name | None = None
    issued_before: AwareDatetime


class RevocationList(_Strict):
    """The document."""

    revoked: tuple[RevokedToken | RevokedSubject, ...] = ()


class Revocations:
    """What was revoked, by whom it concerns."""

    def __init__(self, revoked: Iterable[RevokedToken | RevokedSubject] = ()) -> None:
        self._tokens: set[str] = set()
        self._subjects: dict[tuple[str, str], list[RevokedSubject]] = defaultdict(list)
        for each in revoked:
            if isinstance(each, RevokedToken):
                self._tokens.add(each.jti)
            else:
                self._subjects[each.kind, each.subject].append(each)

    def cover(
        self, kind: str, subject: str, program_id: str | None, *, issued: datetime, jti: str = ""
    ) -> bool:
        """Whether what somebody was issued then is revoked."""
        return jti in self._tokens or any(
            each.program_id in {None, program_id} and issued < each.issued_before
            for each in self._subjects.get((kind, subject), ())
        )


def parse_revocations(content: bytes) -> Revocations:
    """The revocations of a document, or ValueError."""
    try:
        return Revocations(RevocationList.model_validate(json.loads(content)).revoked)
    except ValidationError as error:
        raise ValueError(f"is no list of revocations: {error}") from error
