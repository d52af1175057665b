"""What frames are scored by: numpy at once, and machine code as soon as it is compiled."""

import asyncio

from libs.common.telemetry import log
from services.scoring.domain.columns import NUMPY
from services.scoring.domain.compiled import compiled


class Kernels:
    """The best kernel so far. All of them give the same bits, so nobody needs to know which it is."""

    def __init__(self) -> None:
        self.best = NUMPY

    async def compile(self) -> None:
        """Compile beside the calls that are served; a machine that cannot goes on with numpy."""
        try:
            self.best = await asyncio.to_thread(compiled)
        except Exception:
            log("kernels").exception("frames are scored by numpy alone")
