"""POST /graphql/stream: a subscription by server-sent events, one to a request (graphql-sse)."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from libs.common.caller import Principal, set_caller
from libs.common.errors import DeadlineExceeded, Refusal, Unauthenticated
from libs.common.ids import new_id
from libs.common.rpc.deadline import set_deadline
from libs.common.telemetry import log
from libs.common.tokens import TokenVerifier
from services.gateway.admission.gate import Asked, Gate
from services.gateway.answers import Answers
from services.gateway.auth import authenticate, program_of
from services.gateway.bodies import asked_by
from services.gateway.connections import LINE, Line
from services.gateway.endpoint import LATE
from services.gateway.languages import speak
from services.gateway.metrics import EVENTS, SUBSCRIPTIONS_ENDED
from services.gateway.settings import GatewaySettings
from services.gateway.sockets.connection import CHECK_SECONDS
from services.gateway.sockets.events import Events
from services.gateway.sockets.places import Places, SubscriptionLimit
from services.gateway.sockets.refusing import code_of, told

PING_SECONDS = 20.0
PING = b":\n\n"
"""A comment: it keeps proxies from cutting a quiet stream, and tells us of clients that are gone."""


class _Over(Exception):
    """The stream ends; `complete` when the client is told that there is no more to come."""

    def __init__(self, ending: str, *, complete: bool = False, cut: bool = False) -> None:
        super().__init__(ending)
        self.ending, self.complete, self.cut = ending, complete, cut


@dataclass(frozen=True, slots=True)
class Streams:
    """Serves event streams, under the rules of WebSockets."""

    events: Events
    gate: Gate
    verifier: TokenVerifier
    settings: GatewaySettings
    places: Places

    async def serve(self, request: Request) -> Response:
        """Begin a stream, or refuse it as a query would be."""
        request_id = new_id("req")
        answers = Answers.to(request_id, request.headers.get("accept", ""))
        try:
            async with asyncio.timeout(self.settings.request_seconds_max):
                principal = authenticate(request, self.verifier)
                program_of(principal)
                asked = await asked_by(request, self.settings.request_bytes_max)
            if self.places.full:
                raise SubscriptionLimit
        except Refusal as refusal:
            return answers.refused(refusal)
        except TimeoutError:
            return answers.refused(DeadlineExceeded(LATE))
        speak(request.headers.get("accept-language", ""))
        return Stream(self, asked, principal, request_id)


class Stream(Response):
    """One subscription as it is told."""

    def __init__(self, streams: Streams, asked: Asked, principal: Principal, request_id: str) -> None:
        super().__init__(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # or proxies keep events until they have some kilobytes
                "X-Content-Type-Options": "nosniff",
                "X-Request-Id": request_id,
            }
        )
        del self.headers["content-length"]
        self._streams, self._asked, self._principal = streams, asked, principal
        self._request_id, self._sending = request_id, asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell events until the client goes or is sent away."""
        line: Line | None = (scope.get("extensions") or {}).get(LINE)
        over = _Over("INTERNAL")
        with self._streams.places.stream():
            if line is not None:
                line.narrow()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_gone(receive))
                    tasks.create_task(_stopping(line))
                    tasks.create_task(self._keep(send))
                    await self._tell(send)
            except* _Over as group:
                over = next(each for each in group.exceptions if isinstance(each, _Over))
            except* Exception as group:
                log("live").error("defect", exc_info=group.exceptions[0], request_id=self._request_id)
            finally:
                SUBSCRIPTIONS_ENDED.labels(over.ending).inc()
            await self._end(over, line, send)

    async def _end(self, over: _Over, line: Line | None, send: Send) -> None:
        if over.cut and line is not None:
            line.cut()
            return
        with contextlib.suppress(_Over):
            if over.complete:
                await self._send(send, b"event: complete\ndata:\n\n")
            await self._send(send, b"", more=False)

    async def _tell(self, send: Send) -> None:
        """Tell the events, and what ends them."""
        set_caller(self._principal)
        set_deadline(None)
        try:
            with self._streams.places.subscription(self._principal):
                events = self._streams.events.of(self._asked, self._principal, self._request_id)
                # Whoever is cut off leaves no events behind, which would be ended in no order.
                async with contextlib.aclosing(events):
                    async for result in events:
                        await self._next(send, told(result, self._request_id))
                        EVENTS.inc()
        except _Over:
            raise
        except Exception as error:
            raise _Over(await self._refuse(send, error), complete=True) from error
        raise _Over("stopped", complete=True)

    async def _refuse(self, send: Send, error: Exception) -> str:
        """Tell the errors that end the stream; gives the code of the first."""
        payload = {"errors": told(error, self._request_id)["errors"]}
        await self._next(send, payload)
        return code_of(payload["errors"])

    async def _keep(self, send: Send) -> None:
        """Ping, and send away who may not know any more."""
        pinged = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                self._streams.verifier.principal(self._principal.token)
            except Unauthenticated as refusal:
                raise _Over(await self._refuse(send, refusal), complete=True) from refusal
            if asyncio.get_running_loop().time() - pinged >= PING_SECONDS:
                pinged = asyncio.get_running_loop().time()
                await self._send(send, PING)

    async def _next(self, send: Send, payload: Mapping[str, object]) -> None:
        await self._send(send, b"event: next\ndata: " + orjson.dumps(payload) + b"\n\n")

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """Send a part; a client that takes nothing for too long is cut off."""
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        try:
            async with asyncio.timeout(self._streams.settings.websocket_slow_seconds), self._sending:
                await send(message)
        except TimeoutError:
            raise _Over("slow", cut=True) from None


async def _gone(receive: Receive) -> None:
    """Wait until the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Over("stopped")


async def _stopping(line: Line | None) -> None:
    """Wait until this replica stops. What ends without `complete` is begun again elsewhere."""
    if line is not None:
        await line.stopping.wait()
        raise _Over("stopped")
