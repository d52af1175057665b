"""Tampering with the ledger: whatever is done to the database is found, by the books or by their chain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from laurel.benefits.v1 import benefits_pb2
from libs.cli import foreground
from libs.cli.badge_chain import BadgesChecked
from libs.cli.commands import verify as command
from libs.common.chains.chain import Root, link, origin
from libs.common.chains.check import Checked, Code, Fault
from libs.common.chains.documents import root_from
from libs.common.chains.heads import append_heads, head_line, read_heads
from libs.common.chains.keys import ChainSigner
from libs.common.ids import new_id
from libs.common.mongo import Document
from services.benefits.domain.leaves import leaf
from services.benefits.repository.documents import entry_from, lot_from, transaction_from
from tests.benefits.proof_world import SERVICE, Books, ProofWorld, a_while_ago

NO_BADGES = BadgesChecked(Checked(), 0, [])
FRIDAY, SATURDAY = datetime(2026, 11, 20, 4, tzinfo=UTC), datetime(2026, 11, 21, 4, tzinfo=UTC)
OVER = datetime(2026, 11, 22, 16, 2, tzinfo=UTC)
KEPT = ("accounts", "entries", "transactions", "lots", "ledger_heads", "ledger_roots")


async def a_ledger(proofs: ProofWorld) -> Books:
    """Positions 1 to 4 and 5 to 6 under roots, 7 to 10 under heads at 8 and 10."""
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    await books.day(SATURDAY, 30)
    books.time = OVER
    await books.close()
    await books.day(a_while_ago(), 40, 50)
    return books


async def at(books: Books, position: int) -> Document:
    found = await books.database.entries.find_one({"program_id": books.program_id, "position": position})
    assert found is not None
    return found


async def update(books: Books, position: int, change: Document) -> None:
    updated = await books.database.entries.update_one(
        {"program_id": books.program_id, "position": position},
        {"$set": change},
        bypass_document_validation=True,
    )
    assert updated.modified_count == 1


async def delete(books: Books, name: str, wanted: Document) -> None:
    assert (await books.database[name].delete_many({"program_id": books.program_id, **wanted})).deleted_count


async def covered(books: Books, entry: Document) -> str:
    """The leaf of an entry as it is now, with every digest made anew."""
    transaction = await books.database.transactions.find_one({"_id": entry["transaction_id"]})
    lot = await books.database.lots.find_one({"_id": entry["lot_id"]})
    assert transaction is not None
    return leaf(
        entry=entry_from(entry).digest(),
        transaction=transaction_from(transaction).digest(),
        lot="" if lot is None else lot_from(lot).digest(),
    )


async def rewrite(books: Books) -> None:
    """Make every digest, leaf and chain hash anew, as one would who hides what was changed."""
    chain_hash = origin(service=SERVICE, program_id=books.program_id, chain="ledger")
    for position, each in enumerate(await books.entries(), start=1):
        found = await covered(books, each)
        chain_hash = link(chain_hash, position=position, record_digest=found)
        fields = {
            "digest": entry_from(each).digest(),
            "leaf": found,
            "position": position,
            "chain_hash": chain_hash,
        }
        await books.database.entries.update_one({"_id": each["_id"]}, {"$set": fields})


@pytest.fixture(scope="module")
async def whole(proofs: ProofWorld) -> Books:
    """A ledger for tests that put back what they change."""
    return await a_ledger(proofs)


async def test_a_ledger_as_it_was_chained_and_closed_is_whole(whole: Books) -> None:
    checked = await whole.verified()

    assert (checked.records, checked.waiting, checked.heads, checked.roots) == (10, 0, 3, 2)
    assert (checked.anchors, checked.faults, await whole.codes()) == (7, [], set())


# Editing

EDITS: list[tuple[str, Document, set[str]]] = [
    ("its points", {"points": 999}, {"DIGEST_WRONG", "ENTRY_DIGEST"}),
    ("its transaction", {"transaction_id": "txn_other"}, {"DIGEST_WRONG", "TRANSACTION_MISSING"}),
    ("its lot", {"lot_id": "lot_other"}, {"DIGEST_WRONG", "ENTRY_DIGEST"}),
    ("its digest", {"digest": "0" * 64}, {"ENTRY_DIGEST"}),
    ("its leaf", {"leaf": "0" * 64}, {"DIGEST_WRONG", "CHAIN_BROKEN"}),
    ("its leaf to a number", {"leaf": 5}, {"DIGEST_WRONG", "CHAIN_BROKEN"}),
    ("its chain hash", {"chain_hash": "0" * 64}, {"CHAIN_BROKEN"}),
    ("its position", {"position": 99}, {"POSITION_MISSING"}),
    ("its position to a text", {"position": "2"}, {"POSITION_MISSING", "UNCHAINED"}),
    ("its program", {"program_id": "other_store"}, {"POSITION_MISSING"}),
]


@asynccontextmanager
async def changed(books: Books, name: str, key: Document, change: Document) -> AsyncIterator[None]:
    """A document as somebody changes it, and then as it was."""
    collection = books.database[name]
    stored = await collection.find_one({"program_id": books.program_id, **key})
    assert stored is not None
    await collection.update_one({"_id": stored["_id"]}, {"$set": change}, bypass_document_validation=True)
    yield
    await collection.replace_one({"_id": stored["_id"]}, stored)


@pytest.mark.parametrize(("change", "codes"), [each[1:] for each in EDITS], ids=[each[0] for each in EDITS])
async def test_an_edited_entry_is_found(whole: Books, change: Document, codes: set[str]) -> None:
    async with changed(whole, "entries", {"position": 2}, change):
        found = await whole.codes()

    assert codes <= found


@pytest.mark.parametrize("change", [each[1] for each in EDITS], ids=[each[0] for each in EDITS])
async def test_an_edit_of_the_last_entry_is_found(whole: Books, change: Document) -> None:
    async with changed(whole, "entries", {"position": 10}, change):
        found = await whole.verified()

    assert found.faults or "digest" in change  # which is the books' to find, as its leaf is right


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("transactions", {"external_ref": "another", "source": "thief"}),
        ("lots", {"expire_time": datetime(2099, 1, 1, tzinfo=UTC)}),
    ],
    ids=["why points came", "how long they live"],
)
async def test_what_stands_behind_an_entry_is_under_the_chain_too(
    proofs: ProofWorld, name: str, change: Document
) -> None:
    books = await a_ledger(proofs)
    entry = await at(books, 4)
    key = {"_id": entry["transaction_id" if name == "transactions" else "lot_id"]}
    await books.database[name].update_one(key, {"$set": change})
    stored = await books.database[name].find_one(key)
    assert stored is not None
    signed = (transaction_from(stored) if name == "transactions" else lot_from(stored)).digest()
    await books.database[name].update_one(key, {"$set": {"digest": signed}})

    assert await books.codes() == {"DIGEST_WRONG"}


async def test_an_edit_that_was_hidden_under_a_new_leaf_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    entry = await at(books, 2)
    digest = entry_from(entry | {"points": 999}).digest()
    await update(books, 2, {"points": 999, "digest": digest})
    await update(books, 2, {"leaf": await covered(books, await at(books, 2))})

    assert {"CHAIN_BROKEN", "ROOT_WRONG"} <= await books.codes()


async def test_an_edit_that_was_hidden_under_a_new_chain_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await books.database.transactions.update_one(
        {"_id": (await at(books, 2))["transaction_id"]}, {"$set": {"external_ref": "another"}}
    )

    await rewrite(books)

    codes = {fault.code for fault in (await books.verified()).faults}
    assert codes == {Code.CHAIN_REWRITTEN, Code.ROOT_WRONG}


# Deleting, inserting, moving


@pytest.mark.parametrize("position", [1, 3, 7])
async def test_a_deleted_entry_is_found_and_where_it_was(proofs: ProofWorld, position: int) -> None:
    books = await a_ledger(proofs)

    await delete(books, "entries", {"position": position})

    faults = [each for each in (await books.verified()).faults if each.code is Code.POSITION_MISSING]
    assert [each.object_id for each in faults] == [f"position {position}"]


async def test_a_transaction_that_was_deleted_with_all_that_it_did_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    entry = await at(books, 4)  # of a member who has no other
    issued = await at(books, 3)
    await delete(books, "entries", {"transaction_id": entry["transaction_id"]})
    await delete(books, "transactions", {"_id": entry["transaction_id"]})
    await delete(books, "lots", {"_id": entry["lot_id"]})
    await delete(books, "accounts", {"_id": entry["account_id"]})
    later = {"account_id": issued["account_id"], "seq": {"$gt": issued["seq"]}}
    async for each in books.database.entries.find(later).sort("seq", 1):
        change = {"seq": each["seq"] - 1, "balance_after": each["balance_after"] + 20}
        digest = entry_from(each | change).digest()
        await books.database.entries.update_one({"_id": each["_id"]}, {"$set": change | {"digest": digest}})
    account = {"_id": issued["account_id"]}
    await books.database.accounts.update_one(account, {"$inc": {"balance": 20, "seq": -1}})

    # The books alone say nothing: everything adds up without these points.
    assert await books.codes() == {"POSITION_MISSING", "DIGEST_WRONG"}


async def test_a_deleted_entry_whose_gap_was_closed_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await delete(books, "entries", {"position": 9})

    await rewrite(books)

    assert {"TAIL_CUT"} <= await books.codes()


async def test_an_entry_that_was_put_beside_the_chain_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    entry = await at(books, 4)
    marks = ("leaf", "position", "chain_hash", "recorded_time")
    forged = {name: value for name, value in entry.items() if name not in marks}
    await books.database.entries.insert_one({**forged, "_id": new_id("ent"), "seq": 2})

    assert "UNCHAINED" in await books.codes()


async def test_an_entry_that_was_put_behind_the_end_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    entry = await at(books, 10)
    chain_hash = link(entry["chain_hash"], position=11, record_digest=entry["leaf"])
    place = {"position": 11, "chain_hash": chain_hash, "_id": new_id("ent"), "seq": 2}
    await books.database.entries.insert_one(entry | place)

    assert {"UNSIGNED", "DIGEST_WRONG"} <= await books.codes()


async def test_an_entry_that_was_put_between_others_under_a_new_chain_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    between = await at(books, 7)
    await books.database.entries.update_many(
        {"program_id": books.program_id, "position": {"$gte": 7}}, {"$inc": {"position": 100}}
    )
    forged = {
        **between,
        "_id": f"{between['_id']}0",
        "position": 7,
        "account_id": f"{between['account_id']}/x",
    }
    await books.database.entries.insert_one(forged)

    await rewrite(books)

    assert "CHAIN_REWRITTEN" in await books.codes()


@pytest.mark.parametrize("hidden", [False, True], ids=["as they are", "under a new chain"])
async def test_entries_in_another_order_are_found(proofs: ProofWorld, hidden: bool) -> None:
    books = await a_ledger(proofs)
    for one, other in ((8, 100), (9, 8), (100, 9)):
        await update(books, one, {"position": other})
    if hidden:
        await rewrite(books)

    codes = {fault.code for fault in (await books.verified()).faults}
    assert codes == ({Code.CHAIN_REWRITTEN} if hidden else {Code.CHAIN_BROKEN, Code.CHAIN_REWRITTEN})


# Cutting the tail


async def cut(books: Books, position: int, *names: str) -> None:
    """Delete everything behind a position, and what was signed of it in these collections."""
    await delete(books, "entries", {"position": {"$gt": position}})
    for name in names:
        field = "last_position" if name == "ledger_roots" else "position"
        await delete(books, name, {field: {"$gt": position}})


async def test_a_cut_tail_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await cut(books, 8)

    assert "TAIL_CUT" in await books.codes()


async def test_a_tail_that_was_cut_with_its_heads_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await cut(books, 8, "ledger_heads")

    assert {"TAIL_CUT", "HEAD_MISSING"} <= await books.codes()


async def test_a_tail_that_was_cut_with_its_heads_and_roots_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await cut(books, 4, "ledger_heads", "ledger_roots")

    assert {"TAIL_CUT", "HEAD_MISSING", "ROOT_MISSING"} <= await books.codes()


async def test_a_cut_tail_over_which_the_chain_went_on_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await cut(books, 6, "ledger_heads")
    await books.day(a_while_ago(), 40, 50)

    assert "CHAIN_REWRITTEN" in await books.codes()


async def test_a_ledger_that_was_emptied_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    for name in KEPT:
        await delete(books, name, {})

    assert await books.codes() == {"TAIL_CUT", "HEAD_MISSING", "ROOT_MISSING"}


async def test_an_older_database_that_was_put_back_is_found(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    wanted = {"program_id": books.program_id}
    older = {name: await books.database[name].find(wanted).to_list(None) for name in KEPT}
    await books.day(SATURDAY, 30)
    books.time = OVER
    await books.close()
    for name, documents in older.items():
        await books.database[name].delete_many(wanted)
        if documents:
            await books.database[name].insert_many(documents)
    await books.close()

    # Whole by itself, and all of it signed by the service; but more was kept apart.
    assert await books.codes() == {"TAIL_CUT", "ROOT_MISSING"}


# Roots

ROOT_EDITS: list[tuple[str, Document]] = [
    ("its day", {"date": "2026-11-19"}),
    ("its first position", {"first_position": 2}),
    ("its last position", {"last_position": 3}),
    ("its hash", {"root_hash": "0" * 64}),
    ("its chain hash", {"chain_hash": "0" * 64}),
    ("its time", {"signed_time": FRIDAY}),
    ("its signature", {"signature": "0" * 128}),
    ("its signature to a number", {"signature": 5}),
]


@pytest.mark.parametrize("change", [each[1] for each in ROOT_EDITS], ids=[each[0] for each in ROOT_EDITS])
async def test_an_edited_root_is_found(whole: Books, change: Document) -> None:
    async with changed(whole, "ledger_roots", {"date": "2026-11-20"}, change):
        found = {fault.code.name for fault in (await whole.verified()).faults}

    assert {"ROOT_FORGED", "ROOT_MISSING"} <= found


async def test_a_deleted_root_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await delete(books, "ledger_roots", {"date": "2026-11-20"})

    assert await books.codes() == {"ROOT_GAP", "ROOT_MISSING"}


async def resigned(books: Books, key: str, **fields: Any) -> None:
    """Put a root in the place of Friday's, signed with the key of a service."""
    friday = {"_id": f"{books.program_id}@2026-11-20"}
    stored = await books.database.ledger_roots.find_one(friday)
    assert stored is not None
    signer = ChainSigner(SERVICE, books.world.folder.audit_key_file(key))
    root = signer.signed(replace(root_from(stored), **fields))
    change = fields | {"key_id": root.key_id, "signature": root.signature}
    await books.database.ledger_roots.update_one(friday, {"$set": change})


