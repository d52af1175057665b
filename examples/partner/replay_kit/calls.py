"""A request as bytes, which can be sent again at any time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Metadata: TypeAlias = "tuple[tuple[str, str | bytes], ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """The first message of a call, and to whom it goes. Most calls have no other."""

    number: int
    channel: grpc.aio.Channel = field(repr=False)
    method: str
    message: bytes = field(repr=False)
    metadata: Metadata = field(repr=False)

    @property
    def name(self) -> str:
        """Of the method, without its service."""
        return self.method.rpartition("/")[2]

    def answers(
        self, *, rest: AsyncIterator[bytes] | None = None, seconds: float | None
    ) -> AsyncIterator[bytes]:
        """Send it, and then the rest of its stream. On the wire a unary call is a stream of one message."""
        method: Any = self.channel.stream_stream(self.method)
        answers: AsyncIterator[bytes] = method(
            _chained(self.message, rest), metadata=self.metadata, timeout=seconds
        )
        return answers


def metadata_of(context: Context) -> Metadata:
    """What the client itself says beside its request, such as a token or a trace."""
    said = context.invocation_metadata() or ()
    return tuple((key, value) for key, value in said if key != "user-agent" and not key.startswith("grpc-"))


async def _chained(first: bytes, rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    yield first
    if rest is not None:
        async for message in rest:
            yield message
