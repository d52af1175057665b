"""Tampering: whatever is done to the database is found by a verification through the service."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS

from libs.common.audit.record import sealed
from libs.common.audit.records import record_from
from libs.common.chains.chain import Head, link
from libs.common.chains.check import Code
from libs.common.chains.heads import append_heads, head_line, read_heads
from libs.common.chains.keys import ChainSigner
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import Document
from tests.common.audit_world import SERVICE, AuditWorld, a_minute_ago
from tests.support.builders import NOON, PROGRAM

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")

Tamper = Callable[[AuditWorld], Awaitable[object]]
SIZE = 6


async def codes(audited: AuditWorld) -> set[Code]:
    return {fault.code for fault in (await audited.verified()).faults}


@pytest.fixture
async def log(audited: AuditWorld) -> AuditWorld:
    """A log of six acts, with heads behind the first, second and last."""
    await audited.acts(2)
    await audited.acts_unchained(SIZE - 2)
    await audited.sequencer().sweep()
    assert (await audited.verified()).faults == []
    return audited


async def update(log: AuditWorld, where: Document, change: Document) -> None:
    updated = await log.database.audit.update_one(where, change, bypass_document_validation=True)
    assert updated.modified_count == 1


async def unguarded(log: AuditWorld) -> None:
    """Somebody who may change records may drop indexes, too."""
    await log.database.audit.drop_indexes()


# Editing


EDITS: list[tuple[str, Document]] = [
    ("its time", {"recorded_time": NOON}),
    ("its time by a millisecond", {}),
    ("its time to a text", {"recorded_time": "yesterday"}),
    ("its time to one that no calendar has", {"recorded_time": DatetimeMS(2**60)}),
    ("its act", {"act": "DeleteStore"}),
    ("its actor", {"actor.subject": "bob"}),
    ("its actor's kind", {"actor.kind": "service"}),
    ("its actor's roles", {"actor.roles": []}),
    ("its actor to a text", {"actor": "ann"}),
    ("its objects", {"objects": ["offline"]}),
    ("its objects to none", {"objects": []}),
    ("its objects to a text", {"objects": "online"}),
    ("its reason", {"reason": "for good reason"}),
    ("what was before", {"before": "{}"}),
    ("what was after", {"after": '{"sharing_group":"east"}'}),
    ("what was after, by a space", {"after": '{"sharing_group": ""}'}),
    ("its request", {"request_id": "other"}),
    ("its trace", {"trace_id": "ab" * 16}),
    ("its digest", {"digest": "0" * 64}),
    ("its digest to a number", {"digest": 5}),
    ("its chain hash", {"chain_hash": "0" * 64}),
    ("its position", {"position": 99}),
    ("its position to a fraction", {"position": 3.5}),
    ("its position to a text", {"position": "3"}),
    ("its program", {"program_id": "other_store"}),
]


@pytest.mark.parametrize("position", [1, 3, SIZE], ids=["the first", "one inside", "the last"])
@pytest.mark.parametrize("change", [each[1] for each in EDITS], ids=[each[0] for each in EDITS])
async def test_an_edited_record_is_found(log: AuditWorld, position: int, change: Document) -> None:
    record = await log.database.audit.find_one({"position": position})
    assert record is not None
    change = change or {"recorded_time": record["recorded_time"] + timedelta(milliseconds=1)}

    await update(log, {"position": position}, {"$set": change})

    assert await codes(log)


@pytest.mark.parametrize(
    "field", ["recorded_time", "actor", "act", "objects", "reason", "before", "after", "digest", "chain_hash"]
)
async def test_a_field_that_was_removed_is_found(log: AuditWorld, field: str) -> None:
    await update(log, {"position": 3}, {"$unset": {field: ""}})

    assert await codes(log)


async def test_a_record_under_another_id_is_found(log: AuditWorld) -> None:
    record = await log.database.audit.find_one_and_delete({"position": 3})
    assert record is not None
    await log.database.audit.insert_one({**record, "_id": new_id("aud")})

    assert await codes(log) == {Code.DIGEST_WRONG}


async def rewrite(log: AuditWorld, records: list[Document], *, key_stolen: bool = False) -> None:
    """Put these records in the place of all, with every digest and hash made anew as the sequencer does."""
    signed = await log.database.audit_heads.find().to_list(None)
    await log.database.audit_heads.delete_many({})
    await log.database.audit.delete_many({})
    for record in records:
        unplaced = {name: record[name] for name in record if name not in {"position", "chain_hash"}}
        digest = sealed(record_from(record)).digest
        await log.database.audit.insert_one({**unplaced, "digest": digest, "unsequenced": True})
    await log.sequencer(heads_file=None).sweep()
    if not key_stolen:
        await log.database.audit_heads.delete_many({})
        await log.database.audit_heads.insert_many(signed)


async def test_an_edit_that_was_hidden_under_a_new_chain_is_found(log: AuditWorld) -> None:
    records = list(await log.records())
    records[2] = {**records[2], "objects": ["offline"]}

    await rewrite(log, records)

    assert await codes(log) == {Code.CHAIN_REWRITTEN}


# Deleting, inserting, moving


@pytest.mark.parametrize("position", [1, 3, 5])
async def test_a_deleted_record_is_found_and_where_it_was(log: AuditWorld, position: int) -> None:
    await log.database.audit.delete_one({"position": position})

    (fault,) = (await log.verified()).faults
    assert (fault.code, fault.object_id) == (Code.POSITION_MISSING, f"position {position}")


async def test_a_record_deleted_from_a_chain_that_was_closed_again_is_found(log: AuditWorld) -> None:
    records = list(await log.records())

    await rewrite(log, [*records[:2], *records[3:]])

    assert Code.TAIL_CUT in await codes(log)


@pytest.mark.parametrize("marked", [True, False], ids=["and marked", "as it is"])
async def test_a_record_whose_place_was_taken_away_is_found(log: AuditWorld, marked: bool) -> None:
    change: Document = {"$unset": {"position": "", "chain_hash": ""}}
    await update(log, {"position": 3}, change | ({"$set": {"unsequenced": True}} if marked else {}))
    await log.sequencer().sweep()

    assert await codes(log) == {Code.POSITION_MISSING}


async def test_a_chained_record_that_was_marked_as_waiting_keeps_its_place(log: AuditWorld) -> None:
    await update(log, {"position": 3}, {"$set": {"unsequenced": True}})

    await log.sequencer().sweep()

    assert await codes(log) == set()


@pytest.mark.parametrize("whole", [True, False], ids=["with their chain hashes", "alone"])
async def test_swapped_positions_are_found(log: AuditWorld, whole: bool) -> None:
    records = list(await log.records())
    await unguarded(log)
    for one, other in ((2, 4), (4, 2)):
        place = {"position": records[other]["position"]}
        place |= {"chain_hash": records[other]["chain_hash"]} if whole else {}
        await update(log, {"_id": records[one]["_id"]}, {"$set": place})

    assert Code.CHAIN_BROKEN in await codes(log)


async def test_records_in_another_order_under_a_new_chain_are_found(log: AuditWorld) -> None:
    records = list(await log.records())
    records[2]["_id"], records[4]["_id"] = records[4]["_id"], records[2]["_id"]

    await rewrite(log, records)

    assert await codes(log) == {Code.CHAIN_REWRITTEN}


async def forged(log: AuditWorld, **fields: Any) -> Document:
    """A record that nobody's act has made, and that says so nowhere."""
    template = await log.database.audit.find_one({"position": 3})
    assert template is not None
    record = {**template, "_id": new_id("aud"), "request_id": "forged", **fields}
    return {**record, "digest": sealed(record_from(record)).digest}


