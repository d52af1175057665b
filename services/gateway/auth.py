"""Who is asking: the bearer token of a request, verified, and its program."""

from starlette.requests import Request

from libs.common.caller import Principal
from libs.common.errors import Forbidden, Unauthenticated
from libs.common.tokens import TokenVerifier


def authenticate(request: Request, verifier: TokenVerifier) -> Principal:
    """The principal of a request, or Unauthenticated."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return verifier.principal(token.strip())


def program_of(principal: Principal) -> str:
    """The program whose graph this principal sees; tokens of no program see none."""
    if principal.program_id is None:
        raise Forbidden("the token names no program, and the graph is one program's")
    return principal.program_id
