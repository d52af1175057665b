"""Versions of programs on the terminal: how they are shown, and how a recalculation is followed."""

from dataclasses import dataclass, field
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from laurel.benefits.v1 import programs_pb2 as pb
from libs.cli import program_changes, version_view
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.common.rpc.time import timestamp
from tests.support.builders import NOON

SHANGHAI = ZoneInfo("Asia/Shanghai")
LIVE, RETIRED = pb.PROGRAM_VERSION_STATE_LIVE, pb.PROGRAM_VERSION_STATE_RETIRED


def a_version(
    number: int = 2, state: "pb.ProgramVersionState.ValueType" = LIVE, **fields: Any
) -> pb.ProgramVersion:
    return pb.ProgramVersion(program_id="shop", version=number, state=state, **fields)


def a_run(decided: int, *, ended: bool = False, **fields: Any) -> pb.Recalculation:
    end = timestamp(NOON) if ended else None
    return pb.Recalculation(run_id="run_1", decided_count=decided, end_time=end, **fields)


@dataclass
class Answers:
    """Benefits, which answers with one state of things after the other, and then always the last."""

    states: list[list[pb.ProgramVersion]]
    asked: int = field(default=0)

    async def ListProgramVersions(self, request: pb.ListProgramVersionsRequest) -> Any:
        found = self.states[min(self.asked, len(self.states) - 1)]
        self.asked += 1
        return pb.ListProgramVersionsResponse(versions=found)

    @property
    def clients(self) -> Clients:
        return cast(Clients, SimpleNamespace(programs=self))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_changes, "LOOK_SECONDS", 0.0)


async def test_a_recalculation_is_followed_to_its_end() -> None:
    runs = [a_run(0), a_run(200), a_run(250, ended=True)]
    answers = Answers([[a_version(recalculation=each)] for each in runs])
    told: list[int] = []

    ended = await program_changes.recalculated(
        answers.clients, a_version(recalculation=a_run(0)), lambda run: told.append(run.decided_count)
    )

    assert told == [0, 200, 250]
    assert ended.recalculation.decided_count == 250


async def test_a_version_that_another_one_replaces_is_not_waited_for() -> None:
    replaced = [a_version(3, recalculation=a_run(0)), a_version(2, RETIRED, recalculation=a_run(200))]
    answers = Answers([[a_version(recalculation=a_run(200))], replaced])

    with pytest.raises(CommandError, match="Another version took effect"):
        await program_changes.recalculated(answers.clients, a_version(recalculation=a_run(0)), lambda _: None)


async def test_a_recalculation_that_stands_still_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program_changes, "STILL_SECONDS_MAX", 0.05)
    answers = Answers([[a_version(recalculation=a_run(200))]])

    with pytest.raises(CommandError, match="goes on by itself"):
        await program_changes.recalculated(answers.clients, a_version(recalculation=a_run(0)), lambda _: None)

    assert answers.asked > 1


def test_versions_are_shown_in_eighty_columns_whatever_they_are_called() -> None:
    long = "Gold asks for more than ever before, and 黄金会员的门槛提高了" * 5
    many = a_run(10**9, ended=True, upgraded_count=10**8, downgraded_count=10**7)
    found = [
        a_version(
            10**6, note=long, proposed_by="a" * 64, decided_by="b" * 64, effective_time=timestamp(NOON)
        ),
        a_version(2, RETIRED, note="[bold]not markup[/]", recalculation=many),
        a_version(1, RETIRED),
    ]
    shown = Console(file=StringIO(), width=80)

    shown.print(version_view.table(found, SHANGHAI))

    text = cast(StringIO, shown.file).getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "100,000,000 up" in text
    assert "[bold]not" in text


@pytest.mark.parametrize(
    ("run", "share"),
    [
        (a_run(0), "0 % so far"),
        (a_run(50, membership_count=200), "25 % so far"),
        (a_run(300, membership_count=200), "100 % so far"),
    ],
    ids=["before it has looked", "on the way", "with those who joined meanwhile"],
)
def test_how_far_a_recalculation_is_never_passes_the_whole(run: pb.Recalculation, share: str) -> None:
    shown = Console(file=StringIO(), width=120)

    shown.print(version_view.table([a_version(recalculation=run)], SHANGHAI))

    assert share in cast(StringIO, shown.file).getvalue()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (a_version(2, pb.PROGRAM_VERSION_STATE_DRAFT, digest="a" * 64), f"proposed, digest {'a' * 12}"),
        (a_version(2, pb.PROGRAM_VERSION_STATE_APPROVED, decided_by="sue"), "approved by sue, digest "),
        (
            a_version(2, pb.PROGRAM_VERSION_STATE_SCHEDULED, effective_time=timestamp(NOON)),
            f"live from {NOON.astimezone(SHANGHAI):%Y-%m-%d %H:%M} Asia/Shanghai on",
        ),
        (a_version(), "live"),
        (
            a_version(recalculation=a_run(1_250, ended=True, upgraded_count=1, downgraded_count=2)),
            "live: 1,250 memberships were decided on, 1 went up, 2 down",
        ),
        (a_version(2, pb.PROGRAM_VERSION_STATE_REJECTED), "rejected"),
    ],
    ids=["proposed", "approved", "scheduled", "live", "through", "rejected"],
)
def test_what_became_of_a_version_is_said_in_a_line(version: pb.ProgramVersion, said: str) -> None:
    assert version_view.line(version, SHANGHAI) == f"version 2 of shop is {said}"
