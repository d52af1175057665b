"""Scoring a whole program from a members service that fails as killed processes do."""

import asyncio
import csv
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import numpy as np
import pytest

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from laurel.scoring.v1 import models_pb2, models_pb2_grpc, scoring_pb2, scoring_pb2_grpc
from libs.cli import retries, scoring
from libs.cli.cells import cell
from libs.cli.clients import Clients
from libs.cli.errors import CommandError, RefusedError
from libs.cli.score_run import ScoreRun, opened
from libs.common.program import Program, preset
from libs.common.rpc.client import channel
from libs.common.rpc.time import moment, timestamp
from services.scoring.domain.cards import cards_of
from services.scoring.domain.scores import score
from services.scoring.server import make_server
from services.scoring.settings import Settings
from tests.support.services import NO_DATABASE, Keys

IDS = [f"mem_{number:032x}" for number in range(25)]
PER_ANSWER = 4
ROOT = Path(__file__).parents[2]
DAYS, COUNT, AMOUNT = "purchase.days_since_last", "purchase.count.lifetime", "purchase.amount_minor.lifetime"
NAN = float("nan")
SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]


def facts_of(place: int) -> dict[str, float]:
    """Every fifth member has never bought."""
    if place % 5 == 0:
        return {DAYS: NAN, COUNT: NAN, AMOUNT: NAN}
    return {DAYS: place * 23, COUNT: place % 7, AMOUNT: place * 700}


