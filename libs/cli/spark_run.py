"""Runs scoring's job on Spark as a process of its own, with what it needs from this machine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from libs.cli.errors import CommandError

JOB = "services.scoring.population_job"


def score(
    facts: str, out: str, *, master: str, models: Sequence[Path], form: str, settings: Sequence[str]
) -> Mapping[str, Any]:
    """Score an export of facts into a folder; what the job says came out."""
    _require_spark()
    command = [sys.executable, "-m", JOB, "--facts", facts, "--out", out, "--format", form]
    command += ["--master", master] if master else []
    for file in models:
        command += ["--model", str(file)]
    for setting in settings:
        command += ["--conf", setting]
    # Its bar and its logs are on our standard error.
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    if done.returncode:
        raise CommandError(f"Spark did not score {facts}: what it says is above.")
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
