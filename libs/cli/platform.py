"""The whole platform on one machine: servers, services and gateway as processes of one supervisor."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.cli import embedded
from libs.cli.certificates import Authority
from libs.cli.child import ChildSpec
from libs.cli.data_folder import STORING_SERVICES, DataFolder, Process, RunFile
from libs.cli.ports import HOST, Ports
from libs.cli.supervisor import Supervisor, together
from libs.common import clock
from libs.common.rpc.transport import tls_channel
from libs.common.tls import Certificates

MONGOD_PORT = 27117
VALKEY_PORT = 6479
SERVICE_PORTS = {"members": 50051, "scoring": 50052, "benefits": 50053, "risk": 50054}
GATEWAY_PORT = 8080
METRICS_OFFSET = 1000
RENEWED_EVERY_SECONDS = 24 * 3600.0
LIBRARIES = {
    # gRPC writes a line of its own, that is no JSON, for every handshake that somebody fails at.
    "GRPC_VERBOSITY": "NONE",
    # glibc keeps for every arena what the largest messages in it took; threads of gRPC share one with ours.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024),
}
"""What libraries under our services read from their environment, unless it is set here already."""


class Platform:
    """Starts the processes of a data folder in order and keeps run.json true."""

    def __init__(self, folder: DataFolder, ports: Ports) -> None:
        self._folder, self._ports = folder, ports
        self.supervisor = Supervisor(changed=self._write)
        self._started_time = datetime.now(UTC)
        self._addresses: dict[str, str] = {}
        self._metrics: dict[str, str] = {}
        self._authority = Authority(folder.tls)
        self.mongodb_uri = os.environ.get("LAUREL_MONGODB_URI", "")
        self.redis_url = os.environ.get("LAUREL_REDIS_URL", "")

    async def start(self) -> RunFile:
        """Start everything at once, services wait for their servers, and wait until all of it serves."""
        self._issue_certificates()
        servers = [*self._start_mongod(), *self._start_valkey()]
        for name, preferred in SERVICE_PORTS.items():
            self._choose_ports(name, preferred)
        self._choose_ports("gateway", GATEWAY_PORT)
        self.supervisor.start([self._service(name) for name in SERVICE_PORTS])
        self.supervisor.start([self._service("gateway")])
        await together(*servers, self._gateway_serves(), *map(self._service_serves, SERVICE_PORTS))
        self._write()
        return self.run_file()

    async def renew_certificates(self) -> None:
        """Renew every certificate before its end; services take new ones up as they run."""
        while True:
            await asyncio.sleep(RENEWED_EVERY_SECONDS)
            self._issue_certificates()

    def _issue_certificates(self) -> None:
        now = clock.now()
        self._authority.operator(now=now)
        for name in (*SERVICE_PORTS, "gateway"):
            self._authority.service(name, now=now)

    def run_file(self) -> RunFile:
        """What runs where now."""
        return RunFile(
            started_time=self._started_time,
            supervisor_pid=os.getpid(),
            mongodb_uri=self.mongodb_uri,
            redis_url=self.redis_url,
            gateway_url=f"http://{self._addresses.get('gateway', '')}",
            signing_key_file=self._folder.signing_key_file,
            tls_folder=self._folder.tls,
            processes={
                name: Process(
                    pid=child.pid,
                    restarts=child.restarts,
                    address=self._addresses[name],
                    metrics_address=self._metrics.get(name),
                )
                for name, child in self.supervisor.children.items()
            },
        )

    def _write(self) -> None:
        self._folder.write(self.run_file())

    def _start_mongod(self) -> list[Coroutine[object, object, None]]:
        """Start a mongod, unless there is one to use; gives what waits until it serves."""
        if self.mongodb_uri:
            return []
        port = self._ports.first_from(MONGOD_PORT)
        self.mongodb_uri = embedded.mongodb_uri(port)
        self._addresses["mongod"] = f"{HOST}:{port}"
        return [_start_mongod(self.supervisor, self._folder, port)]

    def _start_valkey(self) -> list[Coroutine[object, object, None]]:
        """Start a Valkey, unless there is one to use; gives what waits until it serves."""
        if self.redis_url:
            return []
        port = self._ports.first_from(VALKEY_PORT)
        self.redis_url = embedded.redis_url(port)
        self._addresses["valkey"] = f"{HOST}:{port}"
        command = embedded.valkey_command(embedded.valkey_program(), data=self._folder.streams, port=port)
        self.supervisor.start([ChildSpec("valkey", command, self._folder.logs / "valkey.log")])
        loaded = partial(asyncio.to_thread, embedded.has_loaded, self.redis_url)
        return [self.supervisor.serving("valkey", loaded)]

    def _choose_ports(self, name: str, preferred: int) -> None:
        port = self._ports.first_from(preferred)
        self._addresses[name] = f"{HOST}:{port}"
        self._metrics[name] = f"{HOST}:{self._ports.first_from(port + METRICS_OFFSET)}"

    def _service(self, name: str) -> ChildSpec:
        return ChildSpec(
            name,
            [sys.executable, "-m", f"services.{name}"],
            self._folder.logs / f"{name}.log",
            self._environment(name),
        )

    def _environment(self, name: str) -> dict[str, str]:
        host, port = self._addresses[name].split(":")
        tls = self._authority.files(name)
        return {
            "LAUREL_HOST": host,
            "LAUREL_PORT": port,
            "LAUREL_METRICS_PORT": self._metrics[name].split(":")[1],
            "LAUREL_KEY_SET_FILE": str(self._folder.key_set_file),
            "LAUREL_REVOCATIONS_FILE": str(self._folder.revocations_file),
            "LAUREL_TLS_CERTIFICATE_FILE": str(tls.certificate),
            "LAUREL_TLS_KEY_FILE": str(tls.key),
            "LAUREL_TLS_CA_FILE": str(tls.authority),
            **{variable: os.environ.get(variable, value) for variable, value in LIBRARIES.items()},
            **self._development(name),
            **self._audit(name),
            **self._webhooks(name),
            "LAUREL_TOKEN_TTL_MAX": "PT12H",  # for development; 15 minutes elsewhere
            "LAUREL_MONGODB_URI": self.mongodb_uri,
            "LAUREL_REDIS_URL": self.redis_url,
            **{f"LAUREL_{other.upper()}_ADDRESS": self._addresses[other] for other in SERVICE_PORTS},
        }

    def _development(self, name: str) -> dict[str, str]:
        """GraphiQL and open introspection, unless the environment says otherwise; services keep to TLS."""
        if name != "gateway":
            return {}
        return {"LAUREL_DEVELOPMENT": os.environ.get("LAUREL_DEVELOPMENT", "true")}

    def _webhooks(self, name: str) -> dict[str, str]:
        return {"LAUREL_WEBHOOK_KEY_FILE": str(self._folder.webhook_key_file)} if name == "benefits" else {}

    def _audit(self, name: str) -> dict[str, str]:
        if name not in STORING_SERVICES:
            return {}
        return {
            "LAUREL_AUDIT_KEY_FILE": str(self._folder.audit_key_file(name)),
            "LAUREL_AUDIT_HEADS_FILE": str(self._folder.audit_heads_file(name)),
        }

    async def _service_serves(self, name: str) -> None:
        operator = Certificates(self._authority.files("operator"))
        async with tls_channel(self._addresses[name], name, operator) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            await self.supervisor.serving(name, lambda: _is_healthy(health))

    async def _gateway_serves(self) -> None:
        async with httpx.AsyncClient(base_url=f"http://{self._addresses['gateway']}", timeout=1) as http:
            await self.supervisor.serving("gateway", lambda: _answers(http))


def _start_mongod(supervisor: Supervisor, folder: DataFolder, port: int) -> Coroutine[object, object, None]:
    """Start the mongod of a data folder; gives what waits until it serves."""
    command = embedded.mongod_command(
        embedded.mongod_program(), data=folder.database, port=port, log=folder.logs / "mongod.log"
    )
    supervisor.start([ChildSpec("mongod", command, folder.logs / "mongod.out")])
    return supervisor.serving("mongod", lambda: asyncio.to_thread(embedded.is_primary, port))


async def _is_healthy(health: health_pb2_grpc.HealthStub) -> bool:
    try:
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1)  # type: ignore[attr-defined]
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@asynccontextmanager
async def running(folder: DataFolder, begun: Callable[[], None] = lambda: None) -> AsyncIterator[RunFile]:
    """The platform of a data folder, from when it serves until the block ends.

    `begun` is called once nothing stands against its start.
    """
    folder.prepare()
    folder.require_restored()
    with folder.locked(), Ports() as ports:
        begun()
        platform = Platform(folder, ports)
        async with platform.supervisor:
            run = await platform.start()
            renewing = asyncio.create_task(platform.renew_certificates())
            try:
                yield run
            finally:
                renewing.cancel()


@asynccontextmanager
async def database_alone(folder: DataFolder) -> AsyncIterator[str]:
    """The mongod of a data folder and nothing else, until the block ends; gives its address."""
    folder.prepare()
    with folder.locked(), Ports() as ports:
        port = ports.first_from(MONGOD_PORT)
        async with Supervisor() as supervisor:
            await _start_mongod(supervisor, folder, port)
            yield embedded.mongodb_uri(port)
