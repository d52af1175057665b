"""How long requests take, by what they ask and how they end."""

from collections.abc import Iterator

from prometheus_client import Histogram
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionResult, PreExecutionError

REQUEST_SECONDS = Histogram(
    "laurel_graphql_request_seconds",
    "Time to answer a request, by type of the operation and outcome.",
    ["operation", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class OperationNoted(SchemaExtension):
    """Tells the request which type of operation it became, once that is known."""

    def on_execute(self) -> Iterator[None]:
        self.execution_context.context.operation = self.execution_context.operation_type.value
        yield


def outcome_of(result: ExecutionResult) -> str:
    """How a request ended: `partial` when parts of the answer failed, `invalid` when it was not executed."""
    if isinstance(result, PreExecutionError):
        return "invalid"
    if not result.errors:
        return "ok"
    return "failed" if result.data is None else "partial"
