"""Everybody who may knock: each kind of principal, each staff role, and nobody."""

from collections.abc import Sequence

from libs.common.caller import Principal, PrincipalKind
from libs.common.policy import PRINCIPALS, ROLES
from tests.support.builders import PROGRAM

ANONYMOUS = "anonymous"
EVERYBODY = (*PRINCIPALS, ANONYMOUS)
STORE, SHARING_GROUP = "online", "east"


def kind_of(name: str) -> PrincipalKind:
    """The kind of a principal of the table."""
    match name:
        case "member" | "partner" | "service":
            return name
    assert name in ROLES
    return "staff"


def roles_of(name: str) -> Sequence[str]:
    return (name,) if name in ROLES else ()


def principal_of(name: str, subject: str) -> Principal:
    """The principal as a verified token of theirs tells it."""
    kind = kind_of(name)
    program_id = None if kind == "service" else PROGRAM
    return Principal(subject, kind, program_id, tuple(roles_of(name)), (STORE,), (SHARING_GROUP,))
