"""The command at a platform of its own, as a person at a terminal has it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pymongo
import pytest

from libs.cli import main
from libs.cli.data_folder import DataFolder, RunFile


@dataclass(frozen=True)
class Laurel:
    """The command, in one data folder."""

    folder: Path

    def __call__(self, *arguments: str, exits: int = 0) -> str:
        """What a command says. It runs in this process, as each of its own takes a second to start."""
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(StringIO()) as told,
            redirect_stderr(StringIO()) as remarks,
        ):
            for name, value in self.settings().items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main.run(arguments)
        assert (ended.value.code or 0) == exits, told.getvalue() + remarks.getvalue()
        return told.getvalue() if exits == 0 else told.getvalue() + remarks.getvalue()

    def alone(self, *arguments: str, exits: int = 0) -> str:
        """What a command says as a process of its own."""
        done = subprocess.run(
            self.command(*arguments),
            check=False,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout if exits == 0 else done.stdout + done.stderr

    def load(self, rows: list[str], *, source: str = "cdnow", exits: int = 0) -> str:
        """Load these rows as a file of their own."""
        file = self.folder / "rows.txt"
        file.write_text("\n".join(rows))
        return self("load", str(file), "--format", "cdnow", "--source", source, exits=exits).strip()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "libs.cli.main", *arguments]

    def settings(self) -> dict[str, str]:
        """Webhooks may come back to this machine, where a test receives them."""
        webhooks = {"LAUREL_DEVELOPMENT": "true", "LAUREL_WEBHOOK_LOOPBACK": "true"}
        return {**webhooks, "LAUREL_DATA_DIR": str(self.folder)}

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings()}

    def run_file(self) -> RunFile:
        return DataFolder(self.folder).running()

    def up(self) -> subprocess.Popen[str]:
        """A platform in this folder, from when it serves."""
        up = subprocess.Popen(
            self.command("up"),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert up.stdout is not None
        told = []
        for line in up.stdout:
            told.append(line)
            if "Running until" in line:
                return up
        raise AssertionError("".join(told))

    def drained(self) -> None:
        """Wait until everything recorded has had its effect."""
        deadline = time.monotonic() + 60
        while not json.loads(self("status", "--json"))["drained"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def tiers(self) -> dict[str, int]:
        """Rows of memberships by tier, straight from the database."""
        with pymongo.MongoClient[dict[str, str]](self.run_file().mongodb_uri) as client:
            found: dict[str, int] = {}
            for membership in client["laurel_benefits"]["memberships"].find():
                found[membership["tier"]] = found.get(membership["tier"], 0) + 1
            return found


def stop(up: subprocess.Popen[str]) -> None:
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=30) == 0
