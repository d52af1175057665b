"""Who is calling, and what they were granted: known to everything that the call runs."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from libs.common.errors import ProgramUnknown

PrincipalKind = Literal["member", "partner", "service", "staff"]
Scope = Literal["self", "store", "group", "program", "all"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified identity. `token` goes with calls that are made on its behalf."""

    subject: str
    kind: PrincipalKind
    program_id: str | None
    roles: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    sharing_groups: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    def may_know(self, program_id: str) -> bool:
        """Whether this is the principal's own program; services work for all."""
        return self.kind == "service" or self.program_id == program_id

    def require_program(self, program_id: str) -> None:
        """Refuse another program's id as if there were no such program."""
        if not self.may_know(program_id):
            raise ProgramUnknown(program_id=program_id)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the policy table lets a principal do: whose records they reach, and which fields come masked."""

    scope: Scope
    mask: tuple[str, ...] = ()


_principal: ContextVar[Principal] = ContextVar("principal")
_grant: ContextVar[Grant] = ContextVar("grant")


def caller() -> Principal:
    """The principal of the call that is being served."""
    return _principal.get()


def known_caller() -> Principal | None:
    """The principal of the call that is being served, or None before it is known who that is."""
    return _principal.get(None)


def set_caller(principal: Principal) -> None:
    """Say whose call this task serves."""
    _principal.set(principal)


def granted() -> Grant:
    """What the caller was granted for the call that is being served."""
    return _grant.get()


def set_granted(grant: Grant) -> None:
    """Say what the call that this task serves was granted."""
    _grant.set(grant)