async def test_a_record_put_beside_another_is_found(log: AuditWorld) -> None:
    await unguarded(log)

    await log.database.audit.insert_one(await forged(log))

    assert Code.POSITION_TWICE in await codes(log)


async def test_a_record_put_behind_the_end_is_found(log: AuditWorld) -> None:
    last = (await log.records())[-1]
    record = await forged(log, position=SIZE + 1)
    chain_hash = link(last["chain_hash"], position=SIZE + 1, record_digest=record["digest"])
    await log.database.audit.insert_one({**record, "chain_hash": chain_hash})

    assert await codes(log) == {Code.UNSIGNED}


async def test_a_record_put_inside_under_a_new_chain_is_found(log: AuditWorld) -> None:
    records = list(await log.records())

    between = await forged(log, _id=f"{records[2]['_id']}0")
    await rewrite(log, [*records[:3], between, *records[3:]])

    assert Code.CHAIN_REWRITTEN in await codes(log)


async def test_a_record_with_a_wrong_digest_that_waits_is_chained_and_found(log: AuditWorld) -> None:
    record = await forged(log, unsequenced=True)
    del record["position"], record["chain_hash"]
    await log.database.audit.insert_one({**record, "reason": "edited"})

    await log.sequencer().sweep()

    checked = await log.verified()
    assert [(fault.code, fault.object_id) for fault in checked.faults] == [(Code.DIGEST_WRONG, record["_id"])]


# Cutting the tail


async def test_a_cut_tail_is_found(log: AuditWorld) -> None:
    await log.database.audit.delete_many({"position": {"$gt": 3}})

    assert await codes(log) == {Code.TAIL_CUT}


async def test_a_tail_that_was_cut_with_its_heads_is_found_by_the_heads_kept_apart(log: AuditWorld) -> None:
    await log.database.audit.delete_many({"position": {"$gt": 2}})
    await log.database.audit_heads.delete_many({"position": {"$gt": 2}})

    assert await codes(log) == {Code.TAIL_CUT, Code.HEAD_MISSING}


async def test_a_cut_tail_over_which_the_chain_went_on_is_found(log: AuditWorld) -> None:
    await log.database.audit.delete_many({"position": {"$gt": 2}})
    await log.database.audit_heads.delete_many({"position": {"$gt": 2}})
    await log.acts(SIZE - 2)

    assert await codes(log) == {Code.CHAIN_REWRITTEN}


