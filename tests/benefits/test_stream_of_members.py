"""The consumer on a real Valkey: nothing is lost or done twice, whoever dies and whatever is down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2
from laurel.common.v1 import pipeline_pb2
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.consumer import Apply, StreamConsumer
from libs.common.leases import Leases, renewing
from libs.common.redis import PARTITIONS, StreamMessage, stream_key
from services.benefits import outbox
from services.benefits.consumers import STREAM
from tests.benefits.conftest import OTHER_PROGRAM, BenefitsWorld, benefits_world
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story, fields
from tests.support.builders import PROGRAM

SECONDS = 20


@pytest.fixture(scope="module")
async def streams(
    mongodb_uri: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BenefitsWorld]:
    """A benefits service with streams that no other module writes to."""
    own = f"{redis_url.rpartition('/')[0]}/3"
    async with benefits_world(mongodb_uri, own, tmp_path_factory.mktemp("streams")) as world:
        yield world


@pytest.fixture
async def streaming(streams: BenefitsWorld) -> BenefitsWorld:
    """The same with nothing on its streams yet."""
    await streams.platform.redis.flushdb()
    return streams


@asynccontextmanager
async def running(*tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run tasks beside the block, and end them with it."""
    started = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


@asynccontextmanager
async def consuming(world: BenefitsWorld, holder: str, apply: Apply | None = None) -> AsyncIterator[None]:
    """A replica of this name that consumes all partitions it can get."""
    names = [str(partition) for partition in range(PARTITIONS)]
    leases = Leases(world.database, names, group=f"{STREAM}/benefits", holder=holder, now=now)
    consumer = StreamConsumer(
        world.database,
        world.platform.redis,
        leases,
        stream=STREAM,
        group="benefits",
        apply=apply or world.consumer().apply,
        now=now,
    )
    async with running(renewing([leases]), consumer.run()):
        yield


async def tell(world: BenefitsWorld, story: Story, *messages: StreamMessage) -> None:
    """Put announcements on the stream of members."""
    world.members.knows([story])
    for message in messages:
        await world.platform.redis.xadd(stream_key(STREAM, story.partition), fields(message))


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await met():
            await asyncio.sleep(0.05)


async def status(world: BenefitsWorld) -> pipeline_pb2.PipelineStatus:
    return (await world.service.GetPipelineStatus(pb.GetPipelineStatusRequest())).status


async def of_members(world: BenefitsWorld) -> pipeline_pb2.ConsumerGroup:
    (group,) = (each for each in (await status(world)).groups if each.stream == STREAM)
    return group


async def drained(world: BenefitsWorld) -> bool:
    group = await of_members(world)
    return group.lag == group.pending == 0


async def standing(world: BenefitsWorld, story: Story) -> tuple[str, int, int, int, int]:
    """Tier, last event applied, decisions, balance and entries."""
    membership = await world.database.memberships.find_one({"member_id": story.member_id}) or {}
    account = await world.database.accounts.find_one({"owner": story.member_id}) or {}
    decisions = await world.database.decisions.count_documents({"member_id": story.member_id})
    entries = await world.database.entries.count_documents({"account_id": account.get("_id")})
    return (
        membership.get("tier", ""),
        membership.get("applied_seq", -1),
        decisions,
        account.get("balance", 0),
        entries,
    )


# 100.00 at normal, then 50.00 doubled: silver, 2 events, 3 decisions, 200 points in 2 entries.
AMOUNTS = (10_000, 5_000)
WHOLE = ("silver", 2, 3, 200, 2)


async def test_what_is_announced_is_applied_and_acknowledged(streaming: BenefitsWorld) -> None:
    stories = [Story().buys(*AMOUNTS) for _ in range(20)]
    for story in stories:
        await tell(streaming, story, story.registration(), story.told())

    async with consuming(streaming, "one"):
        await until(lambda: drained(streaming))

    assert [await standing(streaming, story) for story in stories] == [WHOLE] * len(stories)


async def test_a_crash_between_the_commit_and_the_acknowledgement_changes_nothing(
    streaming: BenefitsWorld,
) -> None:
    story = Story().buys(*AMOUNTS)
    committed = asyncio.Event()
    applied = streaming.consumer()

    async def commit_and_hang(partition: int, messages: list[StreamMessage]) -> None:
        await applied.apply(partition, messages)
        committed.set()
        await asyncio.Event().wait()

    await tell(streaming, story, story.registration(), story.told())
    async with consuming(streaming, "one", commit_and_hang):
        await asyncio.wait_for(committed.wait(), SECONDS)
    before = await standing(streaming, story)
    unacknowledged = await of_members(streaming)

    async with consuming(streaming, "one"):
        await until(lambda: drained(streaming))

    assert unacknowledged.pending > 0
    assert await standing(streaming, story) == before == WHOLE


async def test_what_another_replica_had_read_is_applied_by_the_next(streaming: BenefitsWorld) -> None:
    story = Story().buys(*AMOUNTS)
    read = asyncio.Event()

    async def hang(partition: int, messages: list[StreamMessage]) -> None:
        read.set()
        await asyncio.Event().wait()

    await tell(streaming, story, story.told())
    async with consuming(streaming, "one", hang):
        await asyncio.wait_for(read.wait(), SECONDS)

    async with consuming(streaming, "two"):
        await until(lambda: drained(streaming))

    assert await standing(streaming, story) == WHOLE


