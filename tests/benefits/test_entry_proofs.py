"""Proofs of entries: who may have them, what they say, and that a stranger can check them by one file."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from examples.proof.verify import Broken, check, proofs_in
from laurel.benefits.v1 import proofs_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.caller import PrincipalKind
from tests.benefits.proof_world import Books, ProofWorld, a_while_ago
from tests.benefits.refusals import refusal

VERIFIER = Path(__file__).parents[2] / "examples" / "proof" / "verify.py"
FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@pytest.fixture(scope="module")
async def books(proofs: ProofWorld) -> Books:
    """Two members of a closed day, three of today under two heads, and one whose entries wait."""
    books = await proofs.books()
    books.time = FRIDAY
    await books.accrues(10)
    await books.accrues(20, 30)
    await books.chain()
    books.time = FRIDAY + timedelta(days=1)
    await books.close()
    books.time = a_while_ago()
    await books.accrues(40, 50)
    await books.accrues(60)
    await books.chain()
    await books.accrues(70)
    await books.chain()
    await books.accrues(80)
    return books


async def ids_of(books: Books, member: int) -> list[str]:
    """The entries of the account of a member."""
    account = {"account_id": f"{books.program_id}/{books.members[member]}/points"}
    return [each["_id"] async for each in books.database.entries.find(account).sort("seq", 1)]


async def proved(books: Books, *entry_ids: str, caller: Any = None) -> list[pb.EntryProofResult]:
    request = pb.BatchGetEntryProofsRequest(program_id=books.program_id, entry_ids=entry_ids)
    return list((await (caller or books.caller()).BatchGetEntryProofs(request)).results)


def keys_of(books: Books) -> Any:
    return json.loads(books.world.folder.audit_key_set_file.read_bytes())


async def answer(books: Books, member: int) -> dict[str, Any]:
    """The proof of a member's first entry as JSON."""
    (result,) = await proved(books, (await ids_of(books, member))[0])
    return MessageToDict(result)


@pytest.mark.parametrize("member", range(5))
async def test_a_proof_is_checked_by_a_file_that_knows_nothing_of_us(books: Books, member: int) -> None:
    for result in await proved(books, *await ids_of(books, member)):
        lines = check(proofs_in(MessageToDict(result))[0], keys_of(books))

        assert lines[0].startswith(str(json.loads(result.proof.content.entry)["points"]))
        assert books.members[member] in lines[0]


async def test_a_proof_by_the_root_says_where_the_entry_stands_in_its_day(books: Books) -> None:
    (result,) = await proved(books, (await ids_of(books, 1))[1])

    proof = result.proof
    assert (proof.root.date, proof.root.first_position, proof.root.last_position) == ("2026-11-20", 1, 6)
    assert (proof.position, len(proof.path)) == (6, 2)
    assert not proof.HasField("head")


async def test_a_proof_by_a_head_is_by_the_next_one(books: Books) -> None:
    first, second = await ids_of(books, 2)
    results = await proved(books, first, second, *await ids_of(books, 4))

    assert [each.proof.head.position for each in results] == [12, 12, 14]
    assert [len(each.proof.following_leaves) for each in results] == [4, 2, 0]


async def test_an_entry_that_waits_is_found_and_not_proved_yet(books: Books) -> None:
    (result,) = await proved(books, *await ids_of(books, 5))

    assert (result.status, result.proof.position, result.proof.statement) == (FOUND, 0, "")
    with pytest.raises(Broken, match="ask again"):
        check(proofs_in(MessageToDict(result))[0], keys_of(books))


async def test_proofs_come_in_the_order_in_which_they_were_asked_for(books: Books) -> None:
    (one,), (other, _) = await ids_of(books, 0), await ids_of(books, 1)

    results = await proved(books, other, "ent_none", one, other)

    assert [each.status for each in results] == [FOUND, MISSING, FOUND, FOUND]
    assert [each.proof.content.entry_id for each in results] == [other, "", one, other]


EDITS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("its points", lambda proof: edited(proof, "entry", "points", "11")),
    ("its account", lambda proof: edited(proof, "entry", "account_id", "p/mem_x/points")),
    ("its transaction", lambda proof: edited(proof, "transaction", "external_ref", "another")),
    ("its lot", lambda proof: edited(proof, "lot", "expire_time", "2099-01-01T00:00:00.000+00:00")),
    ("no lot", lambda proof: proof["content"].update(lot="")),
    ("the leaf", lambda proof: proof["content"].update(leaf="0" * 64)),
    ("the position", lambda proof: proof.update(position="3")),
    ("the statement", lambda proof: proof.update(statement=proof["statement"].replace("2026", "2025"))),
    ("the signature", lambda proof: signed(proof).update(signature="0" * 128)),
]
ROOT_EDITS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("the path", lambda proof: proof.update(path=proof["path"][::-1])),
    ("a shorter path", lambda proof: proof.update(path=proof["path"][:-1])),
    ("a longer path", lambda proof: proof.update(path=[*proof["path"], "0" * 64])),
]
HEAD_EDITS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("what is before it", lambda proof: proof.update(previousHash="0" * 64)),
    ("what is behind it", lambda proof: proof.update(followingLeaves=proof["followingLeaves"][::-1])),
    ("less behind it", lambda proof: proof.update(followingLeaves=proof["followingLeaves"][:-1])),
]


def edited(proof: dict[str, Any], name: str, field: str, value: str) -> None:
    said = json.loads(proof["content"][name])
    assert field in said
    proof["content"][name] = json.dumps(said | {field: value}, sort_keys=True, separators=(",", ":"))


