"""Parcels: what one transaction stores for one partition is sent, marked and forgotten as one."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import outbox as outbox_module
from libs.common import parcels as parcels_module
from libs.common import upkeep
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import Session, transaction
from libs.common.outbox import announce
from libs.common.parcels import RecentRows, following_ids, parcels
from tests.common.streams_world import Streams, a_member_of

ANN, BEN, CEM = a_member_of(3), a_member_of(3, 1), a_member_of(7)


def rows_of(*partitions: int) -> list[dict[str, Any]]:
    """Rows of these partitions, in this order."""
    return [
        {"_id": new_id("out"), "partition": partition, "place": place}
        for place, partition in enumerate(partitions)
    ]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_every_row_is_in_one_parcel_of_its_partition_in_order_and_heads_count_the_rest(
    partitions: list[int],
) -> None:
    found = parcels(rows_of(*partitions))

    heads = [row for row in found if "unsent" in row]
    assert len(heads) == len(set(partitions))
    assert {row["_id"] for row in found} == {
        row_id for head in heads for row_id in (head["_id"], *following_ids(head))
    }
    for head in heads:
        ids = [head["_id"], *following_ids(head)]
        own = [row for row in found if row["_id"] in ids]
        assert [row["place"] for row in own] == [
            place for place, partition in enumerate(partitions) if partition == head["partition"]
        ]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_by_their_ids_the_rows_of_a_parcel_are_in_order_and_no_other_is_between(
    partitions: list[int],
) -> None:
    found = parcels(rows_of(*partitions)) + parcels(rows_of(*partitions))

    heads = sorted(row["_id"] for row in found if "unsent" in row)
    by_head = [sorted(row["_id"] for row in found if row["_id"].startswith(head)) for head in heads]
    assert [row_id for ids in by_head for row_id in ids] == sorted(row["_id"] for row in found)


def test_a_parcel_has_no_more_than_so_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels_module, "PARCEL_ROWS", 4)

    found = parcels(rows_of(*[5] * 10))

    assert [row["following"] for row in found if "unsent" in row] == [3, 3, 1]
    assert [row["place"] for row in found] == list(range(10))


def test_a_row_of_the_past_is_a_parcel_of_its_own() -> None:
    assert following_ids({"_id": "out_1", "unsent": True}) == []


async def test_rows_that_were_stored_one_by_one_are_sent(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 2)
    await streams.database.outbox.update_many({}, {"$set": {"unsent": True}, "$unset": {"following": ""}})

    assert await relay.send_once() == 2

    assert await streams.sent_of(ANN) == [1, 2]
    assert await streams.unsent() == 0


@pytest.mark.parametrize("stored_by", ["this process", "another process", "both"])
async def test_parcels_of_several_partitions_and_transactions_are_sent_in_order(
    streams: Streams, monkeypatch: pytest.MonkeyPatch, stored_by: str
) -> None:
    relay = await streams.relay()

    async def told(session: Session) -> None:
        rows = []
        for member in (ANN, CEM, BEN, ANN):
            streams.positions[member] += 1
            rows.append(streams.row(member, streams.positions[member]))
        await announce(streams.database, rows, session)

    for _ in range(3):
        await transaction(streams.database.client, told)
        if stored_by == "both":
            monkeypatch.setattr(outbox_module, "recent_rows", RecentRows())
    if stored_by == "another process":
        monkeypatch.setattr(outbox_module, "recent_rows", RecentRows())

    assert await relay.send_once() == 12

    assert await streams.sent_of(ANN) == [1, 2, 3, 4, 5, 6]
    assert (await streams.sent_of(BEN), await streams.sent_of(CEM)) == ([1, 2, 3], [1, 2, 3])


async def test_rows_of_this_process_are_sent_without_being_read(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 3)
    await streams.database.outbox.delete_many({"unsent": {"$exists": False}})

    assert await relay.send_once() == 3

    assert await streams.sent_of(ANN) == [1, 2, 3]


async def test_rows_of_a_transaction_that_ended_otherwise_are_not_sent(streams: Streams) -> None:
    relay = await streams.relay()

    async def told(session: Session) -> None:
        rows = [streams.row(ANN, seq) for seq in (1, 2)]
        await announce(streams.database, rows, session)
        raise LookupError("no such member")

    with pytest.raises(LookupError, match="no such member"):
        await transaction(streams.database.client, told)
    await streams.announce(ANN)

    assert await relay.send_once() == 1
    assert await streams.sent_of(ANN) == [1]


@given(st.lists(st.lists(st.integers(0, 40), max_size=6), max_size=12), st.integers(0, 8))
def test_recent_rows_are_the_latest_and_no_more_than_so_many(batches: list[list[int]], kept: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parcels_module, "REMEMBERED_ROWS", kept)
        patch.setattr(parcels_module, "REMEMBERED_BYTES_MAX", 30)
        recent, ids = RecentRows(), iter(range(1_000))
        added = []
        for batch in batches:
            rows: list[dict[str, Any]] = [{"_id": next(ids), "payload": b"x" * size} for size in batch]
            recent.add(rows)
            added += [row for row in rows if len(row["payload"]) <= 30]

        latest = added[len(added) - min(kept, len(added)) :]
        wanted = range(sum(map(len, batches)))
        found, others = recent.take(wanted)

    assert found == latest
    assert others == [row_id for row_id in wanted if row_id not in {row["_id"] for row in latest}]
    assert recent.take(wanted) == ([], list(wanted))  # each is taken once


async def test_how_much_is_unsent_counts_rows(streams: Streams) -> None:
    await streams.announce(ANN, 7)
    await streams.announce(CEM)

    assert await streams.unsent() == 8


async def test_what_was_sent_a_month_ago_is_forgotten_whole_and_the_rest_is_kept(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "FORGOTTEN_PARCELS", 2)
    relay = await streams.relay()
    for _ in range(5):
        await streams.announce(ANN, 3)
    await streams.send_all(relay)
    long_ago = now() - timedelta(days=31)
    await streams.database.outbox.update_many(
        {"sent_time": {"$exists": True}}, {"$set": {"sent_time": long_ago, "recorded_time": long_ago}}
    )
    await streams.announce(BEN, 2)
    await streams.send_all(relay)
    await streams.announce(CEM, 2)
    await streams.database.outbox.update_many({"subject": CEM}, {"$set": {"recorded_time": long_ago}})

    await relay._upkeep.forget()

    left = await streams.database.outbox.find().to_list(None)
    assert sorted(row["subject"] for row in left) == sorted([BEN, BEN, CEM, CEM])


async def test_a_parcel_that_was_half_forgotten_is_forgotten(streams: Streams) -> None:
    """The head goes last, so that what a crash leaves is found again."""
    relay = await streams.relay()
    await streams.announce(ANN, 3)
    await streams.send_all(relay)
    head = await streams.database.outbox.find_one_and_update(
        {"following": 2}, {"$set": {"sent_time": now() - timedelta(days=31)}}
    )
    await streams.database.outbox.delete_one({"_id": following_ids(head)[0]})

    await relay._upkeep.forget()

    assert await streams.database.outbox.count_documents({}) == 0
