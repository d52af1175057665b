"""What every storing service runs on: its database, streams, leases and the tasks behind them."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from libs.common.clock import now
from libs.common.consumer import Apply, StreamConsumer
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES, Database, connect
from libs.common.outbox import RELAY, OutboxRelay
from libs.common.redis import PARTITIONS, Redis, connect_redis
from libs.common.rpc.server import RpcServer, stopped
from libs.common.settings import ServiceSettings, StoredServiceSettings
from libs.common.telemetry import configure_logs, log, serve_metrics
from libs.common.tokens import ServiceToken, TokenSigner, TokenVerifier


@dataclass
class Platform:
    """The connections of one storing service, and the tasks that it runs beside its server."""

    service: str
    settings: StoredServiceSettings
    database: Database
    redis: Redis
    tasks: list[Coroutine[Any, Any, None]] = field(default_factory=list)

    @classmethod
    def of(cls, service: str, settings: StoredServiceSettings) -> "Platform":
        """Connect to the database and the streams of a service."""
        database = connect(settings.mongodb_uri)[f"{settings.database_prefix}{service}"]
        return cls(service, settings, database, connect_redis(settings.redis_url))

    @property
    def holder(self) -> str:
        """Names this replica in leases, alike before and after its restart."""
        return f"{socket.gethostname()}:{self.settings.port}"

    def token(self) -> ServiceToken:
        """The service's own identity, for calls to other services."""
        signer = TokenSigner(self.settings.signing_key_file, self.settings.key_set_file)
        return ServiceToken(signer, self.service, now)

    def relay(self, stream: str, readers: Sequence[str]) -> None:
        """Announce the outbox on a stream that `readers` consume."""
        leases = Leases(self.database, [RELAY], group=f"{stream}/relay", holder=self.holder, now=now)
        relay = OutboxRelay(
            self.database,
            self.redis,
            leases,
            stream=stream,
            groups=readers,
            unread_max=self.settings.stream_unread_max,
            now=now,
        )
        self.tasks += [leases.run(), relay.run()]

    def consume(self, stream: str, apply: Apply) -> None:
        """Apply what a stream announces, in the partitions that this replica leases."""
        names = [str(partition) for partition in range(PARTITIONS)]
        leases = Leases(self.database, names, group=f"{stream}/{self.service}", holder=self.holder, now=now)
        consumer = StreamConsumer(
            self.database, self.redis, leases, stream=stream, group=self.service, apply=apply, now=now
        )
        self.tasks += [leases.run(), consumer.run()]

    async def close(self) -> None:
        await self.redis.aclose()
        self.database.client.close()


def rpc_server(settings: ServiceSettings, *, outages: tuple[type[Exception], ...] = OUTAGES) -> RpcServer:
    """A server that verifies the platform's tokens."""
    verifier = TokenVerifier(settings.key_set_file, ttl_max=settings.token_ttl_max, now=now)
    return RpcServer(settings, verifier, outages=outages)


async def serve(
    server: RpcServer, settings: ServiceSettings, tasks: Sequence[Coroutine[Any, Any, None]] = ()
) -> None:
    """Serve and run the tasks until asked to stop.

    A task that ends by itself ends the process, which is then started anew.
    """
    serve_metrics(settings.metrics_port, settings.host)
    running = [asyncio.create_task(task) for task in tasks]
    port = await server.start()
    log("server").info("serving", port=port)
    stop = asyncio.create_task(stopped())
    done, _ = await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
    await server.drain()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done - {stop}:
        task.result()


def run_service(service: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a service's main on the faster event loop, with its logs as JSON."""
    configure_logs(service)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
