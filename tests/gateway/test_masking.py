"""What an error that the graph did not expect shows of us: nothing."""

import pytest
from graphql import GraphQLError
from strawberry.types import ExecutionResult

from services.gateway.errors import mask

SECRET = "mongodb://laurel:secret@host"


def shown(error: GraphQLError) -> GraphQLError:
    result = ExecutionResult(data=None, errors=[error])
    mask(result, "req_1")
    assert result.errors is not None
    return result.errors[0]


@pytest.mark.parametrize("path", [None, ["member"]], ids=["nowhere", "at a field"])
def test_a_defect_is_masked_wherever_it_happens(path: list[str | int] | None) -> None:
    error = shown(GraphQLError(SECRET, path=path, original_error=ValueError(SECRET)))

    assert error.extensions == {"code": "INTERNAL", "requestId": "req_1"}
    assert SECRET not in error.message


def test_what_the_library_says_of_a_variable_is_shown() -> None:
    error = shown(GraphQLError("Variable '$n' got invalid value 'x'."))

    assert (error.extensions or {})["code"] == "BAD_USER_INPUT"
    assert error.message == "Variable '$n' got invalid value 'x'."
