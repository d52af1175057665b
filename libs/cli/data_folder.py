"""The folder of one platform: its data, keys, certificates, logs and the file that says where it runs."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.cli.elsewhere import FILE_NAME, Elsewhere, read_elsewhere
from libs.cli.errors import CommandError
from libs.common.chains.keys import AuditKeys, make_audit_key, publish_audit_keys
from libs.common.keys import make_key, public_jwk, publish, read_private
from libs.common.sealing import make_sealing_key

STORING_SERVICES = ("members", "benefits", "risk", "scoring")
# Counts up when this Laurel cannot go on with the data of the one before.
FORMAT = 2


class Process(BaseModel):
    """One process of a running platform; `pid` is None while it is being started again."""

    pid: int | None = None
    restarts: int = 0
    address: str
    metrics_address: str | None = None


class RunFile(BaseModel):
    """Everything that other commands need to know about a running platform."""

    started_time: datetime
    supervisor_pid: int
    mongodb_uri: str
    redis_url: str
    gateway_url: str
    signing_key_file: Path
    tls_folder: Path
    processes: dict[str, Process]
    # Of a platform elsewhere: where a token of staff is, as none can be signed here.
    token_file: Path | None = None

    def address(self, service: str) -> str:
        """Where a service listens."""
        return self.processes[service].address


class DataFolder:
    """Where a platform keeps what outlives it; private to its owner."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.loads = self.path / "loads"
        self.keys = self.path / "keys"
        self.signing_key_file = self.keys / "signing.pem"
        self.key_set_file = self.keys / "keys.json"
        self.revocations_file = self.keys / "revocations.json"
        self.webhook_key_file = self.keys / "webhooks.key"
        self.tls = self.path / "tls"
        self.audit = self.path / "audit"
        self.database = self.path / "mongodb"
        self.streams = self.path / "valkey"
        self.audit_key_set_file = self.keys / "audit_keys.json"
        self._run_file = self.path / "run.json"
        self._lock_file = self.path / "lock"
        self._format_file = self.path / "format"
        self._restoring_file = self.path / "restoring"

    def prepare(self) -> None:
        """Make the folders and, the first time, the keys; refuse data of a format that is not ours."""
        self._require_format()
        for folder in (self.path, self.logs, self.loads, self.keys, self.tls, self.audit):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.key_set_file.exists():  # written last; a key without its set was never used
            self.signing_key_file.unlink(missing_ok=True)
            make_key(self.signing_key_file, self.key_set_file)
        self._publish_signing_key()
        self._publish_audit_keys()
        make_sealing_key(self.webhook_key_file)
        if not self.revocations_file.exists():
            write_whole(self.revocations_file, json.dumps({"revoked": []}))

    def _require_format(self) -> None:
        stored = self._format_file.read_text().strip() if self._format_file.exists() else "1"
        if self.database.exists() and stored != str(FORMAT):
            raise CommandError(
                f"{self.path} holds data of format {stored}, and this Laurel reads {FORMAT}: "
                "name another folder with --data-dir, or load the data anew."
            )
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._format_file, f"{FORMAT}\n")

    @contextlib.contextmanager
    def being_restored(self) -> Iterator[None]:
        """Mark the folder as half restored until the block ends well."""
        write_whole(self._restoring_file, "")
        yield
        self._restoring_file.unlink()

    def require_restored(self) -> None:
        """CommandError for a folder that a restore has not finished."""
        if self._restoring_file.exists():
            raise CommandError(f"{self.path} holds half of a backup: run `laurel restore` again for it.")

    def _publish_signing_key(self) -> None:
        """Publish the key that is signed with, should the set name it otherwise, as older ones did."""
        key = read_private(self.signing_key_file)
        published = json.loads(self.key_set_file.read_bytes())["keys"]
        if public_jwk(key)["kid"] not in {each["kid"] for each in published}:
            publish(self.key_set_file, [key])

    def _publish_audit_keys(self) -> None:
        """Make the audit keys that are missing, and publish them beside those of before."""
        key_files = {service: self.audit_key_file(service) for service in STORING_SERVICES}
        for key_file in key_files.values():
            make_audit_key(key_file)
        publish_audit_keys(self.audit_key_set_file, key_files)

    def add_audit_keys(self, published: bytes) -> None:
        """Publish the keys of another folder beside ours: restored chains were signed with them."""
        try:
            AuditKeys.parse(published)
        except ValueError as error:
            raise CommandError(f"The audit keys of the backup are no key set: {error}") from error
        ours = json.loads(self.audit_key_set_file.read_bytes())["keys"]
        keys = {jwk["kid"]: jwk for jwk in [*json.loads(published)["keys"], *ours]}
        write_whole(self.audit_key_set_file, json.dumps({"keys": list(keys.values())}, indent=2))

    def audit_key_file(self, service: str) -> Path:
        """What a service signs the heads of its audit chains with."""
        return self.keys / f"audit_{service}.pem"

    def audit_heads_file(self, service: str) -> Path:
        """Where the heads of a service's audit chains are kept apart from its database."""
        return self.audit / f"{service}.heads.jsonl"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this folder for one supervisor; the kernel lets go of it when the process dies."""
        if self.is_of_another:
            raise CommandError(f"{self.path} is of a platform elsewhere: choose another folder.")
        with self._lock_file.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    f"A platform is running in {self.path} already: see `laurel status`."
                ) from None
            try:
                yield
            finally:
                self._run_file.unlink(missing_ok=True)

    def write(self, run: RunFile) -> None:
        """Say where the platform runs, readable whole at any moment."""
        write_whole(self._run_file, run.model_dump_json(indent=2))

    def describe(self, elsewhere: Elsewhere) -> None:
        """Say where the platform is that others run with what this folder holds."""
        write_whole(self.path / FILE_NAME, elsewhere.model_dump_json(indent=2))

    @property
    def is_of_another(self) -> bool:
        """Whether this folder says where a platform is that others run."""
        return (self.path / FILE_NAME).exists()

    def _elsewhere(self, elsewhere: Elsewhere) -> RunFile:
        """The platform that others run; since when, and on which servers, is theirs to know."""
        return RunFile(
            started_time=datetime.now(UTC),
            supervisor_pid=0,
            mongodb_uri="",
            redis_url="",
            gateway_url=elsewhere.gateway_url,
            signing_key_file=self.signing_key_file,
            tls_folder=self.tls,
            processes={name: Process(address=address) for name, address in elsewhere.addresses.items()},
            token_file=elsewhere.token_file and self.path / elsewhere.token_file,
        )

    def running(self) -> RunFile:
        """The platform that runs here now, or elsewhere."""
        if (elsewhere := read_elsewhere(self.path)) is not None:
            return self._elsewhere(elsewhere)
        try:
            run = RunFile.model_validate_json(self._run_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            run = None
        if run is None or not self._is_locked():
            raise CommandError(f"No platform is running in {self.path}: start one with `laurel up`.")
        return run

    def _is_locked(self) -> bool:
        with self._lock_file.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def write_whole(file: Path, content: str) -> None:
    """Write a file that only its owner reads, and reads whole at any moment."""
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(content)
    fresh.replace(file)
