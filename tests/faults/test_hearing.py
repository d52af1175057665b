"""Clients know of an error whether nothing was done, or that they do not know."""

import grpc
import httpx
import pytest
from google.rpc import status_pb2
from grpc_status import rpc_status

from libs.common.errors import IdempotencyKeyReused, Overloaded, Refusal, Unavailable
from libs.common.rpc.errors import refusal_status
from tests.faults.history import Outcome
from tests.faults.operations.hearing import GraphRefused, heard, may_pass


def an_error(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """What a call raises that ends with this status."""
    rich = rpc_status.to_status(status)
    trailing = grpc.aio.Metadata(*(rich.trailing_metadata or ()))
    return grpc.aio.AioRpcError(rich.code, grpc.aio.Metadata(), trailing, details=rich.details)


def bare(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    """What gRPC raises by itself."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())


@pytest.mark.parametrize(
    ("error", "outcome", "again"),
    [
        (an_error(refusal_status(IdempotencyKeyReused())), "fail", False),
        (an_error(refusal_status(Overloaded())), "fail", True),
        (an_error(refusal_status(Unavailable())), "info", True),
        (bare(grpc.StatusCode.RESOURCE_EXHAUSTED), "info", True),
        (bare(grpc.StatusCode.DEADLINE_EXCEEDED), "info", True),
        (bare(grpc.StatusCode.INTERNAL), "info", True),
        (bare(grpc.StatusCode.FAILED_PRECONDITION), "fail", False),
        (GraphRefused(IdempotencyKeyReused.reason), "fail", False),
        (GraphRefused(Overloaded.reason), "info", True),
        (httpx.ReadTimeout("late"), "info", True),
    ],
    ids=lambda each: str(each) if isinstance(each, str | bool) else type(each).__name__,
)
def test_only_what_is_certain_is_a_failure(error: Exception, outcome: Outcome, again: bool) -> None:
    completion = heard(error)

    assert (completion.outcome, may_pass(completion)) == (outcome, again)


@pytest.mark.parametrize("defect", [ValueError("ours"), Refusal("ours")])
def test_a_defect_of_the_clients_is_no_answer(defect: Exception) -> None:
    with pytest.raises(type(defect)):
        heard(defect)


def test_the_reason_is_kept_beside_the_code() -> None:
    assert heard(an_error(refusal_status(Overloaded()))).code == "RESOURCE_EXHAUSTED OVERLOADED"
