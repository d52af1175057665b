"""One WebSocket, spoken by graphql-transport-ws: who connects, what is subscribed, and why it is closed."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from libs.common.caller import Principal, set_caller
from libs.common.errors import Forbidden, Unauthenticated
from libs.common.ids import new_id
from libs.common.rpc.deadline import set_deadline
from libs.common.telemetry import log
from libs.common.tokens import TokenVerifier, bearer
from services.gateway.admission.gate import Asked, Gate
from services.gateway.admission.limits import RateLimited
from services.gateway.auth import program_of
from services.gateway.metrics import EVENTS, SUBSCRIPTIONS_ENDED, WEBSOCKETS_CLOSED
from services.gateway.sockets.events import Events
from services.gateway.sockets.messages import Complete, Init, MalformedMessage, Ping, Subscribe, read
from services.gateway.sockets.places import PER_CONNECTION_MAX, Places, SubscriptionLimit
from services.gateway.sockets.refusing import code_of, told

INIT_SECONDS = 5.0
CHECK_SECONDS = 5.0
"""How long a connection may stay unseen after its token has ended or was revoked."""
IDLE_SECONDS = 60.0
CLOSE_SECONDS = 1.0


class Close(IntEnum):
    """Why we close, as the protocols have it; clients connect again after those of RFC 6455 alone."""

    IDLE = 1000
    DEFECT = 1011
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_REQUESTS = 4429


class Closed(Exception):
    """The connection is to be closed."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Gone(Exception):
    """The client is not there any more."""


