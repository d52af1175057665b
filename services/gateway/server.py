"""Builds and wires everything; the only file that knows every part."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common.clock import now
from libs.common.rpc.server import stopped
from libs.common.telemetry import configure_logs, serve_metrics
from libs.common.tokens import TokenVerifier
from services.gateway import graphiql
from services.gateway.clients import Clients
from services.gateway.endpoint import Endpoint
from services.gateway.settings import GatewaySettings


def make_app(settings: GatewaySettings, clients: Clients) -> Starlette:
    """The gateway as an ASGI application."""
    verifier = TokenVerifier(settings.key_set_file, ttl_max=settings.token_ttl_max, now=now)
    endpoint = Endpoint(clients, verifier, settings)
    return Starlette(
        routes=[
            Route("/graphql", endpoint.serve, methods=["POST"]),
            Route("/healthz", _healthy, methods=["GET"]),
            *graphiql.routes(),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["POST"],
                allow_headers=["authorization", "content-type"],
                expose_headers=["x-request-id"],
            )
        ],
    )


async def serve(settings: GatewaySettings) -> None:
    """Serve until asked to stop, then let the requests under way end."""
    configure_logs("gateway")
    serve_metrics(settings.metrics_port, settings.host)
    clients = Clients(settings)
    server = _Server(
        uvicorn.Config(
            make_app(settings, clients),
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=settings.drain_seconds,
        )
    )
    serving = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopped())
    await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    await clients.close()


class _Server(uvicorn.Server):
    """Leaves the signals to us, who end with status 0 when asked to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "serving"})
