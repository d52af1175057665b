"""Scores a whole program: facts of its members from one service to the other, and the scores to files."""

import asyncio
import os
import sys
from array import array
from collections import Counter, deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.scoring.v1 import models_pb2, scoring_pb2
from libs.cli import clocks, programs, registry
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
# So many facts are read of members at once.
FACTS_MAX = 100
# So many bytes of columns are sent at once: a message has 4 MiB at most, and members sends more.
FRAME_BYTES_MAX = 3_500_000
BYTES_PER_NUMBER = 8
NO_VALUE = -(2**63)
# What is written of models of a kind; all of it of a kind that is not known.
PARTS_OF_MODELS = {
    "churn": ("value_bp", "label"),
    "lifetime_value": ("value_bp", "low_bp", "high_bp"),
    "value_segment": ("value_bp", "label"),
}
DIVIDE_SECONDS = 60.0

# Members more or less that are scored, and how many there are.
Told = Callable[[int, int], None]
# What the labels of each score are called.
Keys = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Scored:
    """The program to score, for which day, and the models of it that score beside its policies.

    `left_out`: models that serve, and whose facts cannot be read together with those of all else.
    """

    live: benefits_pb2.Program
    program: Program
    as_of: date
    models: Sequence[models_pb2.ServingModel] = ()
    left_out: Sequence[models_pb2.ServingModel] = ()

    def facts(self) -> list[str]:
        """What is read of members."""
        return _facts(self.program, self.models)

    def manifest(self) -> Manifest:
        """What a folder of its scores says, without parts."""
        return Manifest(
            program_id=self.program.key,
            program_version=self.live.version,
            program_digest=self.live.digest,
            as_of=self.as_of,
            models={name_of(each): version_of(each) for each in self.models},
            parts=[],
        )


async def asked(clients: Clients, program_id: str, as_of: date | None) -> Scored:
    """The live version of a program that scores, for a day or for the program's own today."""
    found = await live_on(clients, program_id, as_of)
    serving = await registry.serving(clients, program_id)
    models = within_facts(found.program, serving)
    scored = replace(found, models=models, left_out=[each for each in serving if each not in models])
    if not scored.program.score_policies and not scored.models:
        raise CommandError(
            f"{program_id} has no score policy: publish a version whose document has `rfm` or `scorecards`, "
            "with `laurel init program`; or no model, see `laurel train`."
        )
    return scored


async def live_on(clients: Clients, program_id: str, as_of: date | None) -> Scored:
    """The live version of a program, for a day or for the program's own today."""
    live = await programs.live(clients, program_id)
    program = Program.parse(live.document)
    return Scored(live, program, as_of or await today_of(clients, program))


async def today_of(clients: Clients, program: Program) -> date:
    """The day that it is where a program does its business."""
    clock = await clocks.clock(clients, program.key)
    return moment(clock.time).astimezone(ZoneInfo(program.time_zone)).date()


def within_facts(
    program: Program, models: Sequence[models_pb2.ServingModel]
) -> list[models_pb2.ServingModel]:
    """Champions, and challengers as far as the facts of all of them can be read at once."""
    taken: list[models_pb2.ServingModel] = []
    for model in sorted(models, key=lambda each: (-each.stage, each.kind)):
        if len(_facts(program, [*taken, model])) <= FACTS_MAX:
            taken.append(model)
    return sorted(taken, key=lambda each: (each.kind, -each.stage))


def name_of(model: models_pb2.ServingModel) -> str:
    """What its columns are called: its kind, and that it is the challenger."""
    is_champion = model.stage == models_pb2.MODEL_STAGE_CHAMPION
    return model.kind if is_champion else f"{model.kind}.{registry.stage_name(model.stage)}"


def version_of(model: models_pb2.ServingModel) -> str:
    """A version as scores name it, such as `churn/3`."""
    return f"{model.kind}/{model.version}"


