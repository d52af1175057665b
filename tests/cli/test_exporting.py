"""Exports of facts, from a service that fails as killed processes do and learns of members meanwhile."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from laurel.benefits.v1 import benefits_pb2_grpc
from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from libs.cli import exporting, retries, scoring
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.exporting import facts_named
from libs.cli.score_run import Manifest, ScoreRun, opened
from libs.common.program import preset
from libs.common.rpc.time import moment
from libs.models.documents import LATER_FACTS
from libs.models.features import FACTS
from tests.cli.test_scoring import FakeBenefits
from tests.cli.test_scoring import FakeMembers as FakeClock

IDS = [f"mem_{number:032x}" for number in range(1, 40)]
LATE = f"mem_{7:031x}8"  # between the others, and known when later facts are read
DAY = date(1998, 6, 30)
PER_ANSWER = 6


def number(member: str, fact: str) -> float:
    """A whole number of a member and a fact; of every third pair there is none."""
    mixed = int.from_bytes(sha256(f"{member} {fact}".encode()).digest()[:6])
    return float("nan") if mixed % 3 == 0 else float(mixed)


def later(fact: str, at: Any) -> str:
    """A fact as the columns of an export name it."""
    days = (moment(at).date() - DAY).days
    return f"{fact}@{days}" if days else fact


@dataclass
class FakeMembers(FakeClock):
    """Members with any facts; who is late is not in the first answers."""

    late: bool = False
    fresh: dict[str, int] = field(default_factory=dict)

    async def DivideMembers(self, request: pb.DivideMembersRequest, context: Any) -> pb.DivideMembersResponse:
        size = -(-len(IDS) // request.parts_count)
        return pb.DivideMembersResponse(
            through_member_ids=IDS[size - 1 : len(IDS) - 1 : size], members_total=len(IDS)
        )

    async def StreamFactColumns(
        self, request: pb.StreamFactColumnsRequest, context: Any
    ) -> AsyncIterator[pb.StreamFactColumnsResponse]:
        self.asked.append(request)
        known = sorted({*IDS, LATE}) if self.late and FACTS[0] not in request.facts else IDS
        wanted = [
            each for each in known if request.after_member_id < each <= (request.through_member_id or "n")
        ]
        for start in range(0, len(wanted), PER_ANSWER):
            if start and self.failures:
                await context.abort(self.failures.pop(), "killed")
            some = wanted[start : start + PER_ANSWER]
            yield pb.StreamFactColumnsResponse(
                member_ids=some,
                columns=[
                    np.array([number(member, later(fact, request.as_of)) for member in some], "<f8").tobytes()
                    for fact in request.facts
                ],
                more_dates=[
                    pb.FactColumnsAt(
                        as_of=date_,
                        columns=[
                            np.array([number(member, later(fact, date_)) for member in some], "<f8").tobytes()
                            for fact in request.facts
                        ],
                    )
                    for date_ in request.more_dates
                ],
                members_total=len(IDS),
            )


@dataclass
class World:
    clients: Clients
    members: FakeMembers

    async def export(
        self, folder: Path, facts: str = "features/v1", parts: int | None = None, horizon_days: int = 0
    ) -> ScoreRun:
        scored = await scoring.live_on(self.clients, "music_store", DAY)
        asked = scored.manifest().model_copy(update={"facts": facts_named(facts, scored)})
        asked = exporting.with_horizon(asked, horizon_days, DAY + timedelta(days=200))
        self.told: list[int] = []
        with opened(folder, asked) as run:
            if not run.manifest.parts:
                run.manifest.parts = await scoring.divide(self.clients, "music_store", parts, "parquet")
                run.save()
            await exporting.export(self.clients, run, scored, lambda more, _: self.told.append(more))
            return run


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(retries, "BACKOFF_SECONDS_MIN", 0.001)
    members, benefits = FakeMembers(), FakeBenefits()  # type: ignore[abstract]  # the methods that are called
    server = grpc.aio.server()
    members_pb2_grpc.add_MembersServiceServicer_to_server(members, server)
    benefits_pb2_grpc.add_BenefitsServiceServicer_to_server(benefits, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as made:
        clients: Any = SimpleNamespace(
            members=members_pb2_grpc.MembersServiceStub(made),
            benefits=benefits_pb2_grpc.BenefitsServiceStub(made),
        )
        yield World(clients, members)
    await server.stop(None)


def read(run: ScoreRun) -> Any:
    """All rows, in the order of the files."""
    return pa.concat_tables(pq.read_table(run.folder / part.file) for part in run.manifest.parts)


def require_whole(run: ScoreRun) -> None:
    """Every member once, in order, with each fact of the manifest, null where there is none."""
    table, facts = read(run), run.manifest.facts
    assert table.column_names == ["member_id", *facts]
    assert {str(field.type) for field in table.schema} == {"string", "double"}
    assert table["member_id"].to_pylist() == IDS
    for fact in facts:
        wanted = [number(member, fact) for member in IDS]
        assert table[fact].to_pylist() == [None if each != each else each for each in wanted], fact  # noqa: PLR0124


@pytest.mark.parametrize("parts", [None, 1, 5])
async def test_every_member_is_in_one_file_with_all_facts(
    world: World, tmp_path: Path, parts: int | None
) -> None:
    run = await world.export(tmp_path / "facts", parts=parts)

    require_whole(run)
    assert set(run.manifest.facts) == {*FACTS, *preset("music_store").score_facts}
    assert run.members() == sum(world.told) == len(IDS)
    assert max(len(each.facts) for each in world.members.asked) == 50


async def test_the_folder_says_what_it_holds_and_has_the_program(world: World, tmp_path: Path) -> None:
    run = await world.export(tmp_path / "facts")

    manifest = Manifest.model_validate_json((run.folder / "manifest.json").read_bytes())
    told = json.loads((run.folder / "manifest.json").read_text())
    assert (told["program_id"], told["program_version"], told["as_of"]) == ("music_store", 3, "1998-06-30")
    assert manifest.program_digest == sha256((run.folder / "program.json").read_bytes()).hexdigest()
    assert {each.name for each in run.folder.iterdir()} == {
        "lock",
        "manifest.json",
        "program.json",
        *(part.file for part in manifest.parts),
    }


async def test_a_part_whose_stream_breaks_is_written_again_and_counted_once(
    world: World, tmp_path: Path
) -> None:
    world.members.failures = [grpc.StatusCode.UNAVAILABLE] * 3

    run = await world.export(tmp_path / "facts", parts=2)

    require_whole(run)
    assert sum(world.told) == run.members() == len(IDS)


async def test_parts_that_are_done_are_not_asked_for_again(world: World, tmp_path: Path) -> None:
    run = await world.export(tmp_path / "facts", parts=3)
    (run.folder / "part-0002.parquet").unlink()
    world.members.asked.clear()

    again = await world.export(tmp_path / "facts")

    require_whole(again)
    assert {each.after_member_id for each in world.members.asked} == {IDS[12]}


async def test_who_registers_while_facts_are_read_is_left_out_of_all_columns(
    world: World, tmp_path: Path
) -> None:
    world.members.late = True

    require_whole(await world.export(tmp_path / "facts", parts=1))


async def test_facts_are_chosen_by_name_and_another_choice_needs_another_folder(
    world: World, tmp_path: Path
) -> None:
    run = await world.export(tmp_path / "facts", "purchase.count.30d, login.count.7d")

    require_whole(run)
    assert run.manifest.facts == ["purchase.count.30d", "login.count.7d"]
    with pytest.raises(CommandError, match=r"(?s)holds 2 facts of .*would be \d+ facts of"):
        await world.export(tmp_path / "facts")


async def test_what_came_in_the_horizon_is_beside_the_facts(world: World, tmp_path: Path) -> None:
    run = await world.export(tmp_path / "facts", "login.count.7d", parts=2, horizon_days=17)
    table = read(run)

    later = [f"{fact}@{days}" for days in (7, 14, 17) for fact in LATER_FACTS]
    assert (run.manifest.horizon_days, run.manifest.ends) == (17, [7, 14, 17])
    assert table.column_names == ["member_id", "login.count.7d", *later]
    assert table["member_id"].to_pylist() == IDS
    for name in table.column_names[1:]:
        wanted = [number(member, name) for member in IDS]
        assert table[name].to_pylist() == [None if each != each else each for each in wanted], name  # noqa: PLR0124


async def test_a_horizon_that_is_not_over_is_named_alone(world: World, tmp_path: Path) -> None:
    run = await world.export(tmp_path / "facts", "login.count.7d", horizon_days=201)

    assert (run.manifest.horizon_days, run.manifest.ends) == (201, [])
    assert read(run).column_names == ["member_id", "login.count.7d"]
    with pytest.raises(CommandError, match=r"horizon of 201 days of .*would be 1 facts of"):
        await world.export(tmp_path / "facts", "login.count.7d")


@pytest.mark.parametrize(
    "facts",
    ["", "a.b.c,,d.e.f", "a.b.c,a.b.c", ",".join(f"a.b.{n}" for n in range(501))],
    ids=["none", "an empty name", "one twice", "too many"],
)
async def test_names_that_are_none_are_refused(world: World, facts: str) -> None:
    scored = await scoring.live_on(world.clients, "music_store", DAY)

    with pytest.raises(CommandError, match="expected features/v1"):
        facts_named(facts, scored)
