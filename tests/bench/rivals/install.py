"""Installs the rivals from npm into the folder of the build, with the contract as they read it."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import FileDescriptor

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import risk_pb2
from laurel.scoring.v1 import scoring_pb2
from libs.cli.launch import bound
from tests.bench.rows import CannotRun

FOLDER = Path("build/rivals")
SOURCES = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "apollo.js", "mesh.config.js", "gateway.config.js")
SUPERGRAPH = "supergraph.graphql"
CONTRACTS: Mapping[str, ModuleType] = {
    "members": members_pb2,
    "benefits": benefits_pb2,
    "risk": risk_pb2,
    "scoring": scoring_pb2,
}
INSTALL_SECONDS, COMPOSE_SECONDS = 900.0, 120.0


async def installed() -> Path:
    """The folder that the rivals run in.

    Raises:
        CannotRun: Node is not there, or npm cannot install what the lock names.
    """
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise CannotRun(f"{' and '.join(missing)} not on the PATH")
    _lay_out()
    await _install()
    await _run(COMPOSE_SECONDS, "node_modules/.bin/mesh-compose", "-c", "mesh.config.js", "-o", SUPERGRAPH)
    return FOLDER


def _lay_out() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(SOURCES / name, FOLDER)
    for area, contract in CONTRACTS.items():
        (FOLDER / f"{area}.json").write_text(json.dumps(descriptors(contract.DESCRIPTOR)))


def descriptors(contract: FileDescriptor) -> dict[str, object]:
    """A proto and what it imports as a FileDescriptorSet in JSON, which both rivals load.

    Left out are the rules of fields (buf.validate): no package ships their proto, and services hold them.
    """
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        if file.name in files or file.name.startswith("buf/"):
            return
        for dependency in file.dependencies:
            add(dependency)
        files[file.name] = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(files[file.name])

    add(contract)
    return json_format.MessageToDict(descriptor_pb2.FileDescriptorSet(file=files.values()))


async def _install() -> None:
    """Install what the lock names, unless an earlier run has."""
    wanted, done = FOLDER / "package-lock.json", FOLDER / "installed.json"
    if done.exists() and done.read_bytes() == wanted.read_bytes():
        return
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
    await _run(INSTALL_SECONDS, "npm", "ci", *quiet)
    shutil.copy(wanted, done)


async def _run(seconds: float, *command: str) -> None:
    name = Path(command[0]).name
    with (FOLDER / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*bound([*command]), cwd=FOLDER, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(seconds):
            code = await process.wait()
    except TimeoutError:
        raise CannotRun(f"{name} took more than {seconds:g} s: {log.name}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise CannotRun(f"{name} failed: {log.name}")