def told_left_out(scored: Scored) -> str:
    """Which models did not score, and what to do about it."""
    names = ", ".join(f"{version_of(each)} ({registry.stage_name(each.stage)})" for each in scored.left_out)
    return (
        f"Left out: {names}. {FACTS_MAX} facts are read of a member at once, and all scores together read "
        "more. Retire a challenger with `laurel promote`, or train one on fewer features."
    )


def _facts(program: Program, models: Sequence[models_pb2.ServingModel]) -> list[str]:
    return list(dict.fromkeys([*program.score_facts, *(fact for each in models for fact in each.facts)]))


async def divide(clients: Clients, program_id: str, parts: int | None, kind: str = "csv") -> list[Part]:
    """The parts that the members of a program are scored in, each a file of this kind."""

    async def division(count: int) -> members_pb2.DivideMembersResponse:
        request = members_pb2.DivideMembersRequest(program_id=program_id, parts_count=count)
        return await patiently(lambda: clients.members.DivideMembers(request, timeout=DIVIDE_SECONDS))

    if parts is None:
        total = (await division(1)).members_total
        parts = min(PARTS_MAX, max(cores(), -(-total // MEMBERS_PER_PART)))
    return parts_between((await division(parts)).through_member_ids, kind)


def cores() -> int:
    """How many parts are scored at once."""
    return len(os.sched_getaffinity(0))


async def score(clients: Clients, run: ScoreRun, scored: Scored, told: Told) -> None:
    """Score the parts that are waiting; of members that have to be scored again, `told` hears again."""
    await each_waiting(run, partial(_score_part, clients, run, scored, told))


async def each_waiting(run: ScoreRun, attempt: Callable[[Part], Awaitable[None]]) -> None:
    """Attempt the parts that are waiting, on every core one, again where a service was away."""
    waiting = deque(run.waiting())

    async def lane() -> None:
        while waiting:
            await patiently(partial(attempt, waiting.popleft()))

    await together(*(lane() for _ in range(cores())))


async def _score_part(clients: Clients, run: ScoreRun, scored: Scored, told: Told, part: Part) -> None:
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
        facts = self.clients.members.StreamFactColumns(
            facts_request(self.scored, self.part, self.scored.facts())
        )
        keys: Keys = {}
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(header(self.scored.program, self.scored.models))
            try:
                async for answer in self.clients.scoring.ScoreFrames(self._requests(facts)):
                    keys = keys or self._keys(answer)
                    ids = self.sent.popleft()
                    await asyncio.to_thread(file.writelines, rows(ids, answer, keys, self.scored.models))
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
            program_digest=live.digest,
            program_document=live.document,
            facts=self.scored.facts(),
            model_digests=[each.digest for each in self.scored.models],
        )
        yield scoring_pb2.ScoreFramesRequest(header=header)
        try:
            async for found in facts:
                self.members_total = found.members_total
                for ids, frame in frames(found):
                    await self.room.acquire()
                    self.sent.append(ids)
                    yield scoring_pb2.ScoreFramesRequest(frame=frame)
        except grpc.aio.AioRpcError as error:
            self.failure = error

    def _keys(self, answer: scoring_pb2.ScoreFramesResponse) -> Keys:
        found = {each.name: [*map(cell, each.label_keys)] for each in answer.scores}
        for model, score in zip(self.scored.models, answer.model_scores, strict=True):
            found[name_of(model)] = [*map(cell, score.label_keys)]
        return found

    def _count(self, answer: scoring_pb2.ScoreFramesResponse, keys: Keys) -> None:
        by_models = zip(map(name_of, self.scored.models), answer.model_scores, strict=True)
        for name, score in ((each.name, each) for each in answer.scores):
            self._count_labels(name, score.labels, keys[name])
        for name, by_model in by_models:
            if keys[name]:
                self._count_labels(name, by_model.labels, keys[name])
        self.members += answer.rows_count
        self.told(answer.rows_count, self.members_total)

    def _count_labels(self, name: str, labels: bytes, named: Sequence[str]) -> None:
        counted = self.labels.setdefault(name, Counter())
        for place, count in Counter(array("b", labels)).items():
            counted[named[place] if place >= 0 else ""] += count


def frames(
    found: members_pb2.StreamFactColumnsResponse,
) -> Iterator[tuple[Sequence[str], scoring_pb2.Frame]]:
    """Members of an answer and their columns, in frames that fit into a message."""
    ids, rows = found.member_ids, max(1, FRAME_BYTES_MAX // (BYTES_PER_NUMBER * len(found.columns)))
    for start in range(0, len(ids), rows):
        some = ids[start : start + rows]
        begin, end = start * BYTES_PER_NUMBER, (start + rows) * BYTES_PER_NUMBER
        columns = [column[begin:end] for column in found.columns]
        yield some, scoring_pb2.Frame(rows_count=len(some), columns=columns)


def facts_request(
    scored: Scored, part: Part, facts: Sequence[str], days: Sequence[int] = (0,)
) -> members_pb2.StreamFactColumnsRequest:
    """Asks for facts of a part's members at the end of the day, or of those so many days later."""
    zone = ZoneInfo(scored.program.time_zone)
    dates = (scored.as_of + timedelta(days=each) for each in days)
    first, *more = (timestamp(datetime.combine(date_, time(12), zone)) for date_ in dates)
    return members_pb2.StreamFactColumnsRequest(
        program_id=scored.program.key,
        as_of=first,
        more_dates=more,
        facts=facts,
        after_member_id=part.after,
        through_member_id=part.through,
    )


def header(program: Program, models: Sequence[models_pb2.ServingModel] = ()) -> str:
    """The first line of a file: of each score the points of its factors, its total and its label.

    Then of each model its value, its bounds and its label, as far as its kind has them.
    """
    names = [
        f"{score}.{part}"
        for score, policy in program.score_policies.items()
        for part in (*policy.factors, "total_bp", "label")
    ]
    names += [f"{name_of(model)}.{part}" for model in models for part in _parts(model.kind)]
    return ",".join(["member_id", *names]) + "\n"


def rows(
    ids: Iterable[str],
    answer: scoring_pb2.ScoreFramesResponse,
    keys: Keys,
    models: Sequence[models_pb2.ServingModel] = (),
) -> Iterator[str]:
    """The lines of a frame; who has no score has empty cells for it."""
    scores = [_cells(score, keys[score.name]) for score in answer.scores]
    for model, score in zip(models, answer.model_scores, strict=True):
        scores.append(_model_cells(score, _parts(model.kind), keys[name_of(model)]))
    for line in zip(ids, *scores, strict=True):
        yield ",".join(line) + "\n"


def _parts(kind: str) -> Sequence[str]:
    return PARTS_OF_MODELS.get(kind, ("value_bp", "low_bp", "high_bp", "label"))


def _model_cells(
    score: scoring_pb2.FrameModelScore, parts: Sequence[str], keys: Sequence[str]
) -> Iterator[str]:
    """The cells of one model, row by row."""
    values, labels = _integers(score.values_bp), array("b", score.labels)
    nothing = [""] * len(values)
    columns = {
        "value_bp": [*map(str, values)],
        "low_bp": [*map(str, _integers(score.lows_bp))] or nothing,
        "high_bp": [*map(str, _integers(score.highs_bp))] or nothing,
        "label": [keys[label] if label >= 0 else "" for label in labels],
    }
    empty = "," * (len(parts) - 1)
    for value, cells in zip(values, zip(*(columns[part] for part in parts), strict=True), strict=True):
        yield empty if value == NO_VALUE else ",".join(cells)


def _integers(column: bytes) -> "array[int]":
    found = array("q", column)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _cells(score: scoring_pb2.FrameScore, keys: Sequence[str]) -> Iterator[str]:
    """The cells of one score, row by row."""
    totals = array("i", score.totals_bp)
    if sys.byteorder == "big":
        totals.byteswap()
    empty = "," * (len(score.factors) + 1)
    points = zip(*(factor.scores for factor in score.factors), strict=True)
    for each, total, label in zip(points, totals, array("b", score.labels), strict=True):
        yield f"{','.join(map(str, each))},{total},{keys[label]}" if label >= 0 else empty