@dataclass
class FakeMembers(members_pb2_grpc.MembersServiceServicer):
    """25 members; a stream ends with a failure after one answer as often as the test says."""

    failures: list[grpc.StatusCode] = field(default_factory=list)
    asked: list[pb.StreamFactColumnsRequest] = field(default_factory=list)
    # Streams begin when so many are asked for at once.
    meeting: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(1))

    async def DivideMembers(self, request: pb.DivideMembersRequest, context: Any) -> pb.DivideMembersResponse:
        size = -(-len(IDS) // request.parts_count)
        return pb.DivideMembersResponse(
            through_member_ids=IDS[size - 1 : len(IDS) - 1 : size], members_total=len(IDS)
        )

    async def BatchGetClocks(self, request: Any, context: Any) -> pb.BatchGetClocksResponse:
        clock = pb.ProgramClock(time=timestamp(datetime(1998, 7, 1, tzinfo=UTC)))
        return pb.BatchGetClocksResponse(
            results=[pb.ClockResult(status=lookup_pb2.LOOKUP_STATUS_FOUND, clock=clock)]
        )

    async def StreamFactColumns(
        self, request: pb.StreamFactColumnsRequest, context: Any
    ) -> AsyncIterator[pb.StreamFactColumnsResponse]:
        self.asked.append(request)
        await self.meeting.wait()
        wanted = [
            place
            for place, each in enumerate(IDS)
            if each > request.after_member_id and each <= (request.through_member_id or "n")
        ]
        for start in range(0, len(wanted), PER_ANSWER):
            if start and self.failures:
                await context.abort(self.failures.pop(), "killed")
            places = wanted[start : start + PER_ANSWER]
            yield pb.StreamFactColumnsResponse(
                member_ids=[IDS[place] for place in places],
                columns=[
                    np.array([facts_of(place)[fact] for place in places], "<f8").tobytes()
                    for fact in request.facts
                ],
                members_total=len(IDS),
            )


@dataclass
class FakeBenefits(benefits_pb2_grpc.BenefitsServiceServicer):
    """Knows one program."""

    program: Program = field(default_factory=lambda: preset("music_store"))

    async def BatchGetPrograms(self, request: Any, context: Any) -> benefits_pb2.BatchGetProgramsResponse:
        found = benefits_pb2.Program(
            program_id=self.program.key,
            version=3,
            digest=self.program.digest(),
            document=self.program.canonical(),
        )
        return benefits_pb2.BatchGetProgramsResponse(
            results=[benefits_pb2.ProgramResult(status=lookup_pb2.LOOKUP_STATUS_FOUND, program=found)]
        )


@dataclass
class FakeModels(models_pb2_grpc.ModelServiceServicer):
    """Knows which models serve."""

    serving: list[models_pb2.ServingModel] = field(default_factory=list)

    async def ListServingModels(self, request: Any, context: Any) -> models_pb2.ListServingModelsResponse:
        return models_pb2.ListServingModelsResponse(models=self.serving)


@dataclass
class World:
    """The services, and the command's calls of them."""

    clients: Clients
    members: FakeMembers
    benefits: FakeBenefits
    models: FakeModels

    async def score(self, folder: Path, parts: int | None = None, as_of: date | None = None) -> ScoreRun:
        scored = await scoring.asked(self.clients, "music_store", as_of)
        self.told: list[int] = []
        with opened(folder, scored.manifest()) as run:
            if not run.manifest.parts:
                run.manifest.parts = await scoring.divide(self.clients, "music_store", parts)
                run.save()
            await scoring.score(self.clients, run, scored, lambda more, _: self.told.append(more))
            return run


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    keys = Keys.made_in(tmp_path)
    real = make_server(
        Settings(
            key_set_file=keys.key_set_file,
            audit_key_file=keys.audit_key_file,
            mongodb_uri=NO_DATABASE,
            development=True,
            port=0,
            metrics_port=0,
            drain_seconds=0,
        )
    )
    models = FakeModels()  # type: ignore[abstract]  # the method that is called
    members, benefits = FakeMembers(), FakeBenefits()  # type: ignore[abstract]  # the methods that are called
    fakes = grpc.aio.server()
    members_pb2_grpc.add_MembersServiceServicer_to_server(members, fakes)
    benefits_pb2_grpc.add_BenefitsServiceServicer_to_server(benefits, fakes)
    models_pb2_grpc.add_ModelServiceServicer_to_server(models, fakes)
    faked = f"127.0.0.1:{fakes.add_insecure_port('127.0.0.1:0')}"
    await fakes.start()
    async with (
        grpc.aio.insecure_channel(faked) as to_fakes,
        channel(f"127.0.0.1:{await real.start()}", SCORING, token=keys.token("staff", "ann")) as to_scoring,
    ):
        clients: Any = SimpleNamespace(
            members=members_pb2_grpc.MembersServiceStub(to_fakes),
            benefits=benefits_pb2_grpc.BenefitsServiceStub(to_fakes),
            scoring=scoring_pb2_grpc.ScoringServiceStub(to_scoring),
            models=models_pb2_grpc.ModelServiceStub(to_fakes),
        )
        yield World(clients, members, benefits, models)
    await real.drain()
    await fakes.stop(None)


def rows_in(folder: Path) -> list[dict[str, str]]:
    return [
        row
        for file in sorted(folder.glob("*.csv"))
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    ]


def expected(place: int, program: Program | None = None) -> dict[str, str]:
    facts = {name: int(value) for name, value in facts_of(place).items() if value == value}  # noqa: PLR0124
    line = {"member_id": IDS[place]}
    for name, card in cards_of(program or preset("music_store")).items():
        found = score(card, facts)
        points = {each.factor: str(each.score) for each in found.contributions}
        cells = {factor.key: points.get(factor.key, "") for factor in card.factors}
        cells |= {"total_bp": "" if found.total_bp is None else str(found.total_bp), "label": found.label}
        line |= {f"{name}.{part}": cell for part, cell in cells.items()}
    return line


def with_scorecards() -> Program:
    """RFM, and two scorecards over the same facts: of all members, and of those who bought."""
    document = preset("music_store").document()
    name = {"zh": "名", "en": "Name"}
    dimension = {"key": "money", "name": name, "fact": AMOUNT, "weight_bp": 10_000}
    card = {
        "key": "spend",
        "version": "v1",
        "name": name,
        "dimensions": [dimension | {"scale": {"kind": "linear", "high": 15_000}}],
        "bands": [
            {"key": "much", "name": name, "min_total_bp": 5_000},
            {"key": "some", "name": name, "min_total_bp": 0},
        ],
    }
    document["scorecards"] = [card, card | {"key": "buyers", "requires": COUNT}]
    return Program.parse(document)


@pytest.mark.parametrize("parts", [None, 1, 4])
async def test_every_member_is_in_one_file_with_the_score_of_their_facts(
    world: World, tmp_path: Path, parts: int | None
) -> None:
    run = await world.score(tmp_path / "scores", parts)

    assert rows_in(run.folder) == [expected(place) for place in range(len(IDS))]
    assert run.members() == sum(world.told) == len(IDS)
    assert run.labels()["rfm"][""] == sum(expected(place)["rfm.label"] == "" for place in range(len(IDS)))
    assert {each.name for each in run.folder.iterdir()} == {
        "lock",
        "manifest.json",
        *(part.file for part in run.manifest.parts),
    }


async def test_as_many_parts_are_scored_at_once_as_there_are_cores(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "cores", lambda: 3)
    world.members.meeting = asyncio.Barrier(3)

    async with asyncio.timeout(30):
        run = await world.score(tmp_path / "scores")

    assert len(run.manifest.parts) == 3
    assert rows_in(run.folder) == [expected(place) for place in range(len(IDS))]


async def test_every_score_of_the_program_is_written(world: World, tmp_path: Path) -> None:
    world.benefits.program = with_scorecards()

    run = await world.score(tmp_path / "scores")

    lines = [expected(place, with_scorecards()) for place in range(len(IDS))]
    assert rows_in(run.folder) == lines
    assert run.labels() == {
        name: Counter(line[f"{name}.label"] for line in lines) for name in ("rfm", "spend", "buyers")
    }
    assert run.labels()["buyers"][""] > 0 == run.labels()["spend"][""]


async def test_it_is_of_the_programs_today_unless_a_day_is_given(world: World, tmp_path: Path) -> None:
    zone = ZoneInfo(preset("music_store").time_zone)

    today = await world.score(tmp_path / "today")
    given = await world.score(tmp_path / "given", as_of=date(1997, 12, 31))

    asked = [moment(each.as_of).astimezone(zone).date() for each in world.members.asked]
    assert today.manifest.as_of == asked[0] == datetime(1998, 7, 1, tzinfo=UTC).astimezone(zone).date()
    assert given.manifest.as_of == asked[-1] == date(1997, 12, 31)


async def test_a_part_whose_stream_breaks_is_scored_again_and_counted_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "BACKOFF_SECONDS_MIN", 0.001)
    world.members.failures = [grpc.StatusCode.UNAVAILABLE] * 3

    run = await world.score(tmp_path / "scores", 2)

    assert len(rows_in(run.folder)) == len({row["member_id"] for row in rows_in(run.folder)}) == len(IDS)
    assert sum(world.told) == run.members() == len(IDS)
    assert len(world.members.asked) == 5