async def test_a_root_signed_with_the_key_of_another_service_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await resigned(books, "members", root_hash="0" * 64)

    assert "ROOT_FORGED" in await books.codes()


async def test_another_root_signed_with_the_stolen_key_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await resigned(books, SERVICE, root_hash="0" * 64)

    assert await books.codes() == {"CHAIN_REWRITTEN"}


@pytest.fixture
def file(proofs: ProofWorld) -> Any:
    """What is kept apart, which the test may change."""
    before = proofs.heads_file.read_bytes() if proofs.heads_file.exists() else b""
    yield proofs.heads_file
    proofs.heads_file.write_bytes(before)


async def test_a_root_deleted_from_those_kept_apart_is_found(proofs: ProofWorld, file: Any) -> None:
    books = await a_ledger(proofs)
    kept = [each for each in read_heads(file) if not isinstance(each, int)]
    file.unlink()
    append_heads(file, [each for each in kept if not isinstance(each, Root)])

    # The day's heads are still kept apart, and the service has dropped them: its roots stand for them.
    assert await books.codes() == {"ROOT_UNANCHORED"}


async def test_a_root_edited_among_those_kept_apart_is_found(proofs: ProofWorld, file: Any) -> None:
    books = await a_ledger(proofs)
    ours = [each for each in read_heads(file) if isinstance(each, Root)]
    root = next(each for each in ours if each.program_id == books.program_id)
    edited = head_line(replace(root, root_hash="0" * 64))
    file.write_bytes(file.read_bytes().replace(head_line(root), edited))

    assert await books.codes() == {"ROOT_FORGED", "ROOT_UNANCHORED"}


