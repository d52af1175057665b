"""`python -m tests.faults.armed members`: a service as it is, that dies at a place in its code when told to.

Between two lines is where nobody can aim from outside: between XADD and the
mark that says sent, between an effect and its XACK. Which place is told by a
file, which goes as the process dies, so that whoever asked for it knows.
"""

import importlib
import os
import signal
import sys
from functools import wraps
from pathlib import Path
from typing import Any

from libs.common.outbox import OutboxRelay
from libs.common.redis import Redis

FOLDER = "LAUREL_FAULTS_FOLDER"
RELAY, CONSUMER = "relay", "consumer"


def trigger(folder: Path, service: str, place: str) -> Path:
    """The file at which a service dies as soon as it is at that place."""
    return folder / f"{service}.{place}"


def arm(folder: Path, service: str) -> None:
    """Let this process die where it is told to."""
    _dies_before(OutboxRelay, "_mark", trigger(folder, service, RELAY))
    _dies_before(Redis, "xack", trigger(folder, service, CONSUMER))


def _dies_before(owner: type[Any], method: str, file: Path) -> None:
    goes_on = getattr(owner, method)

    @wraps(goes_on)
    def dies(*arguments: Any, **named: Any) -> Any:
        if file.exists():
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return goes_on(*arguments, **named)

    setattr(owner, method, dies)


def main() -> None:
    """Run the service of this name, armed."""
    service = sys.argv.pop(1)
    arm(Path(os.environ[FOLDER]), service)
    importlib.import_module(f"services.{service}.server").run()


if __name__ == "__main__":
    main()
