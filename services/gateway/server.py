"""Builds and wires everything; the only file that knows every part."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.ids import new_id
from libs.common.rpc.server import leave_out_of_garbage, stopped
from libs.common.telemetry import serve_metrics
from libs.common.tokens import TokenVerifier
from services.gateway import graphiql
from services.gateway.admission.gate import Gate
from services.gateway.admission.persisted import Persisted, manifest
from services.gateway.answers import Answers, MethodNotAllowed, NotFound
from services.gateway.clients import Clients
from services.gateway.connections import BoundedConnection, BoundedSocket
from services.gateway.endpoint import Endpoint
from services.gateway.hosts import TrustedHosts
from services.gateway.plans.kept import Plans
from services.gateway.schema import schema
from services.gateway.settings import GatewaySettings
from services.gateway.sockets.endpoint import Sockets
from services.gateway.sockets.events import Events
from services.gateway.sockets.places import Places
from services.gateway.streams import Streams

SWITCH_SECONDS = 0.001
GRAPH = "/graphql"
YOUNG_OBJECTS = 50_000
"""So many more are there before some are looked through for garbage: a request leaves next to none, and what
many of them hold while they are under way is none."""
_BY_ORIGIN = (b"vary", b"Origin")
"""What CORS adds where there is no origin."""


def make_app(settings: GatewaySettings, clients: Clients, verifier: TokenVerifier) -> ASGIApp:
    """The gateway as an ASGI application."""
    gate = Gate(
        schema._schema,  # noqa: SLF001 - strawberry gives no other way to the graphql-core schema
        settings,
        development=settings.development,
        now=time.monotonic,
        persisted=Persisted(
            manifest(settings.persisted_documents_file), only=settings.persisted_documents_only
        ),
    )
    endpoint = Endpoint(clients, verifier, settings, gate, Plans(schema))
    events = Events(clients, gate, settings.request_seconds_max)
    places = Places(settings)
    sockets = Sockets(events, gate, verifier, settings, places)
    streams = Streams(events, gate, verifier, settings, places)
    app = Starlette(
        routes=[
            Route(GRAPH, endpoint, methods=["POST"]),
            WebSocketRoute(GRAPH, sockets.serve),
            Route("/graphql/stream", streams.serve, methods=["POST"]),
            Route("/healthz", _healthy, methods=["GET"]),
            *(graphiql.routes() if settings.development else ()),
        ],
        exception_handlers={HTTPException: _unserved},
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["POST"],
                allow_headers=["authorization", "content-type", "traceparent"],
                expose_headers=["retry-after", "x-request-id"],
            ),
        ],
    )
    # A redirect would be made of the Host header.
    app.router.redirect_slashes = False
    return TrustedHosts(_Shortcut(app, endpoint), names=settings.trusted_hosts)


def uvicorn_config(app: ASGIApp, settings: GatewaySettings) -> uvicorn.Config:
    """How the application is served."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=BoundedConnection,
        ws=BoundedSocket,
        ws_max_size=settings.request_bytes_max,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


async def serve(settings: GatewaySettings) -> None:
    """Serve until asked to stop, then let the requests under way end."""
    serve_metrics(settings.metrics_port, settings.host)
    verifier = TokenVerifier(settings)
    await verifier.load()
    watching = asyncio.create_task(verifier.run())
    clients = Clients(settings)
    server = _Server(uvicorn_config(make_app(settings, clients, verifier), settings))
    # Documents are read in a thread of their own, from which whoever is to be served takes over so soon.
    sys.setswitchinterval(SWITCH_SECONDS)
    leave_out_of_garbage(YOUNG_OBJECTS)
    serving = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopped())
    await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await clients.close()


class _Shortcut:
    """Brings what most ask, POST /graphql without an origin, to its endpoint; others look for their route.

    The endpoint answers whatever fails itself, and nobody wraps what it sends.
    """

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        self._app, self._endpoint = app, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_query = scope["type"] == "http" and scope["path"] == GRAPH and scope["method"] == "POST"
        if is_query and not any(name == b"origin" for name, _ in scope["headers"]):
            response = await self._endpoint.serve(Request(scope, receive))
            response.raw_headers.append(_BY_ORIGIN)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Leaves the signals to us, who end with status 0 when asked to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "serving"})


async def _unserved(request: Request, error: Exception) -> Response:
    """A path or method that is not served, told as everything else is."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (404, None)
    refusal = MethodNotAllowed() if status == HTTPStatus.METHOD_NOT_ALLOWED else NotFound()
    response = Answers.to(new_id("req"), request.headers.get("accept", "")).refused(refusal)
    response.headers.update(headers or {})
    return response
