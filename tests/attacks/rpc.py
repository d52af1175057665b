"""Services, called with bytes of any kind over mutual TLS."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from laurel.common.v1.error_reason_pb2 import ErrorReason
from libs.cli.data_folder import RunFile
from libs.common.rpc.errors import error_info
from libs.common.rpc.transport import tls_channel
from libs.common.rpc.watching import is_watch
from libs.common.tls import Certificates, TlsFiles
from tests.attacks.verdicts import Answer

SECONDS_MAX = 15.0
ANSWERS_READ_MAX = 50
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_metadata_size", 1 << 20),
)
Metadata = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a certificate, and the token that comes with it, if one does."""

    files: TlsFiles
    token: str = ""


class Rpc:
    """Channels to the services of a platform, one for each service and certificate."""

    def __init__(self, run: RunFile) -> None:
        self._run = run
        self._channels: dict[tuple[str, TlsFiles, str], grpc.aio.Channel] = {}

    async def __aenter__(self) -> "Rpc":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def address(self, service: str) -> str:
        """Where a service listens."""
        return self._run.address(service)

    def channel(self, service: str, files: TlsFiles, *, name: str = "") -> grpc.aio.Channel:
        """A channel to a service that shows this certificate, to a server that has this name."""
        key = service, files, name or service
        if key not in self._channels:
            self._channels[key] = tls_channel(
                self._run.address(service), name or service, Certificates(files), OPTIONS
            )
        return self._channels[key]

    async def ask(
        self,
        service: str,
        method: MethodDescriptor,
        payload: bytes | Message,
        caller: Caller,
        *,
        deadline: float | None = SECONDS_MAX,
        metadata: Metadata = (),
        name: str = "",
    ) -> Answer:
        """Call a method once, and read what comes back."""
        content = payload.SerializeToString() if isinstance(payload, Message) else payload
        path = f"/{method.containing_service.full_name}/{method.name}"
        bearer = (("authorization", f"Bearer {caller.token}"),) if caller.token else ()
        channel = self.channel(service, caller.files, name=name)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                given = await call(channel, path, content, method, (*bearer, *metadata), deadline)
        except grpc.aio.AioRpcError as error:
            return refused(error, time.perf_counter() - started)
        except TimeoutError:
            return Answer("no answer", seconds=time.perf_counter() - started)
        return answered(method, given, time.perf_counter() - started)

    async def knock(self, service: str, path: str, payload: bytes, caller: Caller) -> Answer:
        """Call what may be no method at all."""
        bearer = (("authorization", f"Bearer {caller.token}"),) if caller.token else ()
        channel: Any = self.channel(service, caller.files)
        started = time.perf_counter()
        try:
            given = await channel.unary_unary(path)(payload, metadata=bearer, timeout=SECONDS_MAX)
        except grpc.aio.AioRpcError as error:
            return refused(error, time.perf_counter() - started)
        return Answer("OK", repr(given), refused=False, seconds=time.perf_counter() - started)


async def call(
    channel: Any,
    path: str,
    content: bytes,
    method: MethodDescriptor,
    metadata: Any,
    seconds: float | None,
) -> list[bytes]:
    """The messages that a method answers to one message."""
    if method.client_streaming:
        stream = channel.stream_stream(path)(iter([content]), metadata=metadata, timeout=seconds)
    elif method.server_streaming:
        stream = channel.unary_stream(path)(content, metadata=metadata, timeout=seconds)
    else:
        return [await channel.unary_unary(path)(content, metadata=metadata, timeout=seconds)]
    given = []
    async for each in stream:
        given.append(each)
        if len(given) == (1 if is_watch(path) else ANSWERS_READ_MAX):
            stream.cancel()
            break
    return given


def refused(error: grpc.aio.AioRpcError, seconds: float) -> Answer:
    """What a status that is not OK says, with all its details."""
    info = error_info(error)
    outcome = error.code().name if info is None else f"{error.code().name} {info.reason}"
    return Answer(outcome, f"{error.details() or ''} {details_of(error)}", seconds=seconds)


def details_of(error: Any) -> str:
    """The details of a status, and its trailers."""
    status = rpc_status.from_call(error)
    told = [str(each) for each in error.trailing_metadata() or () if not str(each[0]).endswith("-bin")]
    for detail in status.details if status is not None else ():
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            message = kind()
            if detail.Unpack(message):
                told.append(f"{kind.__name__} {message}")
    return "\n".join(told)


def answered(method: MethodDescriptor, given: Sequence[bytes], seconds: float) -> Answer:
    """What was answered well, and the reasons for which parts of it were not."""
    kind = GetMessageClass(method.output_type)
    try:
        messages = [kind.FromString(each) for each in given]
    except DecodeError:
        return Answer("OK but no message", repr(given), refused=False, seconds=seconds)
    reasons = sorted({reason for message in messages for reason in reasons_in(message)})
    text = "\n".join(map(str, messages))
    return Answer(" ".join(["OK", "+".join(reasons)]).strip(), text, refused=False, seconds=seconds)


def reasons_in(message: Message) -> Iterator[str]:
    """The reasons that parts of a message are refused for."""
    for field, value in message.ListFields():
        if field.enum_type is not None and field.enum_type.full_name == ErrorReason.DESCRIPTOR.full_name:
            yield ErrorReason.Name(value).removeprefix("ERROR_REASON_")
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for each in value if field.is_repeated else [value]:
                yield from reasons_in(each)
