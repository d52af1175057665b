"""Rows of single calls: what a score costs above a call, and what the edge costs above a bare server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc

from laurel.common.v1 import fact_pb2
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from libs.common.conditions import METRICS
from libs.common.program import Program, preset
from libs.common.rpc.client import channel
from libs.common.rpc.time import timestamp
from tests.bench.measure import Measured, p50, ratio
from tests.bench.processes import Server, server
from tests.bench.rows import Row
from tests.support.services import Keys

CALLS = 200
CALLERS, CALLS_EACH = 16, 100
# Many short turns: what the machine does meanwhile changes from second to second.
TURNS = 41
FACTS = 30
SECONDS = 5.0
SCORING = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
MEMBERS = members_pb2.DESCRIPTOR.services_by_name["MembersService"]


def one_member(program: Program) -> scoring_pb2.BatchScoreRequest:
    """A score of one member with thirty facts."""
    assert program.rfm is not None
    read = [
        program.rfm.recency_fact,
        program.rfm.frequency_fact,
        program.rfm.monetary_fact,
        *METRICS.values(),
    ]
    names = list(dict.fromkeys([*read, *(f"view.count.{n}d" for n in range(FACTS))]))[:FACTS]
    subject = scoring_pb2.ScoreSubject(
        subject_id="one",
        as_of=timestamp(datetime(1998, 7, 1, tzinfo=UTC)),
        facts=[fact_pb2.Fact(name=name, value=20) for name in names],
    )
    return scoring_pb2.BatchScoreRequest(program_digest=program.digest(), subjects=[subject])


async def score_unary_vs_empty(folder: Path) -> Measured:
    """A score of one member against an empty call, both inside the edge."""
    keys, program = Keys.made_in(folder), preset("music_store")
    token = keys.token("service", "bench", None)
    async with (
        server("scoring", folder) as ours,
        server("empty", folder) as theirs,
        channel(ours.address, SCORING, token=token) as to_scoring,
        channel(theirs.address, MEMBERS, token=token) as to_empty,
    ):
        scoring = scoring_pb2_grpc.ScoringServiceStub(to_scoring)
        empty = members_pb2_grpc.MembersServiceStub(to_empty)
        request, nothing = one_member(program), members_pb2.GetPipelineStatusRequest()
        taught = scoring_pb2.BatchScoreRequest(program_document=program.canonical())
        taught.MergeFrom(request)
        await scoring.BatchScore(taught)
        return await ratio(
            lambda: p50(lambda: scoring.BatchScore(request), calls=CALLS),
            lambda: p50(lambda: empty.GetPipelineStatus(nothing), calls=CALLS),
            rounds=TURNS,
        )


async def interceptors_cpu_vs_bare(folder: Path) -> Measured:
    """CPU of the server for an empty call inside the edge, against a bare server."""
    keys = Keys.made_in(folder)
    token = keys.token("service", "bench", None)()
    identified = (("authorization", f"Bearer {token}"),)
    nothing = members_pb2.GetPipelineStatusRequest()
    async with (
        server("empty", folder) as ours,
        server("bare", folder) as theirs,
        grpc.aio.insecure_channel(ours.address) as to_ours,
        grpc.aio.insecure_channel(theirs.address) as to_theirs,
    ):
        edge, bare = (members_pb2_grpc.MembersServiceStub(each) for each in (to_ours, to_theirs))
        return await ratio(
            lambda: _cpu(ours, lambda: edge.GetPipelineStatus(nothing, metadata=identified, timeout=SECONDS)),
            lambda: _cpu(
                theirs, lambda: bare.GetPipelineStatus(nothing, metadata=identified, timeout=SECONDS)
            ),
            rounds=TURNS,
        )


async def _cpu(measured: Server, call: Callable[[], Awaitable[object]]) -> float:
    """CPU seconds of a server for the calls of some callers at once."""
    before = measured.cpu_seconds()

    async def caller() -> None:
        for _ in range(CALLS_EACH):
            await call()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return measured.cpu_seconds() - before


ROWS = [
    Row(
        "score_unary_vs_empty",
        good=1.25,
        goal=1.10,
        lower_is_better=True,
        how=f"p50 of {CALLS} calls of BatchScore for one member with {FACTS} facts, by p50 of a call that "
        f"does nothing on a server of the same kind, {TURNS} times; identity, policy, validation, metrics "
        "and tracing at 1 % on both",
        measure=score_unary_vs_empty,
    ),
    Row(
        "interceptors_cpu_vs_bare",
        good=1.15,
        goal=1.08,
        lower_is_better=True,
        how=f"CPU of the server process for {CALLERS * CALLS_EACH} empty calls of {CALLERS} callers inside "
        f"the edge, by that of a bare grpc.aio server on the same loop, {TURNS} times",
        measure=interceptors_cpu_vs_bare,
    ),
]