async def test_a_day_that_nobody_closes_is_found(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)

    (fault,) = (await books.verified()).faults

    assert (fault.code, fault.object_id) == (Code.UNROOTED, (await books.entries())[0]["_id"])


# Waiting


async def test_an_entry_that_waits_too_long_is_found(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    await books.accrues(60)

    assert await books.codes() == {"UNSEQUENCED"}


async def test_what_was_posted_just_now_is_no_fault(proofs: ProofWorld) -> None:
    books = await a_ledger(proofs)
    books.time = a_while_ago() + timedelta(seconds=55)
    await books.accrues(60)

    checked = await books.verified()

    assert (checked.waiting, checked.faults) == (2, [])


async def test_another_programs_faults_are_not_told(proofs: ProofWorld, whole: Books) -> None:
    broken = await proofs.books()
    await broken.day(FRIDAY, 10, 20)
    await delete(broken, "entries", {"position": 3})

    assert await whole.codes() == set()


# The command


def ended(
    monkeypatch: pytest.MonkeyPatch, result: Any, checked: Checked, badges: BadgesChecked = NO_BADGES
) -> int:
    """How `laurel verify` ends on what was found."""

    def run(found: Any) -> Any:
        found.close()
        return result, checked, badges

    monkeypatch.setattr(foreground, "run", run)
    monkeypatch.setattr(command, "running_platform", lambda _: None)
    try:
        command.verify(program="music_store", as_json=True)
    except typer.Exit as exited:
        return exited.exit_code
    return 0


@pytest.mark.parametrize(
    ("faults", "code"), [([], 0), ([Fault(Code.ROOT_MISSING, "2026-11-20")], 1)], ids=["whole", "broken"]
)
def test_the_command_says_what_is_wrong_with_the_chain_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], faults: list[Fault], code: int
) -> None:
    whole = benefits_pb2.VerifyLedgerResponse(done=True)
    checked = Checked(records=4, roots=1, broken=len(faults), faults=faults)

    assert ended(monkeypatch, whole, checked) == code

    told = capsys.readouterr()
    assert f'"broken": {len(faults)}' in told.out
    assert [f"{each.code.name} {each.object_id}" in told.err for each in faults] == [True] * len(faults)


@pytest.mark.parametrize(
    ("badges", "told"),
    [
        (BadgesChecked(Checked(), 3, ["SERIAL_MISSING founder 2: …"]), "SERIAL_MISSING founder 2"),
        (
            BadgesChecked(Checked(broken=1, faults=[Fault(Code.TAIL_CUT, "position 3")]), 3, []),
            "TAIL_CUT position 3",
        ),
    ],
    ids=["their numbers", "their chain"],
)
def test_the_command_says_what_is_wrong_with_badges_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], badges: BadgesChecked, told: str
) -> None:
    whole = benefits_pb2.VerifyLedgerResponse(done=True)

    assert ended(monkeypatch, whole, Checked(), badges) == 1

    shown = capsys.readouterr()
    assert told in shown.err
    assert '"badges": 3' in shown.out
    assert '"broken": 1' in shown.out
