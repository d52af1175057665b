"""Runs scoring's jobs on Spark as processes of their own, with what they need from this machine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from libs.cli.errors import CommandError

SCORE, TRAIN = "services.scoring.population_job", "services.scoring.training_job"


@dataclass(frozen=True, slots=True)
class Spark:
    """An export of facts, and the Spark that reads it."""

    facts: str
    master: str
    settings: Sequence[str]

    def score(self, out: str, *, models: Sequence[Path], form: str) -> Mapping[str, Any]:
        """Score the export into a folder; what the job says came out."""
        of_models = [part for file in models for part in ("--model", str(file))]
        return self._run(SCORE, "score", "--out", out, "--format", form, *of_models)

    def train(self, kind: str, out: Path, *, segments: int, before: Path | None) -> None:
        """Write the document of a model that is learned from the export."""
        going_on = ["--before", str(before)] if before is not None else []
        self._run(TRAIN, "train", kind, "--out", str(out), "--segments", str(segments), *going_on)

    def _run(self, job: str, does: str, *arguments: str) -> Mapping[str, Any]:
        _require_spark()
        command = [sys.executable, "-m", job, *arguments, "--facts", self.facts]
        command += ["--master", self.master] if self.master else []
        command += [part for setting in self.settings for part in ("--conf", setting)]
        # Its bar and its logs are on our standard error.
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        if done.returncode:
            raise CommandError(f"Spark did not {does} {self.facts}: what it says is above.")
        figures: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures


def _require_spark() -> None:
    if find_spec("pyspark") is None:
        raise CommandError("`--engine spark` needs pyspark, which is not here: pip install 'laurel[spark]'.")
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin/java").exists()):
        raise CommandError(
            "`--engine spark` needs Java 17, which is not here: apt-get install openjdk-17-jre-headless."
        )
