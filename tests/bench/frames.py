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
from libs.models import serving
from services.scoring.domain.cards import cards_of
from services.scoring.domain.columns import NO_FACT, NUMPY, Integers, Kernel
from services.scoring.domain.compiled import compiled
from services.scoring.domain.frames import SHORT_NUMBER, Frame, FrameScorer
from services.scoring.domain.model_scores import NamedModel
from tests.bench import models, servers
from tests.bench.measure import Measured, ratio
from tests.bench.processes import server
from tests.bench.rows import Row
from tests.support.services import Keys

ROWS_COUNT, FRAMES, IN_FLIGHT = 10_000, 300, 8
SCORING = pb.DESCRIPTOR.services_by_name["ScoringService"]
PROGRAM = preset(servers.PROGRAM)
CARDS = tuple(cards_of(PROGRAM).values())
MODELS = models.models_of(PROGRAM.key)
FACTS = tuple(dict.fromkeys([*PROGRAM.score_facts, *(fact for each in MODELS for fact in each.facts)]))
MISSING = 0.1


@dataclass(frozen=True, slots=True)
class Alone:
    """The same frame for a kernel without anything around it."""

    scorer: FrameScorer
    frame: Frame

    async def seconds(self, kernel: Kernel) -> float:
        """How long all frames take, from bytes to scores, on the core of the server."""
        return await asyncio.to_thread(self._seconds, kernel)

    def _seconds(self, kernel: Kernel) -> float:
        os.sched_setaffinity(0, {servers.SERVER_CORE % (os.cpu_count() or 1)})
        started = time.perf_counter()
        for _ in range(FRAMES):
            self.scorer.score(self.frame, kernel)
        return time.perf_counter() - started


def alone() -> Alone:
    """A frame of members as a shop has them, each fact of which some lack."""
    numbers = np.random.default_rng(1)
    columns = [_column(fact, numbers).tobytes() for fact in FACTS]
    named = [NamedModel(PROGRAM.key, f"{each.kind}/1", serving.compiled(each)) for each in MODELS]
    scorer = FrameScorer(CARDS, FACTS, [SHORT_NUMBER] * len(FACTS), named)
    return Alone(scorer, Frame(1, ROWS_COUNT, columns))


def _column(fact: str, numbers: np.random.Generator) -> Integers:
    """Days of up to a year, amounts of up to a thousand, and a few of everything else."""
    below = 400 if "days_since" in fact else 100_000 if "amount" in fact else 20
    column = numbers.integers(0, below, ROWS_COUNT).astype("<i4")
    column[numbers.random(ROWS_COUNT) < MISSING] = NO_FACT
    return column


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
                facts=FACTS,
                kinds=[pb.COLUMN_KIND_INT32] * len(FACTS),
                model_digests=[each.digest() for each in MODELS],
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
    """Against the numpy kernels."""
    return await _against(folder, NUMPY)


async def frames_vs_best_kernel(folder: Path) -> Measured:
    """Against the kernels that numba compiled."""
    return await _against(folder, compiled())


FACTORS = sum(len(card.factors) for card in CARDS)
WHAT = (
    f"{FRAMES} frames of {ROWS_COUNT} rows and {len(FACTS)} columns of int32 over a stream, everything on, "
    f"{IN_FLIGHT} on their way, for {len(CARDS)} scores ({', '.join(card.name for card in CARDS)}) with the "
    f"points of {FACTORS} factors, and by {len(MODELS)} models ({', '.join(each.kind for each in MODELS)}): "
    "rows a second, by those of the {} kernels alone on the same core, from bytes to checked scores"
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