async def test_what_is_refused_for_good_is_told_and_the_parts_that_are_done_stay(
    world: World, tmp_path: Path
) -> None:
    await world.score(tmp_path / "scores", 5)
    (tmp_path / "scores" / "part-0002.csv").unlink()
    world.members.asked.clear()
    world.members.failures = [grpc.StatusCode.PERMISSION_DENIED]

    with pytest.raises(RefusedError):
        await world.score(tmp_path / "scores")
    run = await world.score(tmp_path / "scores")

    assert [each.after_member_id for each in world.members.asked] == [IDS[4], IDS[4]]
    assert rows_in(run.folder) == [expected(place) for place in range(len(IDS))]


async def test_a_program_without_a_policy_is_told_what_to_do(world: World) -> None:
    world.benefits.program = preset("ecommerce_five")

    with pytest.raises(CommandError, match="has no score policy"):
        await scoring.asked(world.clients, "ecommerce_five", None)


async def test_the_example_of_the_page_scores_every_member(world: World) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/bulk.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"members_pb2": pb, "scoring_pb2": scoring_pb2}
    exec(example, names)
    live = (await scoring.asked(world.clients, "music_store", None)).live
    as_of = timestamp(datetime(1998, 6, 30, tzinfo=UTC))

    found = {
        member: (total, label)
        async for ids, totals, labels in names["scores"](
            world.clients.members, world.clients.scoring, live, as_of
        )
        for member, total, label in zip(ids, totals.tolist(), labels.tolist(), strict=True)
    }

    wanted = [expected(place) for place in range(len(IDS))]
    assert found == {
        each["member_id"]: (int(each["rfm.total_bp"] or -1), each["rfm.label"]) for each in wanted
    }


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("high_value", "high_value"),
        ("=1+1", '"\'=1+1"'),
        ("-5", '"\'-5"'),
        ("＝cmd", '"\'＝cmd"'),
        ("@a", '"\'@a"'),
        ("\ta", '"\'\ta"'),
        ('a,"b"', '"a,""b"""'),
    ],
)
def test_no_cell_is_a_formula(text: str, written: str) -> None:
    assert cell(text) == written


