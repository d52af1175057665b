"""A replica set of three embedded mongods on this machine, tuned to elect quickly."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from libs.cli import embedded
from libs.cli.ports import HOST, Ports
from tests.faults.firewall import in_group
from tests.faults.servers import POLL_SECONDS, SERVES_SECONDS, Server

MEMBERS = 3
CACHE_GB = 0.25
GROUPS = 64_100
"""Each mongod is in a group of its own from this one on, where a firewall is to know them apart."""
ELECTION = {
    "electionTimeoutMillis": 2_000,
    "heartbeatIntervalMillis": 500,
    "heartbeatTimeoutSecs": 2,
    "catchUpTimeoutMillis": 2_000,
}
ALREADY_INITIALIZED = 23
PRIMARY, SECONDARY = 1, 2


@dataclass
class Member:
    """One mongod."""

    server: Server
    port: int
    group: int

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def ask(self, command: str, **arguments: Any) -> dict[str, Any] | None:
        """What this member itself says, or nothing where it does not answer."""
        return _ask(self.port, command, **arguments)


class ReplicaSet:
    """Three members, their primary, and what is done to them."""

    def __init__(self, folder: Path, ports: Ports, *, grouped: bool) -> None:
        program = embedded.mongod_program()
        self.members = [_member(program, folder, ports.any(), n, grouped=grouped) for n in range(MEMBERS)]

    @property
    def uri(self) -> str:
        """The address of the set, with the guarantees that every service relies on."""
        hosts = ",".join(member.address for member in self.members)
        return (
            f"mongodb://{hosts}/?replicaSet={embedded.REPLICA_SET}&retryWrites=true&w=majority&journal=true"
        )

    async def start(self) -> None:
        """Start all, make them a set, and wait until it is whole."""
        for member in self.members:
            await member.server.start()
        for member in self.members:
            await member.server.serving(lambda port=member.port: asyncio.to_thread(_answers, port))  # type: ignore[misc]
        await asyncio.to_thread(self._initiate)
        await self.whole()

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(member.server.stop() for member in self.members))

    async def primary(self) -> Member:
        """The primary, as soon as there is one: of two, of which one was cut off, the later elected."""
        async with asyncio.timeout(SERVES_SECONDS):
            while True:
                running = [member for member in self.members if member.server.runs]
                said = await asyncio.gather(*(asyncio.to_thread(each.ask, "hello") for each in running))
                won = [
                    (hello["electionId"], member)
                    for hello, member in zip(said, running, strict=True)
                    if hello is not None and hello.get("isWritablePrimary")
                ]
                if won:
                    return max(won, key=lambda each: each[0])[1]
                await asyncio.sleep(POLL_SECONDS)

    async def whole(self) -> Member:
        """Start whoever does not run, and wait until the others follow the primary, whom it gives."""
        async with asyncio.timeout(SERVES_SECONDS):
            while True:
                for member in self.members:
                    await member.server.start()
                primary = await self.primary()
                asked = (asyncio.to_thread(each.ask, "replSetGetStatus") for each in self.members)
                if _follow(await asyncio.gather(*asked)):
                    return primary
                await asyncio.sleep(POLL_SECONDS)

    def _initiate(self) -> None:
        config = {
            "_id": embedded.REPLICA_SET,
            "members": [{"_id": n, "host": each.address} for n, each in enumerate(self.members)],
            "settings": ELECTION,
        }
        with _client(self.members[0].port, 5_000) as client:
            try:
                client.admin.command("replSetInitiate", config)
            except OperationFailure as error:
                if error.code != ALREADY_INITIALIZED:
                    raise


def _follow(said: Sequence[dict[str, Any] | None]) -> bool:
    """Whether one says that it is primary, and each other one that it replicates, and from whom.

    One that has just come back looks for a source. Should that hang meanwhile, it waits for it for half a
    minute, in which two of three are no majority: so nobody is hurt before.
    """
    states = sorted(each["myState"] for each in said if each is not None)
    sources = [each["syncSourceHost"] for each in said if each is not None and each["myState"] == SECONDARY]
    return states == [PRIMARY, SECONDARY, SECONDARY] and all(sources)


def _member(program: Path, folder: Path, port: int, number: int, *, grouped: bool) -> Member:
    name, group = f"mongod{number}", GROUPS + number
    command = embedded.mongod_command(
        program, data=folder / name, port=port, log=folder / f"{name}.log", cache_gb=CACHE_GB
    )
    before = in_group(group) if grouped else None
    return Member(Server(name, command, folder / f"{name}.out", before=before), port, group)


def _client(port: int, milliseconds: int) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=2 * milliseconds,
    )


def _answers(port: int) -> bool:
    return _ask(port, "hello") is not None


def _ask(port: int, command: str, **arguments: Any) -> dict[str, Any] | None:
    with _client(port, 500) as client:
        try:
            answer: dict[str, Any] = client.admin.command(command, **arguments)
        except PyMongoError:
            return None
        return answer
