"""Facts that models are trained on, from a members service whose members come and go and whose calls fail."""

from collections.abc import AsyncIterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.cli import retries
from libs.cli.errors import CommandError
from libs.cli.training import FACTS_PER_CALL, Span, read
from libs.common.program import preset
from libs.models.documents import DAYS, FIRST, LAST
from libs.models.features import FACTS
from libs.models.purchases import ends_of

IDS = [f"mem_{number:032x}" for number in range(30)]
SPAN = Span(preset("music_store"), date(1998, 6, 30), date(1998, 1, 31), 90)


class Broken(grpc.aio.AioRpcError):
    """A stream that ended."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())


class FakeMembers:
    """30 members, every third of whom never purchased."""

    def __init__(self) -> None:
        self.asked: list[pb.StreamFactColumnsRequest] = []
        self.failures = 0
        # Who is there, call by call; at the last one they stay.
        self.there: list[list[str]] = [IDS]

    async def StreamFactColumns(
        self, request: pb.StreamFactColumnsRequest
    ) -> AsyncIterator[pb.StreamFactColumnsResponse]:
        self.asked.append(request)
        ids = self.there.pop(0) if len(self.there) > 1 else self.there[0]
        for start in range(0, len(ids), 7):
            own = ids[start : start + 7]
            if start and self.failures:
                self.failures -= 1
                raise Broken
            columns = [self.column(fact, own) for fact in request.facts]
            yield pb.StreamFactColumnsResponse(
                member_ids=own,
                columns=columns,
                more_dates=[pb.FactColumnsAt(columns=columns) for _ in request.more_dates],
                members_total=len(ids),
            )

    def column(self, fact: str, ids: list[str]) -> bytes:
        numbers = [int(each.removeprefix("mem_"), 16) for each in ids]
        values = [np.nan if number % 3 == 0 else number + 1 for number in numbers]
        return np.array(values if fact in (DAYS, FIRST, LAST) else numbers, "<f8").tobytes()


@pytest.fixture
def members() -> FakeMembers:
    return FakeMembers()


async def asked_of(members: FakeMembers, told: list[str] | None = None) -> Any:
    clients: Any = SimpleNamespace(members=members)
    heard: Any = (lambda what, done, total: told.append(what)) if told is not None else (lambda *_: None)
    return await read(clients, SPAN, FACTS, heard)


async def test_all_facts_of_who_purchased_are_read_some_at_a_time(members: FakeMembers) -> None:
    told: list[str] = []
    found = await asked_of(members, told)

    assert found.count == 20
    assert set(found.facts) == set(FACTS)
    numbers = [number for number in range(30) if number % 3]
    assert found.facts["login.count.7d"].tolist() == numbers
    assert [each.days for each in found.later] == [*range(7, 90, 7), 90]
    assert max(len(each.facts) for each in members.asked) <= FACTS_PER_CALL
    assert told[-1] == f"Reading facts ({len(members.asked)} of {len(members.asked)})"


async def test_a_stream_that_breaks_is_read_again(
    members: FakeMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "BACKOFF_SECONDS_MIN", 0.001)
    members.failures = 3

    assert (await asked_of(members)).digest() == (await asked_of(FakeMembers())).digest()


async def test_who_joins_meanwhile_is_not_learned_from(members: FakeMembers) -> None:
    members.there = [IDS[:10], IDS]

    assert (await asked_of(members)).count == 6


async def test_who_leaves_meanwhile_is_told(members: FakeMembers) -> None:
    members.there = [IDS, IDS[:10]]

    with pytest.raises(CommandError, match="run the same command again"):
        await asked_of(members)


async def test_a_program_without_members_is_told_what_to_do(members: FakeMembers) -> None:
    members.there = [[]]

    with pytest.raises(CommandError, match="nobody had purchased by 1998-01-31: record purchases first"):
        await asked_of(members)


def test_a_long_horizon_is_looked_at_by_several_weeks() -> None:
    ends = ends_of(3650)

    assert len(ends) <= 60
    assert ends[-1] == 3650


def test_a_horizon_that_is_not_over_has_no_ends() -> None:
    assert Span(SPAN.program, SPAN.today, SPAN.as_of, 151).ends() == []
    assert Span(SPAN.program, SPAN.today, SPAN.as_of, 150).ends()[-1] == 150