def a_model(kind: str, stage: int, facts: list[str]) -> models_pb2.ServingModel:
    return models_pb2.ServingModel(kind=kind, version=stage, stage=stage, digest="0" * 64, facts=facts)  # type: ignore[arg-type]


def test_challengers_are_left_out_whose_facts_are_too_many() -> None:
    first, second = ([f"{letter}.count.{place}d" for place in range(48)] for letter in "ab")
    champion, challenger = (
        a_model("churn", 3, first),
        a_model("churn", 2, [*second, "c.count.7d", "d.count.7d"]),
    )
    program = preset("music_store")

    assert scoring.within_facts(program, [challenger, champion]) == [champion]
    assert scoring.within_facts(program, [a_model("churn", 2, second), champion])[0] == champion
    assert scoring.name_of(challenger) == "churn.challenger"


async def test_what_is_left_out_is_said(world: World) -> None:
    first, second = ([f"{letter}.count.{place}d" for place in range(50)] for letter in "ab")
    serving = [a_model("churn", 3, first), a_model("churn", 2, second)]
    world.models.serving = serving

    scored = await scoring.asked(world.clients, "music_store", None)

    assert [scoring.name_of(each) for each in scored.models] == ["churn"]
    assert [scoring.name_of(each) for each in scored.left_out] == ["churn.challenger"]
    assert scoring.told_left_out(scored).startswith("Left out: churn/2 (challenger). 100 facts")
    world.models.serving = serving[:1]
    assert (await scoring.asked(world.clients, "music_store", None)).left_out == []


def test_frames_fit_into_messages_however_many_facts_there_are() -> None:
    """Members sends up to 12 MB at once, which scoring would not take."""
    numbers = np.arange(10_000, dtype="<f8")
    found = pb.StreamFactColumnsResponse(
        member_ids=[f"mem_{place:032x}" for place in range(10_000)],
        columns=[(numbers + column).tobytes() for column in range(scoring.FACTS_MAX)],
    )

    sent = [*scoring.frames(found)]

    assert [member for ids, _ in sent for member in ids] == found.member_ids
    assert [len(ids) for ids, _ in sent] == [frame.rows_count for _, frame in sent]
    for column, whole in enumerate(found.columns):
        assert b"".join(frame.columns[column] for _, frame in sent) == whole
    assert max(frame.ByteSize() for _, frame in sent) < 4 * 1024 * 1024
    few = pb.StreamFactColumnsResponse(member_ids=found.member_ids, columns=found.columns[:3])
    assert len([*scoring.frames(few)]) == 1


async def test_small_frames_make_the_same_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "FRAME_BYTES_MAX", 3 * 3 * scoring.BYTES_PER_NUMBER)

    run = await world.score(tmp_path / "scores")

    assert rows_in(run.folder) == [expected(place) for place in range(len(IDS))]
    assert run.members() == sum(world.told) == len(IDS)


def packed(value: int) -> bytes:
    """A column of one member with this value and one without any."""
    return np.array([value, scoring.NO_VALUE], "<i8").tobytes()


def test_a_file_has_what_each_kind_of_model_says() -> None:
    models = [a_model("churn", 3, []), a_model("churn", 2, []), a_model("lifetime_value", 3, [])]
    by_models = [
        scoring_pb2.FrameModelScore(values_bp=packed(4200), labels=bytes([1, 255])),
        scoring_pb2.FrameModelScore(values_bp=packed(4300), labels=bytes([0, 255])),
        scoring_pb2.FrameModelScore(
            values_bp=packed(7), lows_bp=packed(5), highs_bp=packed(9), labels=bytes([255, 255])
        ),
    ]
    answer = scoring_pb2.ScoreFramesResponse(model_scores=by_models)
    keys = {"churn": ["high", "low"], "churn.challenger": ["high", "low"], "lifetime_value": []}

    assert scoring.header(preset("ecommerce_five"), models) == (
        "member_id,churn.value_bp,churn.label,churn.challenger.value_bp,churn.challenger.label,"
        "lifetime_value.value_bp,lifetime_value.low_bp,lifetime_value.high_bp\n"
    )
    assert [*scoring.rows(["a", "b"], answer, keys, models)] == ["a,4200,low,4300,high,7,5,9\n", "b,,,,,,,\n"]
