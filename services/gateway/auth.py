"""Who is asking: the bearer token of a request, verified, and its program."""

from starlette.requests import Request

from libs.common.caller import Principal
from libs.common.errors import Forbidden, Unauthenticated
from libs.common.tokens import TokenVerifier, bearer


def authenticate(request: Request, verifier: TokenVerifier) -> Principal:
    """The principal of a request, or Unauthenticated."""
    token = bearer(request.headers.getlist("authorization"))
    if token is None:
        raise Unauthenticated
    return verifier.principal(token)


def program_of(principal: Principal) -> str:
    """The program whose graph this principal sees; tokens of no program see none."""
    if principal.program_id is None:
        raise Forbidden("the token names no program, and the graph is one program's")
    return principal.program_id
