"""The chain of badges: proofs that a stranger checks, roots of days, and whatever is done to it is found."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from examples.proof.verify import Broken, check, proofs_in
from laurel.benefits.v1 import proofs_pb2
from libs.common.chains.chain import link
from services.benefits.domain.badges import BADGES
from services.benefits.repository.badges import record_from
from tests.benefits.badges_world import FOUNDER, BadgesWorld, badges_world
from tests.benefits.proof_world import ProofWorld, a_while_ago

FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)


@pytest.fixture
async def world(proofs: ProofWorld) -> BadgesWorld:
    """Three captains, one of them revoked, and two founders of Friday, under its root; one captain since."""
    world = await badges_world(proofs, time=FRIDAY)
    first = await world.issued_then()
    for terms in (FOUNDER, FOUNDER):
        await world.issued_then(terms)
    await world.issued_then()
    await world.revoked_then(first)
    await world.chain()
    await world.issued_then()
    await world.chain()
    world.books.time = FRIDAY + timedelta(days=1)
    await world.close()
    world.books.time = a_while_ago()
    await world.issued_then()
    await world.chain()
    return world


def keys_of(world: BadgesWorld) -> Any:
    return json.loads(world.books.world.folder.audit_key_set_file.read_bytes())


async def answer(world: BadgesWorld, serial: int, key: str = "captain", **caller: Any) -> dict[str, Any]:
    (result,) = await world.proved((key, serial), **caller)
    return MessageToDict(result)


# Proofs


@pytest.mark.parametrize("serial", range(1, 5))
async def test_a_proof_is_checked_by_a_file_that_knows_nothing_of_us(world: BadgesWorld, serial: int) -> None:
    found = await answer(world, serial)

    (issue, *revocation) = (check(each, keys_of(world)) for each in proofs_in(found))

    assert issue[0].startswith(f"captain {serial} of {world.program_id} was issued at")
    assert issue[1] == f"given to {found['verified']['badge']['memberId']}"
    assert [each[0].split(" was ")[1].split()[0] for each in revocation] == ["revoked"] * (serial == 1)


async def test_a_limited_one_says_of_how_many(world: BadgesWorld) -> None:
    (proof,) = proofs_in(await answer(world, 2, "founder"))

    assert check(proof, keys_of(world))[0].startswith(f"founder 2 of 20 of {world.program_id} was issued")
    assert "is under the root of 2026-11-20" in check(proof, keys_of(world))[2]


async def test_who_may_not_see_the_owner_checks_the_same_without_them(world: BadgesWorld) -> None:
    stranger = world.as_("member", await world.a_member())

    (proof,) = proofs_in(await answer(world, 4, caller=stranger))

    assert check(proof, keys_of(world))[1] == "given to somebody who is not shown"
    owners = [each["member_id"] for each in await world.records()]
    assert not [each for each in owners if each in json.dumps(proof)]


def edited(proof: dict[str, Any], name: str, field: str, value: object) -> None:
    said = json.loads(proof["content"][name])
    assert field in said
    proof["content"][name] = json.dumps(said | {field: value}, sort_keys=True, separators=(",", ":"))


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "its number": lambda proof: edited(proof, "badge", "serial", 1),
    "its key": lambda proof: edited(proof, "badge", "key", "emperor"),
    "its limit": lambda proof: edited(proof, "badge", "limit", 3),
    "issued, not revoked": lambda proof: edited(proof, "badge", "act", "revoked"),
    "its owner": lambda proof: edited(proof, "owner", "member_id", "mem_x"),
    "who did it": lambda proof: edited(proof, "act", "by", "somebody"),
    "the owner's digest": lambda proof: proof["content"].update(owner="", ownerDigest="0" * 64),
    "the leaf": lambda proof: proof["content"].update(leaf="0" * 64),
    "the position": lambda proof: proof.update(position="2"),
    "the path": lambda proof: proof.update(path=["0" * 64, *proof["path"][1:]]),
    "the statement": lambda proof: proof.update(statement=proof["statement"].replace("2026", "2025")),
    "the signature": lambda proof: proof["root"].update(signature="0" * 128),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_proof_that_was_changed_is_broken(world: BadgesWorld, edit: str) -> None:
    (proof,) = proofs_in(await answer(world, 2))

    EDITS[edit](proof)

    with pytest.raises(Broken):
        check(proof, keys_of(world))


async def test_a_badge_of_this_moment_is_found_and_not_proved_yet(world: BadgesWorld) -> None:
    await world.issued_then()

    found = await answer(world, 5)

    assert found["status"] == "LOOKUP_STATUS_FOUND"
    with pytest.raises(Broken, match="ask again"):
        proofs_in(found)


async def test_roots_and_heads_of_badges_are_listed_beside_those_of_the_ledger(world: BadgesWorld) -> None:
    books = world.books
    asked = proofs_pb2.ListLedgerRootsRequest(program_id=world.program_id, chain=BADGES)
    asked_heads = proofs_pb2.ListLedgerHeadsRequest(program_id=world.program_id, chain=BADGES)

    roots = await books.caller().ListLedgerRoots(asked)
    heads = await books.caller().ListLedgerHeads(asked_heads)
    asked.chain = ""
    of_ledger = await books.caller().ListLedgerRoots(asked)

    assert [(each.chain, each.first_position, each.last_position) for each in roots.roots] == [(BADGES, 1, 6)]
    assert [(each.chain, each.position) for each in heads.heads][-1] == (BADGES, 7)
    assert list(of_ledger.roots) == []


# Verification


async def test_what_nobody_touched_is_whole(world: BadgesWorld) -> None:
    found = await world.verified()

    assert (found.badges, found.chain.records, found.chain.roots, found.broken) == (6, 7, 1, 0)


async def test_a_program_without_badges_is_whole(proofs: ProofWorld) -> None:
    found = await (await badges_world(proofs)).verified()

    assert (found.badges, found.chain.records, found.broken) == (0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"member_id": "mem_x"},
        {"serial": 77},
        {"key": "emperor"},
        {"limit": 1_000},
        {"by": "somebody"},
        {"explanation": "no reason"},
        {"owner_salt": "s"},
        {"recorded_time": FRIDAY + timedelta(seconds=1)},
        {"act": "given"},
        {"serial": "two"},
    ],
    ids=str,
)
async def test_a_record_that_was_changed_is_found(world: BadgesWorld, change: dict[str, Any]) -> None:
    await world.books.database.badge_records.update_one(
        {"program_id": world.program_id, "position": 2},
        {"$set": change},
        bypass_document_validation=True,
    )

    assert "DIGEST_WRONG" in await world.codes()


async def test_a_record_that_was_changed_with_its_leaf_is_found_by_the_chain(world: BadgesWorld) -> None:
    records, second = world.books.database.badge_records, (await world.records())[1]
    changed = record_from({**second, "member_id": "mem_x"})

    await records.update_one({"_id": second["_id"]}, {"$set": {"member_id": "mem_x", "leaf": changed.leaf()}})

    assert {"CHAIN_BROKEN", "ROOT_WRONG"} <= await world.codes()


async def test_a_chain_that_was_made_anew_is_not_the_one_that_was_signed(world: BadgesWorld) -> None:
    collection, previous = world.books.database.badge_records, ""
    for document in await world.records():
        fields = {"member_id": "mem_x"} if document["position"] == 3 else {}
        leaf = record_from({**document, **fields}).leaf()
        place = document["position"]
        chain_hash = (
            document["chain_hash"] if place < 3 else link(previous, position=place, record_digest=leaf)
        )
        previous = chain_hash
        await collection.update_one(
            {"_id": document["_id"]}, {"$set": {**fields, "leaf": leaf, "chain_hash": chain_hash}}
        )

    assert "CHAIN_REWRITTEN" in await world.codes()


async def test_a_badge_taken_out_is_found_by_its_place_and_its_number(world: BadgesWorld) -> None:
    await world.books.database.badge_records.delete_one({"program_id": world.program_id, "position": 2})

    assert {"POSITION_MISSING", "SERIAL_MISSING"} <= await world.codes()


async def test_a_tail_that_was_cut_is_found(world: BadgesWorld) -> None:
    await world.books.database.badge_records.delete_one({"program_id": world.program_id, "position": 7})
    await world.books.database.badge_heads.delete_one({"program_id": world.program_id, "position": 7})

    assert {"TAIL_CUT"} <= await world.codes()


async def test_a_root_that_is_gone_is_found(world: BadgesWorld) -> None:
    await world.books.database.badge_roots.delete_many({"program_id": world.program_id})

    assert "ROOT_MISSING" in await world.codes()


async def test_the_ledger_is_not_touched_by_what_is_signed_of_badges(world: BadgesWorld) -> None:
    assert await world.books.codes() == set()