def signed(proof: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = proof.get("root") or proof["head"]
    return found


@pytest.mark.parametrize(
    ("member", "edit"),
    [
        *((member, each[1]) for member in (0, 2) for each in EDITS),
        *((0, each[1]) for each in ROOT_EDITS),
        *((2, each[1]) for each in HEAD_EDITS),
    ],
    ids=[
        *(f"{by}: {each[0]}" for by in ("root", "head") for each in EDITS),
        *(each[0] for each in ROOT_EDITS),
        *(each[0] for each in HEAD_EDITS),
    ],
)
async def test_a_proof_that_was_changed_does_not_hold(
    books: Books, member: int, edit: Callable[[dict[str, Any]], None]
) -> None:
    found = await answer(books, member)
    keys = keys_of(books)
    assert check(proofs_in(found)[0], keys)

    edit(proofs_in(found)[0])

    with pytest.raises(Broken):
        check(proofs_in(found)[0], keys)


async def test_a_key_that_only_calls_itself_ours_verifies_nothing(books: Books) -> None:
    keys = keys_of(books)
    ours, theirs = (
        next(each for each in keys["keys"] if each["kid"].startswith(service))
        for service in ("benefits.", "risk.")
    )

    with pytest.raises(Broken, match="called after"):
        check(proofs_in(await answer(books, 0))[0], {"keys": [theirs | {"kid": ours["kid"]}]})


async def test_the_file_runs_by_itself_and_ends_with_what_it_found(books: Books, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    found = await answer(books, 0)
    good.write_text(json.dumps({"data": {"ledgerProof": proofs_in(found)[0]}}))
    edited(proofs_in(found)[0], "entry", "points", "11")
    bad.write_text(json.dumps(found))

    def run(file: Path) -> subprocess.CompletedProcess[str]:
        keys = books.world.folder.audit_key_set_file
        command = [sys.executable, "-I", str(VERIFIER), str(file), "--keys", str(keys)]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    ended = [run(good), run(bad)]

    assert [each.returncode for each in ended] == [0, 1]
    assert ended[0].stdout.splitlines()[-1] == "OK"
    assert ended[1].stderr.startswith("BROKEN: the entry, its transaction or its lot")
    imported = {line for line in VERIFIER.read_text().splitlines() if line.startswith(("import", "from"))}
    assert not [line for line in imported if "laurel" in line or "libs" in line or "services" in line]


# Who may


@pytest.mark.parametrize(
    ("kind", "claims", "own", "others"),
    [
        ("member", {}, FOUND, MISSING),
        ("partner", {}, FOUND, FOUND),
        ("staff", {"roles": ["compliance_officer"]}, FOUND, FOUND),
        ("staff", {"roles": ["consultant"], "stores": ["online"]}, FOUND, FOUND),
        ("staff", {"roles": ["consultant"], "stores": ["elsewhere"]}, MISSING, MISSING),
    ],
    ids=["a member", "their partner", "the program's staff", "their store's", "another store's"],
)
async def test_who_sees_an_entry_may_prove_it(
    books: Books, kind: PrincipalKind, claims: dict[str, Any], own: int, others: int
) -> None:
    subject = {"member": books.members[0], "partner": "shop"}.get(kind, "ann")
    caller = books.caller(kind, subject, **claims)
    wanted = [(await ids_of(books, 0))[0], (await ids_of(books, 1))[0]]

    results = await proved(books, *wanted, caller=caller)

    assert [each.status for each in results] == [own, others]


async def test_entries_of_the_program_are_for_who_sees_all_of_it(books: Books) -> None:
    issuer = await books.database.entries.find_one({"program_id": books.program_id, "position": 1})
    assert issuer is not None
    assert "issuer" in issuer["account_id"]
    store = books.caller(roles=["consultant"], stores=["online"])

    seen = [await proved(books, issuer["_id"], caller=each) for each in (books.caller(), store)]

    assert [result.status for (result,) in seen] == [FOUND, MISSING]


async def test_another_programs_entries_are_as_if_they_were_not_there(books: Books) -> None:
    other = await books.world.books()

    results = await proved(other, *await ids_of(books, 0))

    assert [each.status for each in results] == [MISSING]


@pytest.mark.parametrize("kind", ["member", "partner"])
async def test_roots_are_for_everybody_and_all_entries_for_few(books: Books, kind: PrincipalKind) -> None:
    caller = books.caller(kind, books.members[0] if kind == "member" else "shop")

    roots = await caller.ListLedgerRoots(pb.ListLedgerRootsRequest(program_id=books.program_id))
    code, reason, _ = await refusal(
        caller.ListChainedEntries(pb.ListChainedEntriesRequest(program_id=books.program_id))
    )

    assert [each.date for each in roots.roots] == ["2026-11-20"]
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_entries_and_heads_are_listed_in_pages(books: Books) -> None:
    caller, entries, tokens = books.caller(), [], [""]
    while len(tokens) == 1 or tokens[-1]:
        page = await caller.ListChainedEntries(
            pb.ListChainedEntriesRequest(program_id=books.program_id, page_size=7, page_token=tokens[-1])
        )
        entries += page.entries
        tokens.append(page.next_page_token)
    heads = await caller.ListLedgerHeads(pb.ListLedgerHeadsRequest(program_id=books.program_id, page_size=1))

    assert [each.position for each in entries] == [*range(1, 15), 0, 0]
    assert len(tokens) == 4
    assert (len(heads.heads), heads.more) == (1, True)


async def test_a_page_token_of_another_list_is_refused(books: Books) -> None:
    request = pb.ListChainedEntriesRequest(program_id=books.program_id, page_token="abc")

    code, reason, _ = await refusal(books.caller().ListChainedEntries(request))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