async def test_two_replicas_that_both_read_everything_have_one_effect(streaming: BenefitsWorld) -> None:
    stories = [Story().buys(*AMOUNTS) for _ in range(20)]

    async with consuming(streaming, "one"), consuming(streaming, "two"):
        for story in stories:
            messages = [story.registration(), *story.told_in(1, 1)]
            await tell(streaming, story, *messages, *messages)
        await until(lambda: drained(streaming))

    assert [await standing(streaming, story) for story in stories] == [WHOLE] * len(stories)


async def test_while_scoring_is_down_messages_stay_pending_and_are_applied_when_it_is_back(
    streaming: BenefitsWorld,
) -> None:
    story = Story().buys(*AMOUNTS)
    await streaming.scoring.stop()

    async with consuming(streaming, "one"):
        await tell(streaming, story, story.registration(), story.told())

        async def pending() -> bool:
            return (await status(streaming)).groups[0].pending > 0

        await until(pending)
        await asyncio.sleep(1)
        still_pending, meanwhile = await pending(), await standing(streaming, story)
        await streaming.scoring.start()
        await until(lambda: drained(streaming))

    assert (still_pending, meanwhile) == (True, ("", -1, 0, 0, 0))
    assert await standing(streaming, story) == WHOLE
    assert await streaming.database.dead_letters.count_documents({}) == 0


async def test_a_stream_that_was_lost_and_told_again_has_no_second_effect(streaming: BenefitsWorld) -> None:
    story = Story().buys(*AMOUNTS)
    messages = [story.registration(), story.told()]

    async with consuming(streaming, "one"):
        await tell(streaming, story, *messages)
        await until(lambda: drained(streaming))
        await streaming.platform.redis.flushdb()
        await tell(streaming, story, *messages)

        await until(lambda: drained(streaming))

    assert await standing(streaming, story) == WHOLE


async def test_a_message_that_is_no_message_is_kept_aside_and_holds_up_nobody(
    streaming: BenefitsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.consumer.ATTEMPTS_MAX", 2)
    story = Story().buys(*AMOUNTS)
    poison = StreamMessage("0-1", "FactsChanged", b"\xff\xff", story.member_id)

    async with consuming(streaming, "one"):
        await tell(streaming, story, story.registration(), poison, story.told())
        await until(lambda: drained(streaming))

    letters = await streaming.database.dead_letters.find().to_list(None)
    assert [(each["type"], each["payload"]) for each in letters] == [("FactsChanged", b"\xff\xff")]
    assert await standing(streaming, story) == WHOLE


async def test_announcements_reach_the_stream_of_benefits_and_the_outbox_is_empty_then(
    streaming: BenefitsWorld,
) -> None:
    story = await streaming.a_member(*AMOUNTS)
    before = await status(streaming)
    streaming.platform.relay(outbox.STREAM, outbox.READERS)

    async def sent() -> bool:
        return (await status(streaming)).outbox_unsent == 0

    async with running(*streaming.platform.work()):
        await until(sent)

    key = stream_key(outbox.STREAM, story.partition)
    entries: list[Any] = [entry for _, entry in await streaming.platform.redis.xrange(key) or ()]
    announced = [events_pb2.MembershipChanged.FromString(entry[b"payload"]) for entry in entries]
    of_member = [each for each in announced if each.member_id == story.member_id]
    assert before.outbox_unsent > 0
    assert {entry[b"type"] for entry in entries} == {b"MembershipChanged"}
    assert [(each.seq_from, each.seq_to, each.tier) for each in of_member] == [(1, 3, "silver")]


async def test_the_status_tells_members_and_applied_events_by_program(streaming: BenefitsWorld) -> None:
    program_id = await streaming.a_program()
    for amounts in ((1_000, 2_000), (), (500,)):
        await streaming.a_member(*amounts, program_id=program_id)

    told = await status(streaming)

    positions = {each.program_id: (each.member_count, each.sequence_sum) for each in told.positions}
    assert told.service == "benefits"
    groups = {(group.stream, group.group) for group in told.groups}
    assert groups == {("members.events", "benefits"), ("risk.events", "benefits")}
    assert positions[program_id] == (3, 3)


async def test_staff_are_told_the_position_of_their_own_program_only(streaming: BenefitsWorld) -> None:
    await streaming.a_member(1_000)
    await streaming.a_member(1_000, program_id=OTHER_PROGRAM)

    told = (await streaming.staff.GetPipelineStatus(pb.GetPipelineStatusRequest())).status

    assert [each.program_id for each in told.positions] == [PROGRAM]


@pytest.mark.parametrize("kind", ["member", "partner"])
async def test_who_is_not_staff_is_told_nothing(streaming: BenefitsWorld, kind: PrincipalKind) -> None:
    caller = streaming.caller(kind, "eve")

    _, reason, _ = await refusal(caller.GetPipelineStatus(pb.GetPipelineStatusRequest()))

    assert reason == "FORBIDDEN"
