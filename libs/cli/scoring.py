"""Scores a whole program: facts of its members from one service to the other, and the scores to files."""

import asyncio
import os
import sys
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
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
from libs.common.program import Program, Rfm
from libs.common.rpc.time import moment, timestamp

HEADER = "member_id,r,f,m,total_bp,label\n"
MEMBERS_PER_PART = 20_000
PARTS_MAX = 1000
FRAMES_IN_FLIGHT_MAX = 3
DIVIDE_SECONDS = 60.0

# Members more or less that are scored, and how many there are.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """The program to score, and for which day."""

    live: benefits_pb2.Program
    program: Program
    rfm: Rfm
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
    if program.rfm is None:
        raise CommandError(
            f"{program_id} has no RFM policy: publish a version whose document has `rfm`, with "
            "`laurel init program`."
        )
    if as_of is None:
        clock = await clocks.clock(clients, program_id)
        as_of = moment(clock.time).astimezone(ZoneInfo(program.time_zone)).date()
    return Scored(live, program, program.rfm, as_of)


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
    labels: Counter[str] = field(default_factory=Counter)
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
        keys: list[str] = []
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(HEADER)
            try:
                async for answer in self.clients.scoring.ScoreFrames(self._requests(facts)):
                    keys = keys or [cell(key) for key in answer.label_keys]
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
            program_digest=live.digest, program_document=live.document, facts=self._facts(), score="rfm"
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
        rfm = self.scored.rfm
        return list(dict.fromkeys([rfm.recency_fact, rfm.frequency_fact, rfm.monetary_fact]))

    def _facts_request(self) -> members_pb2.StreamFactColumnsRequest:
        noon = datetime.combine(self.scored.as_of, time(12), ZoneInfo(self.scored.program.time_zone))
        return members_pb2.StreamFactColumnsRequest(
            program_id=self.scored.program.key,
            as_of=timestamp(noon),
            facts=self._facts(),
            after_member_id=self.part.after,
            through_member_id=self.part.through,
        )

    def _count(self, answer: scoring_pb2.ScoreFramesResponse, keys: list[str]) -> None:
        for place, count in Counter(array("b", answer.labels)).items():
            self.labels[keys[place] if place >= 0 else ""] += count
        self.members += answer.rows_count
        self.told(answer.rows_count, self.members_total)


def rows(ids: Iterable[str], answer: scoring_pb2.ScoreFramesResponse, keys: list[str]) -> Iterator[str]:
    """The lines of a frame; who has no score has empty cells."""
    points = {factor.factor: factor.scores for factor in answer.factors}
    totals = array("i", answer.totals_bp)
    if sys.byteorder == "big":
        totals.byteswap()
    columns = (points["recency"], points["frequency"], points["monetary"], totals, array("b", answer.labels))
    for member_id, r, f, m, total, label in zip(ids, *columns, strict=True):
        if label >= 0:
            yield f"{member_id},{r},{f},{m},{total},{keys[label]}\n"
        else:
            yield f"{member_id},,,,,\n"
