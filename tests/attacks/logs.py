"""What the services wrote while they were attacked: whole lines of JSON, no defect, nothing that was sent."""

import json
from collections.abc import Iterator
from pathlib import Path

from libs.cli.data_folder import DataFolder
from tests.attacks.hand.evil_texts import FORGED
from tests.attacks.memory import SERVICES
from tests.attacks.verdicts import Finding

GROUP = "logs"
TOKEN = "eyJ"
"""How every token begins."""
SHOWN = 300


def reviewed(folder: DataFolder) -> Iterator[Finding]:
    """What is wrong with the logs of a platform."""
    for name in SERVICES:
        for line in lines(folder.logs / f"{name}.log"):
            yield from faults(name, line)


def lines(file: Path) -> list[str]:
    """The lines of a log, which are ended by nothing but a line feed."""
    return [line for line in file.read_text(errors="replace").split("\n") if line]


def faults(name: str, line: str) -> Iterator[Finding]:
    """What is wrong with a line."""
    if not line.isprintable():
        yield Finding("unexpected", GROUP, name, f"characters that mean something: {line[:SHOWN]!r}")
    for secret in (TOKEN, FORGED):
        if secret in line:
            yield Finding("leak", GROUP, name, f"what was sent: {line[:SHOWN]!r}")
    try:
        event = json.loads(line)
    except ValueError:
        yield Finding("unexpected", GROUP, name, f"no JSON: {line[:SHOWN]!r}")
        return
    if event.get("event") == "defect" or ("exception" in event and not _has_gone(event)):
        yield Finding("status_5xx", GROUP, name, f"a defect: {line[:SHOWN]}")


def _has_gone(event: dict[str, object]) -> bool:
    """Whether gRPC says that a caller went away before it took its answer, which is no defect of ours."""
    return str(event.get("event")).startswith("ExecuteBatchError raised in core")
