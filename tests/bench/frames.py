"""Rows of frames: what a stream of columns makes of the speed of the kernel that scores them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from laurel.scoring.v1 import scoring_pb2 as pb
from laurel.scoring.v1 import scoring_pb2_grpc
from libs.common.program import preset
from libs.common.rpc.client import channel
from services.scoring.domain.columns import NUMPY, Kernel
from services.scoring.domain.compiled import compiled
from services.scoring.domain.frames import Frame, FrameScorer
from tests.bench.measure import Measured, ratio
from tests.bench.processes import server
from tests.bench.rows import Row
from tests.bench.servers import SERVER_CORE
from tests.support.services import Keys

ROWS_COUNT, FRAMES, IN_FLIGHT = 10_000, 300, 8
SCORING = pb.DESCRIPTOR.services_by_name["ScoringService"]
PROGRAM = preset("music_store")


@dataclass(frozen=True, slots=True)
class Alone:
    """The same frame for a kernel without anything around it."""

    scorer: FrameScorer
    frame: Frame

    async def seconds(self, kernel: Kernel) -> float:
        """How long all frames take, from bytes to scores, on the core of the server."""
        return await asyncio.to_thread(self._seconds, kernel)

    def _seconds(self, kernel: Kernel) -> float:
        os.sched_setaffinity(0, {SERVER_CORE % (os.cpu_count() or 1)})
        started = time.perf_counter()
        for _ in range(FRAMES):
            self.scorer.score(self.frame, kernel)
        return time.perf_counter() - started


def alone() -> Alone:
    """A frame of members as a shop has them: days since the last purchase, purchases, amounts."""
    assert PROGRAM.rfm is not None
    numbers = np.random.default_rng(1)
    columns = [numbers.integers(0, below, ROWS_COUNT).astype("<f8") for below in (400, 20, 100_000)]
    frame = Frame(1, ROWS_COUNT, [column.tobytes() for column in columns])
    return Alone(FrameScorer(PROGRAM.rfm, _facts()), frame)


def _facts() -> list[str]:
    assert PROGRAM.rfm is not None
    return [PROGRAM.rfm.recency_fact, PROGRAM.rfm.frequency_fact, PROGRAM.rfm.monetary_fact]


async def _against(folder: Path, kernel: Kernel) -> Measured:
    """Rows a second of a stream, by those of a kernel alone."""
    keys, beside = Keys.made_in(folder), alone()
    async with (
        server("scoring", folder) as ours,
        channel(ours.address, SCORING, token=keys.token("service", "bench", None)) as to_scoring,
    ):
        stub = scoring_pb2_grpc.ScoringServiceStub(to_scoring)
        return await ratio(lambda: beside.seconds(kernel), lambda: _streamed(stub, beside.frame))


async def _streamed(stub: Any, frame: Frame) -> float:
    """Seconds until all frames are answered, with some of them on their way."""
    room = asyncio.Semaphore(IN_FLIGHT)
    sent = pb.ScoreFramesRequest(
        frame=pb.Frame(frame_id=frame.frame_id, rows_count=frame.rows_count, columns=frame.columns)
    )

    async def requests() -> AsyncIterator[pb.ScoreFramesRequest]:
        yield pb.ScoreFramesRequest(
            header=pb.FrameHeader(
                program_digest=PROGRAM.digest(),
                program_document=PROGRAM.canonical(),
                facts=_facts(),
                score="rfm",
            )
        )
        for _ in range(FRAMES):
            await room.acquire()
            yield sent

    rows = 0
    started = time.perf_counter()
    async for answer in stub.ScoreFrames(requests()):
        rows += answer.rows_count
        room.release()
    assert rows == FRAMES * ROWS_COUNT
    return time.perf_counter() - started


async def frames_vs_numpy(folder: Path) -> Measured:
    """Against the numpy kernel."""
    return await _against(folder, NUMPY)


async def frames_vs_best_kernel(folder: Path) -> Measured:
    """Against the kernel that numba compiled."""
    return await _against(folder, compiled())


WHAT = (
    f"{FRAMES} frames of {ROWS_COUNT} rows and 3 columns over a stream, everything on, {IN_FLIGHT} on their "
    "way: rows a second, by those of the {} kernel alone on the same core, from bytes to checked scores"
)
ROWS = [
    Row(
        "frames_vs_numpy",
        good=1.0,
        goal=2.0,
        lower_is_better=False,
        how=WHAT.format("numpy"),
        measure=frames_vs_numpy,
    ),
    Row(
        "frames_vs_best_kernel",
        good=0.25,
        goal=0.5,
        lower_is_better=False,
        how=WHAT.format("fastest (numba's)"),
        measure=frames_vs_best_kernel,
    ),
]
