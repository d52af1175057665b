"""What every storing service runs on: its database, streams, leases and the tasks behind them."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from laurel.common.v1 import audit_pb2_grpc
from libs.common.audit.heads import heads_file
from libs.common.audit.keys import HeadSigner
from libs.common.audit.log import AuditLog
from libs.common.audit.sequencer import SEQUENCER, Sequencer
from libs.common.audit.service import AuditServicer
from libs.common.clock import now
from libs.common.consumer import Apply, StreamConsumer
from libs.common.leases import Leases
from libs.common.mongo import Database, connect
from libs.common.observing import observing
from libs.common.outbox import RELAY, OutboxRelay
from libs.common.redis import PARTITIONS, Redis, connect_redis
from libs.common.rpc.server import RpcServer, stopped
from libs.common.settings import ServiceSettings, StoredServiceSettings, starting
from libs.common.telemetry import log, serve_metrics
from libs.common.tls import Certificates, certificates_of


@dataclass
class Platform:
    """The connections of one storing service, and the tasks that it runs beside its server."""

    service: str
    settings: StoredServiceSettings
    database: Database
    redis: Redis
    certificates: Certificates | None = None
    tasks: list[Coroutine[Any, Any, None]] = field(default_factory=list)

    @classmethod
    def of(cls, service: str, settings: StoredServiceSettings) -> "Platform":
        """Connect to the database and the streams of a service."""
        database = connect(settings.mongodb_uri)[f"{settings.database_prefix}{service}"]
        return cls(service, settings, database, connect_redis(settings.redis_url), certificates_of(settings))

    @property
    def holder(self) -> str:
        """Names this replica in leases, alike before and after its restart."""
        return f"{socket.gethostname()}:{self.settings.port}"

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

    def audit(self, server: RpcServer) -> None:
        """Chain what is recorded in the audit log, and serve the log."""
        leases = Leases(self.database, [SEQUENCER], group="audit", holder=self.holder, now=now)
        sequencer = Sequencer(
            self.database,
            leases,
            HeadSigner(self.service, self.settings.audit_key_file),
            service=self.service,
            heads_file=heads_file(self.settings.audit_heads_file),
            now=now,
        )
        self.tasks += [leases.run(), sequencer.run()]
        servicer = AuditServicer(AuditLog(self.database))
        server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer)

    async def close(self) -> None:
        await self.redis.aclose()
        self.database.client.close()


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
    """Run a service's main on the faster event loop, observed."""
    with starting(service), observing(service), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
