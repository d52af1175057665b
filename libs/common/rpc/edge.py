"""What every gRPC method is wrapped in: identity, policy, deadline, validation, refusals, metrics, logs."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from libs.common.caller import Grant, Principal, caller, set_caller, set_granted
from libs.common.errors import (
    DeadlineExceeded,
    Forbidden,
    Overloaded,
    Refusal,
    Unavailable,
)
from libs.common.ids import new_id
from libs.common.policy import Rule, policy
from libs.common.rpc.deadline import Within, set_deadline
from libs.common.rpc.errors import abort, internal_status, refusal_status
from libs.common.rpc.masking import mask
from libs.common.rpc.observed import Served
from libs.common.rpc.peer import GATEWAY, Asked, Authenticator
from libs.common.rpc.requests import Deserialize, in_program, message_of, valid
from libs.common.rpc.shared.asks import is_shared
from libs.common.rpc.shared.carried import AuditReads, Carried, set_carried
from libs.common.rpc.turns import Turns
from libs.common.rpc.watching import Holder, Watching, holder_of, is_watch, place
from libs.common.telemetry import DENIED, log

DEADLINE_SECONDS = 5.0
DEADLINE_SECONDS_MAX = 60.0
STREAM_DEADLINE_SECONDS = 3600.0
STREAM_IDLE_SECONDS = 60.0
LATE_SECONDS = 0.05
_IN_TIME = nullcontext()

# grpc's classes are generic to the type checker only.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Serve = Callable[[Any, Context], AsyncIterator[Message]]
ServeWatch = Callable[[Any, Context], AsyncGenerator[Message, None]]
ServeUnary = Callable[[Any, Context], Awaitable[Message]]
Admit = Callable[[str, Rule, Asked], Grant]


class Edge:
    """What every method is wrapped in: identity, policy, deadline, validation, refusals, metrics, logs."""

    def __init__(
        self,
        authenticator: Authenticator,
        outages: tuple[type[Exception], ...] = (),
        *,
        calls_max: int,
        watching: Watching,
        audit_read: AuditReads | None = None,
    ) -> None:
        """`outages` are answered as UNAVAILABLE; `audit_read` is told what staff read of members."""
        self._authenticator, self._outages, self._audit_read = authenticator, outages, audit_read
        self._calls, self._calls_max = 0, calls_max
        self._watching = watching
        self._turns = Turns(max(1, calls_max // 2))
        self._streams: Counter[Holder] = Counter()

    def wrap(self, method: str, handler: Handler) -> Handler:
        """The handler of one method inside the edge; KeyError for one that the policy table does not name.

        It is given bytes: whoever may not call does not make us read them, and
        gRPC would answer what is no message with words of its own.
        """
        rule, read, write = policy().rpcs[method], handler.request_deserializer, handler.response_serializer
        assert read is not None
        assert write is not None
        # In one form, whatever the order in which an answer's maps were filled: a replayed one is the same.
        serializer = partial(cast(Any, write), deterministic=True)
        if handler.request_streaming and handler.response_streaming:
            run = self._streaming(method, rule, read, cast(Serve, handler.stream_stream), checks_each=True)
            return grpc.stream_stream_rpc_method_handler(run, None, serializer)
        if handler.response_streaming and is_watch(method):
            watch = self._watch(method, rule, read, cast(ServeWatch, handler.unary_stream))
            return grpc.unary_stream_rpc_method_handler(watch, None, serializer)
        if handler.response_streaming:
            run = self._streaming(method, rule, read, cast(Serve, handler.unary_stream), checks_each=False)
            return grpc.unary_stream_rpc_method_handler(run, None, serializer)
        assert handler.unary_unary is not None, f"{method}: client streams answer per message here"
        serve = cast(ServeUnary, handler.unary_unary)
        if is_shared(method):
            unary = self._unary(method, rule, read, self._shared(serve), self._admit_gateway)
        else:
            unary = self._unary(method, rule, read, serve, self._admit)
        return grpc.unary_unary_rpc_method_handler(unary, None, serializer)

    def _unary(
        self, method: str, rule: Rule, read: Deserialize, serve: ServeUnary, admit: Admit
    ) -> ServeUnary:
        async def unary(request: bytes, context: Context) -> Message:
            asked = self._authenticator.asked(context)
            call, status, holder = Served(method, asked.traceparent), "OK", None
            checked: Message | None = None
            self._calls += 1
            try:
                self._require_room()
                left = context.time_remaining()
                seconds = DEADLINE_SECONDS if left is None else min(left, DEADLINE_SECONDS_MAX)
                set_deadline(seconds)
                grant = admit(method, rule, asked)
                # What the caller gives us gRPC ends by itself.
                with _IN_TIME if seconds == left else Within(seconds):
                    holder = await self._turns.take(caller())
                    checked = in_program(valid(message_of(read, request)))
                    answer = await serve(checked, context)
                    if rule.audit == "read":
                        await self._audit(method, checked, answer)
                mask(answer, grant.mask)
                return answer
            except asyncio.CancelledError:
                status = "DEADLINE_EXCEEDED" if _is_late(context) else "CANCELLED"
                raise
            except Exception as error:
                status, told = self._ending(method, error)
            finally:
                if holder is not None:
                    self._turns.end(holder)
                self._calls -= 1
                call.ended(status)
            # gRPC keeps what ends a call in a circle with the call, until somebody looks for garbage: so
            # it is told here, without the exception behind it and all that it has come through.
            del request, checked
            return await abort(context, told)

        return unary

    def _shared(self, serve: ServeUnary) -> ServeUnary:
        """A shared call as it is served: with those whom it carries."""

        async def shared(request: Any, context: Context) -> Message:
            callers = await self._authenticator.carried(request.asks)
            set_carried(Carried(callers, self._ending, self._audit_read))
            return await serve(request, context)

        return shared

    def _streaming(
        self, method: str, rule: Rule, read: Deserialize, serve: Serve, *, checks_each: bool
    ) -> Serve:
        async def streaming(request: Any, context: Context) -> AsyncIterator[Message]:
            asked = self._authenticator.asked(context)
            call, status, told = Served(method, asked.traceparent, per_request=checks_each), "OK", None
            checked: Any = None
            self._calls += 1
            ends = ExitStack()
            try:
                self._require_room()
                left = context.time_remaining()
                set_deadline(STREAM_DEADLINE_SECONDS if left is None else left)
                grant = self._admit(method, rule, asked)
                ends.enter_context(self._stream_of(caller()))
                # A token may expire, or be revoked, long before its stream ends.
                admit = partial(self._admit, method, rule, asked)
                if checks_each:
                    checked = call.each(_each_valid(read, request, admit))
                else:
                    checked = in_program(valid(message_of(read, request)))
                    if rule.audit == "read":
                        await self._audit(method, checked, None)
                async for answer in serve(checked, context):
                    admit()
                    mask(answer, grant.mask)
                    yield answer
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except Exception as error:
                status, told = self._ending(method, error)
            finally:
                ends.close()
                self._calls -= 1
                call.ended(status)
            del request, checked
            if told is not None:
                await abort(context, told)

        return streaming

    def _watch(
        self, method: str, rule: Rule, read: Deserialize, serve: ServeWatch
    ) -> Callable[[bytes, Context], Awaitable[None]]:
        async def watch(request: bytes, context: Context) -> None:
            asked = self._authenticator.asked(context)
            call, status, told = Served(method, asked.traceparent), "OK", None
            try:
                set_deadline(None)
                grant = self._admit(method, rule, asked)
                with self._watching.place(method, caller()):
                    checked = in_program(valid(message_of(read, request)))
                    if rule.audit == "read":
                        await self._audit(method, checked, None)

                    async def write(answer: Message) -> None:
                        mask(answer, grant.mask)
                        await context.write(answer)

                    # By itself, as a write that is cut short may have sent it and grpc not know: two
                    # of them are an error, and the client would never hear how its watch ended.
                    await context.send_initial_metadata(())
                    admit = partial(self._admit, method, rule, asked)
                    await self._watching.serve(serve(checked, context), admit=admit, write=write)
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except Exception as error:
                status, told = self._ending(method, error)
            finally:
                call.ended(status)
            if told is not None:
                # To a client that takes nothing it is said when it does; its place is free already.
                await abort(context, told)

        return watch

    def _stream_of(self, principal: Principal) -> AbstractContextManager[None]:
        """The place of a stream of requests, which may be held for an hour and say nothing.

        All of them together take half of the places, and one principal's a
        quarter of that, so that nobody keeps others from being answered.
        """
        share = self._calls_max // 2
        if self._streams.total() >= share:
            raise Overloaded
        return place(self._streams, holder_of(principal), max(1, share // 4))

    def _ending(self, method: str, error: Exception) -> tuple[str, Status]:
        """What a call that an exception ends is counted as, and what its caller is told."""
        if isinstance(error, TimeoutError):
            error = DeadlineExceeded()
        elif isinstance(error, self._outages):
            error = Unavailable()
        if isinstance(error, Refusal):
            return error.reason, refusal_status(error)
        return "INTERNAL", internal_status(_log_defect(method))

    def _require_room(self) -> None:
        if self._calls > self._calls_max:
            raise Overloaded

    def _admit(self, method: str, rule: Rule, asked: Asked) -> Grant:
        """Say whose call this is and what they were granted, or refuse it."""
        principal = self._authenticator.principal(asked)
        grant = rule.grant(principal)
        if grant is None:
            DENIED.labels(method, principal.kind).inc()
            log("rpc").warning("denied", method=method, kind=principal.kind, roles=principal.roles)
            raise Forbidden
        set_caller(principal)
        set_granted(grant)
        return grant

    def _admit_gateway(self, method: str, rule: Rule, asked: Asked) -> Grant:
        """Admit the gateway, which calls for those whom its request carries; the row admits nobody."""
        try:
            self._authenticator.require_gateway(asked)
        except Forbidden:
            DENIED.labels(method, "unknown").inc()
            log("rpc").warning("denied", method=method)
            raise
        grant = Grant("all")
        set_caller(Principal(GATEWAY, "service", None))
        set_granted(grant)
        return grant

    async def _audit(self, method: str, request: Message, answer: Message | None) -> None:
        """Record what staff read of members; members and partners read what is theirs."""
        if caller().kind == "staff" and self._audit_read is not None:
            await self._audit_read([(caller(), method, request, answer)])


async def _each_valid(
    read: Deserialize, requests: AsyncIterator[bytes], admit: Callable[[], object]
) -> AsyncIterator[Message]:
    """Each request of a stream; a client that sends nothing for a minute gives its place away."""
    while True:
        try:
            with Within(STREAM_IDLE_SECONDS):
                request = await anext(requests)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise DeadlineExceeded("nothing came for too long; begin another stream") from error
        admit()
        yield in_program(valid(message_of(read, request)))


def _is_late(context: Context) -> bool:
    """Whether a call that was cancelled was so because its time was over: its client's clock may be first."""
    left = context.time_remaining()
    return left is not None and left < LATE_SECONDS


def _log_defect(method: str) -> str:
    request_id = new_id("req")
    log("rpc").exception("defect", method=method, request_id=request_id)
    return request_id
