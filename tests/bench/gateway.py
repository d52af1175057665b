"""The gateway as it is, on a core of its own: `python -m tests.bench.gateway`, set by the environment."""

import os
import runpy

from tests.bench.servers import SERVER_CORE

if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    runpy.run_module("services.gateway", run_name="__main__")
