"""The sequencer: every record gets one place in its chain, whoever dies or works at the same time."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from libs.common.chains.chain import Head, link, origin
from libs.common.chains.heads import read_heads
from libs.common.chains.sequencer import Sequencer
from libs.common.leases import renewing
from libs.common.mongo import Document
from tests.common.audit_world import SERVICE, AuditWorld
from tests.support.builders import PROGRAM

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")


def positions(records: Any) -> list[int]:
    return [each.get("position", 0) for each in records]


async def heads(audited: AuditWorld, program_id: str = PROGRAM) -> list[Document]:
    found = audited.database.audit_heads.find({"program_id": program_id}).sort("position", 1)
    return [each async for each in found]


def kept_apart(audited: AuditWorld) -> list[tuple[str, int]]:
    found = [each for each in read_heads(audited.heads_file) if isinstance(each, Head)]
    return [(each.program_id, each.position) for each in found]


async def test_records_are_chained_in_the_order_of_their_ids_and_the_end_is_signed(
    audited: AuditWorld,
) -> None:
    for _ in range(3):
        await audited.act()

    assert await audited.sequencer().sweep() == 3

    records = await audited.records()
    chain_hash = origin(service=SERVICE, program_id=PROGRAM)
    for position, record in enumerate(records, start=1):
        chain_hash = link(chain_hash, position=position, record_digest=record["digest"])
        assert (record["position"], record["chain_hash"]) == (position, chain_hash)
        assert "unsequenced" not in record
    assert [each["_id"] for each in records] == sorted(each["_id"] for each in records)
    assert [(each["position"], each["chain_hash"]) for each in await heads(audited)] == [(3, chain_hash)]
    assert kept_apart(audited) == [(PROGRAM, 3)]


async def test_the_chain_goes_on_where_it_ended(audited: AuditWorld) -> None:
    await audited.acts(2)
    await audited.act()
    await audited.act()

    await audited.sequencer().sweep()

    assert positions(await audited.records()) == [1, 2, 3, 4]
    assert [each["position"] for each in await heads(audited)] == [1, 2, 4]
    assert (await audited.verified()).faults == []


async def test_each_program_has_a_chain_of_its_own(audited: AuditWorld) -> None:
    await audited.act()
    await audited.act(program_id="other_store")
    await audited.act()

    await audited.sequencer().sweep()

    assert positions(await audited.records()) == [1, 2]
    assert positions(await audited.records("other_store")) == [1]
    assert sorted(kept_apart(audited)) == [(PROGRAM, 2), ("other_store", 1)]
    for program_id in (PROGRAM, "other_store"):
        assert (await audited.verified(program_id)).faults == []


async def test_a_record_that_was_committed_later_under_an_earlier_id_is_chained_behind(
    audited: AuditWorld,
) -> None:
    await audited.act()
    (late,) = await audited.records()
    await audited.database.audit.delete_one({})
    await audited.act()
    await audited.sequencer().sweep()
    await audited.database.audit.insert_one(late)

    await audited.sequencer().sweep()

    records = await audited.records()
    assert [each["_id"] for each in records] == sorted((each["_id"] for each in records), reverse=True)
    assert positions(records) == [1, 2]
    assert (await audited.verified()).faults == []


async def test_nothing_to_do_makes_no_head(audited: AuditWorld) -> None:
    await audited.acts(1)

    assert await audited.sequencer().sweep() == 0

    assert len(await heads(audited)) == 1


async def test_two_thousand_records_are_chained_within_seconds(audited: AuditWorld) -> None:
    await audited.act()
    (template,) = await audited.records()
    copies = [{**template, "_id": f"aud_{number:032x}"} for number in range(1_999)]
    await audited.database.audit.insert_many(copies)
    sequencer = audited.sequencer()

    started = time.monotonic()
    while await sequencer.sweep():
        pass
    seconds = time.monotonic() - started

    assert positions(await audited.records()) == list(range(1, 2_001))
    assert len(await heads(audited)) == 4
    assert seconds < 10  # a fraction of a second on an idle machine


# Two at once


async def test_two_sequencers_at_once_make_one_chain(audited: AuditWorld) -> None:
    async def writes() -> None:
        for _ in range(40):
            await audited.act()

    async def sweeps(sequencer: Sequencer) -> None:
        while not writing.done():
            await sequencer.sweep()

    writing = asyncio.create_task(writes())
    await asyncio.gather(*(sweeps(audited.sequencer()) for _ in range(3)))
    await audited.sequencer().sweep()

    assert positions(await audited.records()) == list(range(1, 41))
    starts = [each["position"] for each in await heads(audited)]
    assert len(set(starts)) == len(starts)
    checked = await audited.verified()
    assert (checked.records, checked.faults) == (40, [])


async def test_a_sequencer_that_was_overtaken_with_other_records_begins_again_behind_them(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audited.acts_unchained(3)
    early, *_ = await audited.records()
    await audited.database.audit.delete_one({"_id": early["_id"]})
    slow, quick = audited.sequencer(), audited.sequencer()
    end, has_begun, may_go_on = slow._end, asyncio.Event(), asyncio.Event()

    async def slowly(*where: Any) -> tuple[int, str]:
        found = await end(*where)
        has_begun.set()
        await may_go_on.wait()
        return found

    monkeypatch.setattr(slow, "_end", slowly)
    sweeping = asyncio.create_task(slow.sweep())
    await has_begun.wait()
    await audited.database.audit.insert_one(early)
    with monkeypatch.context() as one_at_a_time:
        one_at_a_time.setattr("libs.common.chains.sequencer.BATCH", 1)
        await quick.sweep()
    may_go_on.set()
    await sweeping

    assert positions(await audited.records()) == [1, 2, 3]
    assert [each["position"] for each in await heads(audited)] == [1, 3]
    assert (await audited.verified()).faults == []


# Crashes


async def test_records_whose_service_was_killed_before_they_were_chained_are_chained_by_the_next(
    audited: AuditWorld,
) -> None:
    await audited.acts(1)
    await audited.act()

    await audited.sequencer().sweep()

    assert positions(await audited.records()) == [1, 2]


async def test_heads_that_a_crash_kept_from_being_kept_apart_are_kept_at_the_next_run(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audited.act()
    with monkeypatch.context() as broken, suppress(OSError):
        broken.setattr("libs.common.chains.anchors.append_heads", out_of_space)
        await audited.sequencer().sweep()
    assert (positions(await audited.records()), audited.heads_file.exists()) == ([1], False)

    await audited.sequencer().sweep()

    assert kept_apart(audited) == [(PROGRAM, 1)]
    assert (await audited.verified()).faults == []


async def test_heads_that_a_crash_kept_from_being_marked_are_kept_twice_which_is_no_fault(
    audited: AuditWorld,
) -> None:
    await audited.acts(2)
    await audited.database.audit_heads.update_many({}, {"$set": {"unanchored": True}})

    await audited.sequencer().sweep()

    assert kept_apart(audited) == [(PROGRAM, 1), (PROGRAM, 2)] * 2
    assert (await audited.verified()).faults == []


def out_of_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


# Running


class Chaining:
    """A sequencer that runs beside a test."""

    def __init__(self, audited: AuditWorld, **changes: Any) -> None:
        self.sequencer = audited.sequencer(**changes)
        self._leases = audited.leases
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Chaining":
        self._tasks = [asyncio.create_task(each) for each in (renewing([self._leases]), self.sequencer.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def until(done: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await done():
            await asyncio.sleep(0.05)


async def test_a_record_has_its_place_and_its_head_soon_after(audited: AuditWorld) -> None:
    async def chained() -> bool:
        kept_apart = await audited.database.audit_heads.count_documents({"unanchored": True}) == 0
        return kept_apart and positions(await audited.records())[-1:] == [3]

    async with Chaining(audited):
        await audited.acts_unchained(2)
        await asyncio.sleep(1)
        await audited.act()
        await until(chained)

    assert (await audited.verified()).faults == []


async def test_who_does_not_hold_the_lease_chains_nothing(audited: AuditWorld) -> None:
    await audited.act()
    idle = audited.sequencer()

    running = asyncio.create_task(idle.run())
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert positions(await audited.records()) == [0]


@pytest.mark.parametrize("failure", [AutoReconnect("down"), OSError(28, "full")], ids=["database", "disk"])
async def test_an_outage_is_survived(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    failures = [failure] * 3
    chaining = Chaining(audited)
    sweep = chaining.sequencer.sweep

    async def failing() -> int:
        if failures:
            raise failures.pop()
        return await sweep()

    async def chained() -> bool:
        return positions(await audited.records()) == [1]

    monkeypatch.setattr(chaining.sequencer, "sweep", failing)
    await audited.act()
    async with chaining:
        await until(chained)

    assert not failures


async def test_a_record_that_cannot_be_chained_does_not_hold_up_other_programs(audited: AuditWorld) -> None:
    await audited.acts(1)
    huge = {"$set": {"position": 2**60}}
    await audited.database.audit.update_one({}, huge, bypass_document_validation=True)
    await audited.act()
    await audited.act(program_id="other_store")

    await audited.sequencer().sweep()

    assert positions(await audited.records("other_store")) == [1]
    assert positions(await audited.records())[-1] == 0


async def test_what_was_cut_off_leaves_a_gap_when_the_chain_goes_on(audited: AuditWorld) -> None:
    await audited.acts(3)
    await audited.database.audit.delete_many({"position": {"$gt": 1}})
    await audited.act()

    await audited.sequencer().sweep()

    assert positions(await audited.records()) == [1, 4]


async def test_how_many_records_wait_and_how_long_is_measured(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(name: str) -> float:
        return REGISTRY.get_sample_value(f"laurel_audit_unsequenced{name}", {"service": SERVICE}) or 0

    async def counted() -> bool:
        return measured("") == 2

    await audited.acts_unchained(2)
    idle = audited.sequencer()
    measuring = asyncio.create_task(idle.run())
    await until(counted)
    measuring.cancel()
    await asyncio.gather(measuring, return_exceptions=True)

    assert 60 <= measured("_age_seconds") < 120


async def test_what_waits_is_not_told_while_nobody_knows(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "laurel_audit_unsequenced"
    sequencer = audited.sequencer()
    await sequencer._measure()
    assert REGISTRY.get_sample_value(name, {"service": SERVICE}) == 0

    def down(*_: object) -> None:
        raise AutoReconnect("down")

    monkeypatch.setattr(type(audited.database.audit), "aggregate", down)
    for _ in range(2):
        await sequencer._measure()

    assert REGISTRY.get_sample_value(name, {"service": SERVICE}) is None