async def test_a_log_that_was_emptied_is_found(log: AuditWorld) -> None:
    await log.database.audit.drop()
    await log.database.audit_heads.drop()

    assert await codes(log) == {Code.TAIL_CUT, Code.HEAD_MISSING}


# Heads


HEAD_EDITS: list[tuple[str, Document]] = [
    ("its position", {"position": 5}),
    ("its chain hash", {"chain_hash": "0" * 64}),
    ("its time", {"signed_time": NOON}),
    ("its service", {"service": "risk"}),
    ("its key", {"key_id": "members.other"}),
    ("its signature", {"signature": "0" * 128}),
    ("its signature to a number", {"signature": 5}),
    ("its time to a text", {"signed_time": "now"}),
]


@pytest.mark.parametrize("change", [each[1] for each in HEAD_EDITS], ids=[each[0] for each in HEAD_EDITS])
async def test_an_edited_head_is_found(log: AuditWorld, change: Document) -> None:
    await log.database.audit_heads.update_one({"position": 2}, {"$set": change})

    assert await codes(log) == {Code.HEAD_FORGED, Code.HEAD_MISSING}


async def test_a_head_signed_with_the_key_of_another_service_is_found(log: AuditWorld) -> None:
    signer = ChainSigner(SERVICE, log.folder.audit_key_file("risk"))
    head = signer.signed(Head(SERVICE, PROGRAM, 2, "0" * 64, a_minute_ago()))
    change = {"chain_hash": head.chain_hash, "key_id": head.key_id, "signature": head.signature}
    await log.database.audit_heads.update_one({"position": 2}, {"$set": change})

    assert Code.HEAD_FORGED in await codes(log)


async def test_a_deleted_head_is_found(log: AuditWorld) -> None:
    await log.database.audit_heads.delete_one({"position": 2})

    assert await codes(log) == {Code.HEAD_MISSING}


async def test_a_head_deleted_from_those_kept_apart_is_found(log: AuditWorld) -> None:
    heads = [each for each in read_heads(log.heads_file) if not isinstance(each, int)]
    log.heads_file.unlink()
    append_heads(log.heads_file, heads[1:])

    assert await codes(log) == {Code.HEAD_UNANCHORED}


async def test_the_heads_kept_apart_deleted_altogether_are_found(log: AuditWorld) -> None:
    log.heads_file.unlink()

    assert await codes(log) == {Code.HEAD_UNANCHORED}


async def test_a_head_edited_among_those_kept_apart_is_found(log: AuditWorld) -> None:
    heads = [each for each in read_heads(log.heads_file) if not isinstance(each, int)]
    edited = head_line(replace(heads[1], chain_hash="0" * 64))
    log.heads_file.write_bytes(log.heads_file.read_bytes().replace(head_line(heads[1]), edited))

    assert await codes(log) == {Code.HEAD_FORGED, Code.HEAD_UNANCHORED}


async def test_a_line_garbled_among_the_heads_kept_apart_is_found(log: AuditWorld) -> None:
    lines = log.heads_file.read_bytes().splitlines()
    log.heads_file.write_bytes(b"\n".join([lines[0], b"garbage", *lines[1:]]) + b"\n")

    (fault,) = (await log.verified()).faults
    assert (fault.code, fault.object_id) == (Code.ANCHOR_UNREADABLE, f"{log.heads_file.name} line 2")


async def test_heads_of_a_stolen_key_are_found_by_those_kept_apart(log: AuditWorld) -> None:
    records = list(await log.records())
    records[2] = {**records[2], "objects": ["offline"]}

    await rewrite(log, records, key_stolen=True)

    assert Code.CHAIN_REWRITTEN in await codes(log)


# Waiting


async def test_a_record_that_waits_too_long_is_found(log: AuditWorld) -> None:
    await log.act()

    (fault,) = (await log.verified()).faults
    assert (fault.code, fault.object_id) == (Code.UNSEQUENCED, (await log.records())[-1]["_id"])


async def test_what_was_recorded_just_now_is_no_fault(log: AuditWorld) -> None:
    log.now = now
    await log.act()

    checked = await log.verified()

    assert (checked.waiting, checked.faults) == (1, [])


async def test_a_database_that_was_restored_from_a_backup_has_lost_what_came_after(log: AuditWorld) -> None:
    records = await log.records()
    heads = await log.database.audit_heads.find().to_list(None)
    await log.acts(2)
    for name, backup in (("audit", records), ("audit_heads", heads)):
        await log.database[name].delete_many({})
        await log.database[name].insert_many(backup)

    assert await codes(log) == {Code.TAIL_CUT, Code.HEAD_MISSING}


async def test_another_programs_faults_are_not_told(log: AuditWorld) -> None:
    await log.acts(2, program_id="other_store")
    await log.database.audit.delete_one({"program_id": PROGRAM, "position": 3})

    assert (await log.verified("other_store")).faults == []
    assert await codes(log) == {Code.POSITION_MISSING}
