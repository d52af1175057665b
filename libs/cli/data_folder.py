"""The folder of one platform: its data, keys, logs and the file that says where it runs."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.cli.errors import CommandError
from libs.common.tokens import make_key


class Process(BaseModel):
    """One process of a running platform; `pid` is None while it is being started again."""

    pid: int | None
    restarts: int
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
    key_set_file: Path
    processes: dict[str, Process]

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
        self._run_file = self.path / "run.json"
        self._lock_file = self.path / "lock"

    def prepare(self) -> None:
        """Make the folders and, the first time, the keys."""
        for folder in (self.path, self.logs, self.loads, self.keys):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.key_set_file.exists():  # written last; a key without its set was never used
            self.signing_key_file.unlink(missing_ok=True)
            make_key(self.signing_key_file, self.key_set_file)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this folder for one supervisor; the kernel lets go of it when the process dies."""
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
        fresh = self._run_file.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(run.model_dump_json(indent=2))
        fresh.replace(self._run_file)

    def running(self) -> RunFile:
        """The platform that runs here now."""
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
