"""What each image copies and installs stands alone: it is laid out in an empty folder and started there."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.cli.certificates import Authority
from libs.cli.ports import Ports
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import connect
from tests.contracts.code import ROOT
from tests.deploy.images import IMAGES, LOCKS, image, lay_out, pins
from tests.support.platform import running
from tests.support.services import Keys

SERVICES = ("members", "scoring", "benefits", "risk")
STARTED_SECONDS = 60
SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass(frozen=True)
class Started:
    """Processes of all images, with where they are probed and what they logged."""

    processes: dict[str, "subprocess.Popen[bytes]"]
    probe_ports: dict[str, int]
    gateway_port: int
    folder: Path

    async def until(self, name: str, answers: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a process answers; it must not end before."""
        async with asyncio.timeout(STARTED_SECONDS):
            while not await answers():
                assert self.processes[name].poll() is None, (self.folder / f"{name}.log").read_text()
                await asyncio.sleep(0.1)


def _interpreter() -> str:
    """Python without this environment's packages: -S finds none but those on PYTHONPATH."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def _command(name: str) -> list[str]:
    entry = image(name).entry
    assert entry[0] == "python"
    return [_interpreter(), "-S", *entry[1:]]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, mongodb_uri: str, redis_url: str) -> Iterator[Started]:
    """All five at once, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("images")
    keys, authority = Keys.made_in(folder), Authority(folder / "tls")
    prefix = f"t{new_id('x')[-12:]}_"
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with Ports() as ports, ExitStack() as stack:
        addresses = {name: f"127.0.0.1:{ports.any()}" for name in (*SERVICES, "gateway")}
        probes = {name: ports.any() for name in SERVICES}
        for name, address in addresses.items():
            files = authority.service(name, now=now())
            environment = lay_out(image(name), folder / name) | {
                "PATH": os.environ["PATH"],
                "LAUREL_HOST": "127.0.0.1",
                "LAUREL_PORT": address.rpartition(":")[2],
                "LAUREL_METRICS_PORT": str(ports.any()),
                "LAUREL_KEY_SET_FILE": str(keys.key_set_file),
                "LAUREL_TLS_CERTIFICATE_FILE": str(files.certificate),
                "LAUREL_TLS_KEY_FILE": str(files.key),
                "LAUREL_TLS_CA_FILE": str(files.authority),
                "LAUREL_AUDIT_KEY_FILE": str(keys.audit_key_file),
                "LAUREL_WEBHOOK_KEY_FILE": str(keys.webhook_key_file),
                "LAUREL_MONGODB_URI": mongodb_uri,
                "LAUREL_REDIS_URL": redis_url,
                "LAUREL_DATABASE_PREFIX": prefix,
                "LAUREL_DRAIN_SECONDS": "0",
                **{f"LAUREL_{other.upper()}_ADDRESS": addresses[other] for other in SERVICES},
            }
            if name in SERVICES:
                environment["LAUREL_PROBE_PORT"] = str(probes[name])
            command = ["env", "-i", f"--chdir={folder / name / 'app'}"]
            command += [f"{variable}={value}" for variable, value in environment.items()]
            process = stack.enter_context(running([*command, *_command(name)], folder / f"{name}.log"))
            processes[name] = process
        yield Started(processes, probes, int(addresses["gateway"].rpartition(":")[2]), folder)
        for process in processes.values():
            process.terminate()
    client = connect(mongodb_uri)
    for name in SERVICES:
        client.delegate.drop_database(prefix + name)
    client.close()


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_serves_from_what_its_image_holds(started: Started, name: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{started.probe_ports[name]}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)

        async def is_ready() -> bool:
            request = health_pb2.HealthCheckRequest(service="readiness")
            try:
                return bool((await stub.Check(request, timeout=5)).status == SERVING)
            except grpc.aio.AioRpcError:
                return False

        await started.until(name, is_ready)


async def test_the_gateway_serves_from_what_its_image_holds(started: Started) -> None:
    url = f"http://127.0.0.1:{started.gateway_port}/healthz"

    def answer() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return bool(json.load(response) == {"status": "serving"})
        except OSError:
            return False

    await started.until("gateway", lambda: asyncio.to_thread(answer))


async def test_the_command_runs_from_what_its_image_holds(tmp_path: Path) -> None:
    environment = lay_out(image("cli"), tmp_path)

    ended = await asyncio.to_thread(
        subprocess.run,
        [*_command("cli"), "--help"],
        env=environment,
        cwd=tmp_path / "app",
        capture_output=True,
    )

    assert ended.returncode == 0, ended.stderr.decode()
    assert b"verify" in ended.stdout


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_nobody_elses_code(name: str) -> None:
    folders = {source for source, target in image(name).copies if target.startswith("/app/")}
    shared = {"protos/laurel", "protos/buf", "libs/__init__.py", "libs/common"}
    service = "scoring" if name == "spark" else name
    own = {"libs/cli"} if name == "cli" else {"services/__init__.py", f"services/{service}"}
    own |= {"libs/models"} if service == "scoring" else set()

    assert folders == shared | own


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_nobody_with_nothing_to_build_with(name: str) -> None:
    shipped = image(name).shipped

    assert shipped.one("USER") == "10001:10001"
    assert shipped.one("STOPSIGNAL") == "SIGTERM"
    assert shipped.environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert shipped.all("RUN") == []
    assert all(copied.startswith("--from=built ") for copied in shipped.all("COPY"))


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_made_of_pinned_parts(name: str) -> None:
    held = image(name)
    (base,) = held.arguments
    install = next(run for run in held.built.all("RUN") if "install" in run)

    assert base == "PYTHON=python:3.11.14-slim-bookworm"
    assert (held.built.base, held.shipped.base) == ("${PYTHON} AS built", "${PYTHON}")
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(install.split())


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.lock")), ids=lambda lock: lock.stem)
def test_images_install_the_versions_that_are_tested(lock: Path) -> None:
    tested = pins(ROOT / "requirements.lock")
    text = (ROOT / "requirements.lock").read_text()

    shipped = pins(lock)

    assert shipped
    assert [name for name, version in shipped.items() if f"{name}=={version}" not in text] == []
    assert shipped.keys() <= tested.keys()
