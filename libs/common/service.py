"""What every storing service runs on: its database, streams, leases and the tasks behind them."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from laurel.common.v1 import audit_pb2_grpc
from libs.common.audit.chained import AUDIT
from libs.common.audit.log import AuditLog
from libs.common.audit.service import AuditServicer
from libs.common.calendar import CALENDAR, Calendar, Kind, Times
from libs.common.chains.heads import heads_file
from libs.common.chains.keys import ChainSigner
from libs.common.chains.sequencer import SEQUENCER, Chained, Sequencer
from libs.common.clock import now
from libs.common.consumer import Apply, StreamConsumer
from libs.common.leases import Leases, renewing
from libs.common.migration import EnsureIndexes, migrate, migrated, require_restored
from libs.common.mongo import Database, available, connect
from libs.common.observing import observing
from libs.common.outbox import RELAY, OutboxRelay
from libs.common.redis import PARTITIONS, Redis, connect_redis
from libs.common.rpc.server import RpcServer, leave_out_of_garbage, stopped
from libs.common.settings import (
    ConfigurationError,
    DatabaseSettings,
    KeepingServiceSettings,
    ServiceSettings,
    StoredServiceSettings,
    read_settings,
    starting,
)
from libs.common.telemetry import log, serve_metrics
from libs.common.tls import Certificates, certificates_of
from libs.common.watch import Watches

SWITCH_SECONDS = 0.0005


@dataclass
class Keeping:
    """The database of one service, and the tasks that it runs beside its server."""

    service: str
    settings: KeepingServiceSettings
    database: Database
    tasks: list[Coroutine[Any, Any, None]] = field(default_factory=list, kw_only=True)
    leases: list[Leases] = field(default_factory=list, kw_only=True)

    def lease(self, names: Sequence[str], *, group: str) -> Leases:
        """This replica's share of a group's work, from when `work` runs."""
        leases = Leases(self.database, names, group=group, holder=self.holder, now=now)
        self.leases.append(leases)
        return leases

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """All that is to run beside the server."""
        return [renewing(self.leases), *self.tasks] if self.leases else self.tasks

    @property
    def holder(self) -> str:
        """Names this replica in leases, alike before and after its restart."""
        return f"{socket.gethostname()}:{self.settings.port}"

    async def prepare(self, ensure_indexes: EnsureIndexes) -> None:
        """Wait until the database takes writes and has what this code needs, made here or beforehand."""
        await available(self.database.client)
        await require_restored(self.database)
        if self.settings.migrate_at_start:
            await migrate(self.database, self.service, ensure_indexes)
        else:
            await migrated(self.database, self.service)

    def calendar(self, times: Times, *kinds: Kind) -> None:
        """Make happen what falls due by the clocks of programs, whose times `times` tells."""
        leases = self.lease([CALENDAR], group=CALENDAR)
        self.tasks.append(Calendar(self.database, leases, kinds, times, service=self.service).run())

    def audit(self, server: RpcServer) -> None:
        """Chain what is recorded in the audit log, and serve the log."""
        self.chain(AUDIT)
        servicer = AuditServicer(AuditLog(self.database))
        server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer)

    def chain(self, *kinds: Chained) -> None:
        """Give records their places in the chain of their program; one lease for all chains of a kind."""
        for chained in kinds:
            leases = self.lease([SEQUENCER], group=chained.records)
            sequencer = Sequencer(
                chained, self.database, leases, self.signer(), heads_file=self.heads_file(), now=now
            )
            self.tasks.append(sequencer.run())

    def signer(self) -> ChainSigner:
        """Signs what this service says of its chains."""
        return ChainSigner(self.service, self.settings.audit_key_file)

    def heads_file(self) -> Path | None:
        """Where what was signed is kept apart from the database, if it is anywhere but in the log."""
        return heads_file(self.settings.audit_heads_file)

    async def close(self) -> None:
        self.database.client.close()


@dataclass
class Platform(Keeping):
    """The connections of one storing service: its database, and the streams beside it."""

    settings: StoredServiceSettings
    redis: Redis
    certificates: Certificates | None = None

    @classmethod
    def of(cls, service: str, settings: StoredServiceSettings) -> "Platform":
        """Connect to the database and the streams of a service."""
        redis = connect_redis(settings.redis_url)
        return cls(service, settings, database_of(service, settings), redis, certificates_of(settings))

    def relay(self, stream: str, readers: Sequence[str]) -> None:
        """Announce the outbox on a stream that `readers` consume."""
        leases = self.lease([RELAY], group=f"{stream}/relay")
        relay = OutboxRelay(
            self.database,
            self.redis,
            leases,
            stream=stream,
            groups=readers,
            unread_max=self.settings.stream_unread_max,
            now=now,
        )
        self.tasks.append(relay.run())

    def consume(self, stream: str, apply: Apply) -> None:
        """Apply what a stream announces, in the partitions that this replica leases."""
        leases = self.lease([str(number) for number in range(PARTITIONS)], group=f"{stream}/{self.service}")
        consumer = StreamConsumer(
            self.database, self.redis, leases, stream=stream, group=self.service, apply=apply, now=now
        )
        self.tasks.append(consumer.run())

    def watches(self, stream: str) -> Watches:
        """Tells watchers of members what is announced on our own stream."""
        heartbeat_seconds = self.settings.watch_heartbeat_seconds
        return Watches(self.database, self.redis, stream=stream, heartbeat_seconds=heartbeat_seconds)

    async def close(self) -> None:
        await self.redis.aclose()
        await super().close()


async def serve(
    server: RpcServer, settings: ServiceSettings, tasks: Sequence[Coroutine[Any, Any, None]] = ()
) -> None:
    """Serve and run the tasks until asked to stop.

    A task that ends by itself ends the process, which is then started anew.
    """
    # Statements are written and answers read in threads, each of which waits so long for the interpreter.
    sys.setswitchinterval(SWITCH_SECONDS)
    await serve_beside(server, settings, tasks)


async def serve_beside(
    server: RpcServer, settings: ServiceSettings, tasks: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """The same for a service of which few calls read a database."""
    serve_metrics(settings.metrics_port, settings.host)
    running = [asyncio.create_task(task) for task in tasks]
    port = await server.start()
    leave_out_of_garbage()
    log("server").info("serving", port=port)
    stop = asyncio.create_task(stopped())
    done, _ = await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
    await server.drain()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done - {stop}:
        task.result()


def database_of(service: str, settings: DatabaseSettings) -> Database:
    """The database of a service."""
    return connect(settings.mongodb_uri)[f"{settings.database_prefix}{service}"]


async def migrate_apart(service: str, ensure_indexes: EnsureIndexes) -> None:
    """Migrate the database of a service, and end."""
    database = database_of(service, read_settings(DatabaseSettings))
    await available(database.client)
    await migrate(database, service, ensure_indexes)
    log("mongo").info("migrated", database=database.name)
    database.client.close()


def run_service(
    service: str, main: Callable[[], Coroutine[Any, Any, None]], ensure_indexes: EnsureIndexes
) -> None:
    """Run a service's main on the faster event loop, observed; by --migrate prepare its database instead."""
    with starting(service), observing(service), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        match sys.argv[1:]:
            case []:
                runner.run(main())
            case ["--migrate"]:
                runner.run(migrate_apart(service, ensure_indexes))
            case unknown:
                raise ConfigurationError(f"{' '.join(unknown)}: only --migrate is known")
