"""A whole platform to be hurt: a replica set, Valkey, all services with relays and consumers, the gateway."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import httpx
import redis
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.cli import child, embedded
from libs.cli.child import ChildSpec
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import Platform
from libs.cli.ports import Ports
from libs.common import mongo
from libs.common.rpc.transport import tls_channel
from libs.common.tls import Certificates
from tests.faults import armed
from tests.faults.firewall import Firewall
from tests.faults.replica_set import ReplicaSet
from tests.faults.servers import POLL_SECONDS, SERVES_SECONDS, Server

# What is killed every few seconds is started at once all the same: we are not here to wait.
SETTLED_SECONDS = 1.0


First = Callable[[ReplicaSet], Awaitable[None]]


# What is ended between two steps of a write: those that announce.
ARMED = ("members", "benefits", "risk")


class ArmedPlatform(Platform):
    """The platform as `laurel up` starts it, on our servers; services die where they are told to."""

    def __init__(self, folder: DataFolder, ports: Ports, *, mongodb_uri: str, redis_url: str) -> None:
        super().__init__(folder, ports)
        self.mongodb_uri, self.redis_url = mongodb_uri, redis_url
        self._armed = folder.path / "armed"
        self._armed.mkdir(exist_ok=True)

    def trigger(self, service: str, place: str) -> Path:
        """The file at which a service dies as soon as it is at that place."""
        return armed.trigger(self._armed, service, place)

    async def serves(self, name: str) -> bool:
        """Whether a service answers just now."""
        if name == "gateway":
            return await asyncio.to_thread(_answers, self.run_file().gateway_url)
        certificates = Certificates(self._authority.files("operator"))
        async with tls_channel(self.run_file().address(name), name, certificates) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=2)  # type: ignore[attr-defined]
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _service(self, name: str) -> ChildSpec:
        spec = super()._service(name)
        if name not in ARMED:
            return spec
        environment = {**spec.environment, armed.FOLDER: str(self._armed)}
        command = [sys.executable, "-m", "tests.faults.armed", name]
        return replace(spec, command=command, environment=environment)


@dataclass
class Cluster:
    """Everything that runs, and ways to hurt it."""

    replica_set: ReplicaSet
    valkey: Server
    platform: ArmedPlatform
    folder: DataFolder
    client: mongo.Client
    firewall: Firewall | None

    @property
    def run(self) -> RunFile:
        """Where everything is now."""
        return self.platform.run_file()

    def pid(self, service: str) -> int | None:
        """The pid of a service; none while it is being started."""
        return self.platform.supervisor.children[service].pid

    def node(self, service: str) -> str:
        """Which process serves a service just now, for the history."""
        return f"{service}:{self.pid(service) or 'starting'}"

    def kill(self, service: str) -> int:
        """kill -9 a service; the supervisor starts it again. Gives the pid that it had."""
        pid = self.pid(service)
        if pid is None:
            raise ProcessLookupError(service)
        os.kill(pid, signal.SIGKILL)
        return pid

    async def valkey_serves(self) -> None:
        """Start Valkey, unless it runs, and wait until it answers."""
        await self.valkey.start()
        await self.valkey.serving(lambda: asyncio.to_thread(embedded.has_loaded, self.platform.redis_url))

    async def flush(self) -> None:
        """Remove everything from Valkey."""

        def flushed() -> None:
            with redis.Redis.from_url(self.platform.redis_url, socket_timeout=30) as client:
                client.flushall()

        await asyncio.to_thread(flushed)

    async def serving(self, service: str, killed: int | None = None) -> None:
        """Wait until a service serves, by another process than the killed one."""
        async with asyncio.timeout(SERVES_SECONDS):
            while self.pid(service) in {None, killed} or not await self.platform.serves(service):
                await asyncio.sleep(POLL_SECONDS)

    async def whole(self) -> None:
        """Wait until everything serves that there is; what was left down is started."""
        await self.replica_set.whole()
        await self.valkey_serves()
        await asyncio.gather(*(self.serving(name) for name in self.platform.supervisor.children))


@asynccontextmanager
async def running(path: Path, *, firewall: Firewall | None, first: First) -> AsyncIterator[Cluster]:
    """Everything in a folder of its own, from when it serves until the block ends.

    `first` is done with the replica set while nobody else uses it.
    """
    child.SETTLED_SECONDS = SETTLED_SECONDS
    folder = DataFolder(path / "platform")
    folder.prepare()
    async with AsyncExitStack() as ending:
        ports = ending.enter_context(Ports())
        ending.enter_context(folder.locked())
        replica_set = ReplicaSet(path, ports, grouped=firewall is not None)
        ending.push_async_callback(replica_set.stop)
        await replica_set.start()
        await first(replica_set)
        valkey, redis_url = _valkey(path, ports)
        ending.push_async_callback(valkey.stop)
        platform = ArmedPlatform(folder, ports, mongodb_uri=replica_set.uri, redis_url=redis_url)
        client = mongo.connect(replica_set.uri)
        ending.callback(client.close)
        cluster = Cluster(replica_set, valkey, platform, folder, client, firewall)
        await cluster.valkey_serves()
        await ending.enter_async_context(platform.supervisor)
        await platform.start()
        yield cluster


def _valkey(path: Path, ports: Ports) -> tuple[Server, str]:
    port = ports.any()
    command = embedded.valkey_command(embedded.valkey_program(), data=path / "valkey", port=port)
    return Server("valkey", command, path / "valkey.log"), embedded.redis_url(port)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
