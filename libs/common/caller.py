"""Who is calling: the principal of the token, known to everything that the call runs."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from libs.common.errors import ProgramUnknown

PrincipalKind = Literal["member", "partner", "service", "staff"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified identity. `token` goes with calls that are made on its behalf."""

    subject: str
    kind: PrincipalKind
    program_id: str | None
    roles: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    def may_know(self, program_id: str) -> bool:
        """Whether this is the principal's own program; services work for all."""
        return self.kind == "service" or self.program_id == program_id

    def require_program(self, program_id: str) -> None:
        """Refuse another program's id as if there were no such program."""
        if not self.may_know(program_id):
            raise ProgramUnknown(program_id=program_id)


_principal: ContextVar[Principal] = ContextVar("principal")


def caller() -> Principal:
    """The principal of the call that is being served."""
    return _principal.get()


def set_caller(principal: Principal) -> None:
    """Say whose call this task serves."""
    _principal.set(principal)
