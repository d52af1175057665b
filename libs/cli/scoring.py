"""Scores a whole program: facts of its members from one service to the other, and the scores to files."""

import asyncio
import os
import sys
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.scoring.v1 import scoring_pb2
from libs.cli import clocks, programs
from libs.cli.cells import cell
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.cli.score_run import Manifest, Part, ScoreRun, parts_between
from libs.cli.supervisor import together
from libs.common.program import Program
from libs.common.rpc.time import moment, timestamp

MEMBERS_PER_PART = 20_000
PARTS_MAX = 1000
FRAMES_IN_FLIGHT_MAX = 3
DIVIDE_SECONDS = 60.0

# Members more or less that are scored, and how many there are.
Told = Callable[[int, int], None]
# What the labels of each score are called.
Keys = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Scored:
    """The program to score, and for which day."""

    live: benefits_pb2.Program
    program: Program
    as_of: date

    def manifest(self) -> Manifest:
        """What a folder of its scores says, without parts."""
        return Manifest(
            program_id=self.program.key,
            program_version=self.live.version,
            program_digest=self.live.digest,
            as_of=self.as_of,
            parts=[],
        )


async def asked(clients: Clients, program_id: str, as_of: date | None) -> Scored:
    """The live version of a program, for a day or for the program's own today."""
    live = await programs.live(clients, program_id)
    program = Program.parse(live.document)
    if not program.score_policies:
        raise CommandError(
            f"{program_id} has no score policy: publish a version whose document has `rfm` or `scorecards`, "
            "with `laurel init program`."
        )
    if as_of is None:
        clock = await clocks.clock(clients, program_id)
        as_of = moment(clock.time).astimezone(ZoneInfo(program.time_zone)).date()
    return Scored(live, program, as_of)


async def divide(clients: Clients, program_id: str, parts: int | None) -> list[Part]:
    """The parts that the members of a program are scored in."""

    async def division(count: int) -> members_pb2.DivideMembersResponse:
        request = members_pb2.DivideMembersRequest(program_id=program_id, parts_count=count)
        return await patiently(lambda: clients.members.DivideMembers(request, timeout=DIVIDE_SECONDS))

    if parts is None:
        total = (await division(1)).members_total
        parts = min(PARTS_MAX, max(cores(), -(-total // MEMBERS_PER_PART)))
    return parts_between((await division(parts)).through_member_ids)


def cores() -> int:
    """How many parts are scored at once."""
    return len(os.sched_getaffinity(0))


async def score(clients: Clients, run: ScoreRun, scored: Scored, told: Told) -> None:
    """Score the parts that are waiting; of members that have to be scored again, `told` hears again."""
    waiting = deque(run.waiting())

    async def lane() -> None:
        while waiting:
            attempt = partial(_score_part, clients, run, scored, waiting.popleft(), told)
            await patiently(attempt)

    await together(*(lane() for _ in range(cores())))


async def _score_part(clients: Clients, run: ScoreRun, scored: Scored, part: Part, told: Told) -> None:
    await PartScorer(clients, run, scored, part, told).score()


@dataclass(slots=True)
class PartScorer:
    """One attempt at a part: what members streams goes to scoring as it is, frame by frame."""

    clients: Clients
    run: ScoreRun
    scored: Scored
    part: Part
    told: Told
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    members: int = 0
    members_total: int = 0
    sent: deque[Any] = field(default_factory=deque)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FRAMES_IN_FLIGHT_MAX))
    failure: grpc.aio.AioRpcError | None = None

    async def score(self) -> None:
        """Write the file of the part; after a failure it is as if nothing had been."""
        fresh = self.run.folder / f"{self.part.file}.new"
        try:
            await self._write(fresh)
        except BaseException:
            self.told(-self.members, self.members_total)
            raise
        self.run.keep(self.part, fresh, members=self.members, labels=self.labels)

    async def _write(self, fresh: Path) -> None:
        facts = self.clients.members.StreamFactColumns(self._facts_request())
        keys: dict[str, list[str]] = {}
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(header(self.scored.program))
            try:
                async for answer in self.clients.scoring.ScoreFrames(self._requests(facts)):
                    keys = keys or {each.name: [*map(cell, each.label_keys)] for each in answer.scores}
                    ids = self.sent.popleft()
                    await asyncio.to_thread(file.writelines, rows(ids, answer, keys))
                    self._count(answer, keys)
                    self.room.release()
            finally:
                facts.cancel()
        if self.failure is not None:
            raise self.failure

    async def _requests(
        self, facts: AsyncIterable[members_pb2.StreamFactColumnsResponse]
    ) -> AsyncIterator[scoring_pb2.ScoreFramesRequest]:
        """The header, then frames. What fails here ends the frames, and is raised when these are answered."""
        live = self.scored.live
        header = scoring_pb2.FrameHeader(
            program_digest=live.digest, program_document=live.document, facts=self._facts()
        )
        yield scoring_pb2.ScoreFramesRequest(header=header)
        try:
            async for found in facts:
                await self.room.acquire()
                self.sent.append(found.member_ids)
                self.members_total = found.members_total
                frame = scoring_pb2.Frame(rows_count=len(found.member_ids), columns=found.columns)
                yield scoring_pb2.ScoreFramesRequest(frame=frame)
        except grpc.aio.AioRpcError as error:
            self.failure = error

    def _facts(self) -> list[str]:
        return list(self.scored.program.score_facts)

    def _facts_request(self) -> members_pb2.StreamFactColumnsRequest:
        noon = datetime.combine(self.scored.as_of, time(12), ZoneInfo(self.scored.program.time_zone))
        return members_pb2.StreamFactColumnsRequest(
            program_id=self.scored.program.key,
            as_of=timestamp(noon),
            facts=self._facts(),
            after_member_id=self.part.after,
            through_member_id=self.part.through,
        )

    def _count(self, answer: scoring_pb2.ScoreFramesResponse, keys: Keys) -> None:
        for score in answer.scores:
            counted, named = self.labels.setdefault(score.name, Counter()), keys[score.name]
            for place, count in Counter(array("b", score.labels)).items():
                counted[named[place] if place >= 0 else ""] += count
        self.members += answer.rows_count
        self.told(answer.rows_count, self.members_total)


def header(program: Program) -> str:
    """The first line of a file: of each score the points of its factors, its total and its label."""
    names = [
        f"{score}.{part}"
        for score, policy in program.score_policies.items()
        for part in (*policy.factors, "total_bp", "label")
    ]
    return ",".join(["member_id", *names]) + "\n"


def rows(ids: Iterable[str], answer: scoring_pb2.ScoreFramesResponse, keys: Keys) -> Iterator[str]:
    """The lines of a frame; who has no score has empty cells for it."""
    scores = [_cells(score, keys[score.name]) for score in answer.scores]
    for line in zip(ids, *scores, strict=True):
        yield ",".join(line) + "\n"


def _cells(score: scoring_pb2.FrameScore, keys: Sequence[str]) -> Iterator[str]:
    """The cells of one score, row by row."""
    totals = array("i", score.totals_bp)
    if sys.byteorder == "big":
        totals.byteswap()
    empty = "," * (len(score.factors) + 1)
    points = zip(*(factor.scores for factor in score.factors), strict=True)
    for each, total, label in zip(points, totals, array("b", score.labels), strict=True):
        yield f"{','.join(map(str, each))},{total},{keys[label]}" if label >= 0 else empty