class Connection:
    """One connection and its subscriptions; all of them end with it."""

    def __init__(
        self,
        websocket: WebSocket,
        *,
        events: Events,
        gate: Gate,
        places: Places,
        verifier: TokenVerifier,
        slow_seconds: float,
        principal: Principal | None,
    ) -> None:
        """`principal` is whoever the headers named, if they did."""
        self._websocket, self._events, self._gate, self._places = websocket, events, gate, places
        self._verifier, self._slow_seconds, self._principal = verifier, slow_seconds, principal
        self._initialised = False
        self._acknowledged = asyncio.Event()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._used = time.monotonic()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve until the client goes or is sent away."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._keep())
                await self._read()
        except ExceptionGroup as group:
            await self._end(group)

    async def _end(self, group: ExceptionGroup[Exception]) -> None:
        """Close, for the first reason that there is."""
        match next((each for each in group.exceptions if isinstance(each, Closed | _Gone)), None):
            case Closed(code=code, reason=reason):
                await self._close(code, reason)
            case None:
                log("live").error("defect", exc_info=group.exceptions[0])
                await self._close(Close.DEFECT, "Internal error")

    async def _close(self, code: Close, reason: str) -> None:
        """Say why, if the client hears it; the connection ends in any case."""
        WEBSOCKETS_CLOSED.labels(int(code)).inc()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._websocket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return

    # What the client says

    async def _read(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise _Gone
            text = received.get("text")
            try:
                if text is None:
                    raise MalformedMessage("no text")
                await self._take(read(text))
            except MalformedMessage as fault:
                raise Closed(Close.BAD_REQUEST, f"Invalid message: {fault}") from fault
            except RateLimited as limited:
                raise Closed(Close.TOO_MANY_REQUESTS, "Too many requests") from limited

    async def _take(self, message: Any) -> None:
        if self._acknowledged.is_set() and self._principal is not None:
            self._gate.spend(self._principal, 1)
        match message:
            case Init(authorization):
                await self._initialise(authorization)
            case Ping():
                await self._send({"type": "pong"})
            case Subscribe(operation_id, asked):
                await self._subscribe(operation_id, asked)
            case Complete(operation_id):
                task = self._operations.pop(operation_id, None)
                if task is not None:
                    task.cancel()

    async def _initialise(self, authorization: tuple[str, ...]) -> None:
        if self._initialised:
            raise Closed(Close.TOO_MANY_REQUESTS, "Too many initialisation requests")
        self._initialised = True
        try:
            token = bearer(authorization)
            if token is not None:
                self._principal = self._verifier.principal(token)
            if self._principal is None:
                raise Unauthenticated
            program_of(self._principal)
        except Unauthenticated as refusal:
            raise Closed(Close.UNAUTHORIZED, "Unauthorized") from refusal
        except Forbidden as refusal:
            raise Closed(Close.FORBIDDEN, "Forbidden") from refusal
        await self._send({"type": "connection_ack"})
        self._acknowledged.set()

    async def _subscribe(self, operation_id: str, asked: Asked) -> None:
        if not self._acknowledged.is_set() or self._principal is None:
            raise Closed(Close.UNAUTHORIZED, "Unauthorized")
        if operation_id in self._operations:
            raise Closed(Close.SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists"[:120])
        if len(self._operations) >= PER_CONNECTION_MAX:
            await self._refuse(operation_id, SubscriptionLimit(), new_id("req"))
        else:
            work = self._operate(operation_id, asked, self._principal)
            self._operations[operation_id] = self._tasks.create_task(work)

    # What we say

    async def _operate(self, operation_id: str, asked: Asked, principal: Principal) -> None:
        """Tell the events of one subscription until there are no more."""
        set_caller(principal)
        set_deadline(None)
        request_id, ending = new_id("req"), "stopped"
        try:
            with self._places.subscription(principal):
                # Whoever is sent away leaves no events behind, which would be ended in no order.
                async with contextlib.aclosing(self._events.of(asked, principal, request_id)) as events:
                    async for result in events:
                        payload = told(result, request_id)
                        await self._send({"id": operation_id, "type": "next", "payload": payload})
                        EVENTS.inc()
            self._forget(operation_id)
            await self._send({"id": operation_id, "type": "complete"})
        except Closed:
            ending = "slow"
            raise
        except _Gone:
            raise
        except Exception as error:
            ending = await self._refuse(operation_id, error, request_id)
        finally:
            SUBSCRIPTIONS_ENDED.labels(ending).inc()

    async def _refuse(self, operation_id: str, error: Exception, request_id: str) -> str:
        """End an operation with its errors; gives the code of the first."""
        payload = told(error, request_id)["errors"]
        self._forget(operation_id)
        await self._send({"id": operation_id, "type": "error", "payload": payload})
        return code_of(payload)

    def _forget(self, operation_id: str) -> None:
        """The id is free before the client hears of the end, unless another has it already."""
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _send(self, message: Mapping[str, object]) -> None:
        """Send a message; a client that takes nothing for too long is sent away."""
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(self._slow_seconds), self._sending:
                await self._websocket.send_text(text)
        except TimeoutError:
            raise Closed(Close.TRY_AGAIN_LATER, "Too slow: resume after the last cursor") from None
        except WebSocketDisconnect:
            raise _Gone from None

    # As time goes by

    async def _keep(self) -> None:
        """Send away who does not say who they are, who may not know any more, and who wants nothing."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._acknowledged.wait()
        except TimeoutError:
            raise Closed(Close.INITIALISATION_TIMEOUT, "Connection initialisation timeout") from None
        self._used = time.monotonic()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._require_valid_token()
            if self._operations:
                self._used = time.monotonic()
            elif time.monotonic() - self._used >= IDLE_SECONDS:
                raise Closed(Close.IDLE, "Idle")

    async def _require_valid_token(self) -> None:
        assert self._principal is not None, "nothing is kept before somebody is known"
        try:
            self._verifier.principal(self._principal.token)
        except Unauthenticated as refusal:
            operations, self._operations = self._operations, {}
            for operation_id, task in operations.items():
                task.cancel()
                await self._refuse(operation_id, refusal, new_id("req"))
            raise Closed(Close.UNAUTHORIZED, "Unauthorized") from refusal
