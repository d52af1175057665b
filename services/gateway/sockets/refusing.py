"""What a subscription says when something goes wrong: the same errors as an answer by HTTP."""

from collections.abc import Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError
from strawberry.types.execution import ExecutionResult as Result

from libs.common.errors import Refusal
from services.gateway.admission.gate import NotExecuted
from services.gateway.answers import refusal_error, unexecuted_errors
from services.gateway.errors import mask
from services.gateway.sockets.events import Failed


def told(found: ExecutionResult | Exception, request_id: str) -> dict[str, Any]:
    """A result, or an error as one, with the codes that clients know."""
    result = Result(data=None, errors=None)
    match found:
        case ExecutionResult() | Failed(result=ExecutionResult()):
            answer = found.result if isinstance(found, Failed) else found
            result = Result(data=answer.data, errors=answer.errors)
        case NotExecuted():
            return {"errors": _formatted(unexecuted_errors(found, request_id))}
        case Refusal():
            return {"errors": _formatted([refusal_error(found, request_id)])}
        case _:
            result.errors = [GraphQLError("", original_error=found)]
    mask(result, request_id)
    errors = {"errors": _formatted(result.errors)} if result.errors else {}
    return {"data": result.data, **errors}


def code_of(errors: Sequence[Any]) -> str:
    """The code of the first error."""
    return str(errors[0]["extensions"]["code"])


def _formatted(errors: Sequence[GraphQLError]) -> list[Any]:
    return [error.formatted for error in errors]
