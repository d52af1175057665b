"""How a partner calls: mutual TLS, a deadline for every call, and another attempt where that may help."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from laurel.benefits.v1.benefits_pb2_grpc import BenefitsServiceStub
from laurel.members.v1.members_pb2_grpc import MembersServiceStub

# What may pass by itself. Any other failure would come again for the same request.
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}
ATTEMPTS_MAX = 8
BACKOFF_SECONDS = 0.2
BACKOFF_SECONDS_MAX = 5.0
ASKED_SECONDS_MAX = 60.0

Answer = TypeVar("Answer", bound=Message)


class Failure(Exception):
    """A call that came to nothing: its code, Laurel's reason and facts, and how long we are asked to wait."""

    def __init__(self, method: str, error: Any) -> None:
        self.code: grpc.StatusCode = error.code()
        self.reason, self.asked_seconds = self.code.name, 0.0
        facts: dict[str, str] = {}
        info, delay = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in _status(error).details:
            if detail.Unpack(info):
                self.reason, facts = info.reason, dict(info.metadata)
            elif detail.Unpack(delay):
                self.asked_seconds = delay.retry_delay.ToMilliseconds() / 1000
        told = f"{method}: {self.reason} ({self.code.name}) {error.details()} {facts or ''}"
        super().__init__(told.strip())


@dataclass(frozen=True, slots=True)
class Laurel:
    """The services, for one program."""

    program: str
    members: MembersServiceStub
    benefits: BenefitsServiceStub
    deadline_seconds: float

    def call(self, method: Callable[..., Answer], request: Message) -> Answer:
        """The answer to a request. A write that is sent again has the same request_id, and so counts once."""
        name = request.DESCRIPTOR.name.removesuffix("Request")
        attempt = 1
        while True:
            try:
                return method(request, timeout=self.deadline_seconds)
            except grpc.RpcError as error:
                failure = Failure(name, error)
                last = attempt == ATTEMPTS_MAX or failure.asked_seconds > ASKED_SECONDS_MAX
                if failure.code not in PASSING or last:
                    raise failure from error
            pause = failure.asked_seconds + random.uniform(0, _backoff(attempt))
            attempt += 1
            print(f"{failure}; attempt {attempt} of {ATTEMPTS_MAX} in {pause:.1f} s", file=sys.stderr)
            time.sleep(pause)


@contextmanager
def connected(
    program: str, *, members: str, benefits: str, ca: Path, cert: Path, key: Path, deadline_seconds: float
) -> Iterator[Laurel]:
    """The services at these addresses. Both ends show a certificate, and a server's must name its service."""
    credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), cert.read_bytes())
    with (
        grpc.secure_channel(members, credentials, _named("members")) as to_members,
        grpc.secure_channel(benefits, credentials, _named("benefits")) as to_benefits,
    ):
        yield Laurel(
            program, MembersServiceStub(to_members), BenefitsServiceStub(to_benefits), deadline_seconds
        )


def _named(service: str) -> list[tuple[str, str]]:
    return [("grpc.ssl_target_name_override", service)]


def _backoff(attempt: int) -> float:
    """The longest wait after an attempt. All of it is jitter, so that tills do not come back together."""
    return min(BACKOFF_SECONDS * 2.0**attempt, BACKOFF_SECONDS_MAX)


def _status(error: Any) -> status_pb2.Status:
    """What the service says beyond the code; nothing, when gRPC itself gave up."""
    trailers = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
