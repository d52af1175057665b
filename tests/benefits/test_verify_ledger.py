"""VerifyLedger: a ledger as it was posted is whole; what is changed in the database behind it is found."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.mongo import Database
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import a_program, matured, told
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story
from tests.support.builders import DAY, NOON, PROGRAM

Tamper = Callable[[Database, str], Awaitable[object]]


async def verified(benefits: BenefitsWorld, program_id: str) -> pb.VerifyLedgerResponse:
    """The result that ends the stream."""
    staff = benefits.caller("staff", "auditor", program_id)
    answers = [answer async for answer in staff.VerifyLedger(pb.VerifyLedgerRequest(program_id=program_id))]
    assert [answer.done for answer in answers] == [False] * (len(answers) - 1) + [True]
    return answers[-1]


async def a_ledger(benefits: BenefitsWorld) -> str:
    """A program whose three members have 10 + 20, 200 + 2 and no points."""
    program_id = await benefits.a_program()
    for amounts in ((1_000, 2_000), (20_000, 100), (99,)):
        await benefits.a_member(*amounts, program_id=program_id)
    return program_id


async def test_a_ledger_as_it_was_posted_is_whole(benefits: BenefitsWorld) -> None:
    program_id = await a_ledger(benefits)
    stripes = await benefits.database.accounts.count_documents({"owner": f"issuer:{program_id}"})

    result = await verified(benefits, program_id)

    assert (result.broken_count, result.sum_points, list(result.faults)) == (0, 0, [])
    assert (result.accounts_count, result.entries_count) == (2 + stripes, 8)
    assert (result.transactions_count, result.entries_total) == (5, 8)


async def test_a_program_without_a_ledger_is_whole(benefits: BenefitsWorld) -> None:
    result = await verified(benefits, await benefits.a_program())

    assert (result.accounts_count, result.broken_count, result.done) == (0, 0, True)


def edit(collection: str, where: dict[str, Any], change: dict[str, Any] | list[dict[str, Any]]) -> Tamper:
    async def tamper(database: Database, program_id: str) -> None:
        updated = await database[collection].update_one(
            {"program_id": program_id, **where}, change, bypass_document_validation=True
        )
        assert updated.modified_count == 1

    return tamper


def delete(collection: str, where: dict[str, Any]) -> Tamper:
    async def tamper(database: Database, program_id: str) -> None:
        deleted = await database[collection].delete_one({"program_id": program_id, **where})
        assert deleted.deleted_count == 1

    return tamper


def of_issuer(change: dict[str, Any]) -> Tamper:
    async def tamper(database: Database, program_id: str) -> None:
        issuer = {"owner": f"issuer:{program_id}", "seq": {"$gt": 0}}
        assert (await database.accounts.update_one(issuer, change)).modified_count == 1

    return tamper


def inserted_entry() -> Tamper:
    async def tamper(database: Database, program_id: str) -> None:
        entry = await database.entries.find_one({"program_id": program_id, "points": 20})
        assert entry is not None
        forged = {"_id": "ent_forged", "seq": entry["seq"] + 1, "balance_after": entry["balance_after"] + 20}
        await database.entries.insert_one(entry | forged | {"transaction_id": "txn_forged"})

    return tamper


ENTRY_LOST = {"SEQUENCE", "BALANCE", "LOT", "TRANSACTION_SUM", "TRANSACTION_ENTRIES"}
TAMPERINGS: list[tuple[str, set[str], Tamper]] = [
    (
        "an entry's allocations gone",
        {"UNREADABLE", "BALANCE_AFTER", *ENTRY_LOST},
        edit("entries", {"points": 10}, {"$unset": {"allocations": ""}}),
    ),
    (
        "an entry's points as text",
        {"UNREADABLE", *ENTRY_LOST},
        edit("entries", {"points": 20}, {"$set": {"points": "20"}}),
    ),
    (
        "a balance as a fraction",
        {"UNREADABLE", "ACCOUNT_MISSING", "SUM"},
        edit("accounts", {"balance": 30}, {"$set": {"balance": 30.0}}),
    ),
    (
        "a transaction's earnings gone",
        {"UNREADABLE", "TRANSACTION_MISSING"},
        edit("transactions", {"points": 20}, {"$unset": {"earnings": ""}}),
    ),
    (
        "a transaction's digest gone",
        {"UNREADABLE", "TRANSACTION_MISSING"},
        edit("transactions", {"points": 20}, {"$unset": {"digest": ""}}),
    ),
    (
        "a lot's time as text",
        {"UNREADABLE", "LOT"},
        edit("lots", {"earned": 20}, {"$set": {"active_time": "1998-06-30"}}),
    ),
    (
        "an entry's points",
        {"ENTRY_DIGEST", "BALANCE", "BALANCE_AFTER", "TRANSACTION_SUM", "TRANSACTION_ENTRIES", "LOT"},
        edit("entries", {"points": 20}, {"$set": {"points": 21}}),
    ),
    ("an entry's digest", {"ENTRY_DIGEST"}, edit("entries", {"points": 20}, {"$set": {"digest": "0" * 64}})),
    (
        "an entry's lot",
        {"ENTRY_DIGEST", "LOT"},
        edit("entries", {"points": 20}, {"$set": {"lot_id": "lot_x"}}),
    ),
    (
        "an entry deleted",
        {"SEQUENCE", "BALANCE_AFTER", "BALANCE", "TRANSACTION_SUM", "TRANSACTION_ENTRIES", "LOT"},
        delete("entries", {"points": 10}),
    ),
    (
        "an entry forged",
        {"ENTRY_DIGEST", "SEQUENCE", "BALANCE", "TRANSACTION_MISSING", "LOT"},
        inserted_entry(),
    ),
    (
        "an entry of no account",
        {"ACCOUNT_MISSING", "BALANCE", "SEQUENCE", "LOT"},
        edit("entries", {"points": 20}, [{"$set": {"account_id": {"$concat": ["$account_id", "/x"]}}}]),
    ),
    (
        "a balance",
        {"BALANCE", "LOT", "SUM"},
        edit("accounts", {"balance": 30}, {"$set": {"balance": 1_030}}),
    ),
    ("the issuer's balance", {"BALANCE", "SUM"}, of_issuer({"$inc": {"balance": -1}})),
    ("an account's sequence", {"SEQUENCE"}, edit("accounts", {"balance": 30}, {"$inc": {"seq": 1}})),
    (
        "an account deleted",
        {"ACCOUNT_MISSING", "SUM"},
        delete("accounts", {"balance": 30}),
    ),
    (
        "a transaction's cause",
        {"TRANSACTION_DIGEST"},
        edit("transactions", {"points": 20}, {"$set": {"external_ref": "another"}}),
    ),
    (
        "a transaction's points",
        {"TRANSACTION_DIGEST", "TRANSACTION_ENTRIES", "EARNINGS"},
        edit("transactions", {"points": 20}, {"$set": {"points": 19}}),
    ),
    (
        "how points were counted",
        {"TRANSACTION_DIGEST", "EARNINGS"},
        edit("transactions", {"points": 20}, {"$set": {"earnings.0.points": 21}}),
    ),
    (
        "a transaction of nothing",
        {"TRANSACTION_DIGEST"},
        edit("transactions", {"points": 0}, {"$set": {"line": 1}}),
    ),
    ("a transaction deleted", {"TRANSACTION_MISSING"}, delete("transactions", {"points": 20})),
    (
        "a lot of no account",
        {"ACCOUNT_MISSING", "LOT"},
        edit("lots", {"earned": 20}, [{"$set": {"account_id": {"$concat": ["$account_id", "/x"]}}}]),
    ),
    ("a lot deleted", {"LOT"}, delete("lots", {"earned": 20})),
    ("what is left of a lot", {"LOT"}, edit("lots", {"earned": 20}, {"$set": {"remaining": 5}})),
    ("what a lot was", {"LOT", "LOT_DIGEST"}, edit("lots", {"earned": 20}, {"$set": {"earned": 19}})),
    (
        "since when a lot counts",
        {"LOT_DIGEST"},
        edit("lots", {"earned": 20}, {"$set": {"active_time": NOON - DAY}}),
    ),
]


@pytest.mark.parametrize(
    ("codes", "tamper"), [each[1:] for each in TAMPERINGS], ids=[each[0] for each in TAMPERINGS]
)
async def test_what_was_tampered_with_is_found_by_its_code(
    benefits: BenefitsWorld, codes: set[str], tamper: Tamper
) -> None:
    program_id = await a_ledger(benefits)

    await tamper(benefits.database, program_id)

    result = await verified(benefits, program_id)
    assert {fault.code for fault in result.faults} == codes
    assert result.broken_count == len(result.faults) >= len(codes)


async def a_ledger_of_movements(benefits: BenefitsWorld) -> str:
    """A program whose one member has points of every kind.

    50 were earned, 20 of them taken back while they were pending, the other 30 activated, and they expired;
    40 were earned later, and 15 of them taken back; 7 are pending.
    """
    program_id = await a_program(benefits, activate_after_days=5, expire_after_months=1)
    story = Story(program_id).buys(5_000).refunds(1, 2_000, at=NOON + DAY)
    story.buys(4_000, at=NOON + 20 * DAY).buys(700, at=NOON + 35 * DAY)
    story.refunds(2 + 1, 1_500, at=NOON + 36 * DAY)
    await told(benefits, story)
    await matured(benefits, program_id, NOON + 36 * DAY)
    return program_id


MOVEMENTS: list[tuple[str, set[str], Tamper]] = [
    (
        "the lot that was drawn on",
        {"ENTRY_DIGEST", "LOT"},
        edit("entries", {"points": -30}, {"$set": {"allocations.0.lot_id": "lot_x"}}),
    ),
    (
        "how much was drawn",
        {"ENTRY_DIGEST", "LOT", "ARREARS"},
        edit("entries", {"points": -30}, {"$set": {"allocations.0.points": 29}}),
    ),
    ("what was drawn", {"LOT"}, edit("lots", {"earned": 40, "pending": True}, {"$set": {"remaining": 1}})),
    ("arrears", {"ARREARS", "LOT"}, edit("accounts", {"balance": 25}, {"$set": {"arrears": 5}})),
    (
        "what is pending",
        {"BALANCE", "LOT", "SUM"},
        edit("accounts", {"balance": 7}, {"$set": {"balance": 8}}),
    ),
    ("what has expired", {"BALANCE", "SUM"}, edit("accounts", {"balance": 30}, {"$set": {"balance": 31}})),
    (
        "that a lot is pending",
        {"LOT_DIGEST", "LOT"},
        edit("lots", {"earned": 7}, {"$set": {"pending": False}}),
    ),
    (
        "whose a lot is",
        {"LOT_DIGEST"},
        edit("lots", {"earned": 7}, {"$set": {"member_id": "mem_x"}}),
    ),
    (
        "when a lot expires",
        {"LOT_DIGEST", "EXPIRY"},
        edit("lots", {"earned": 30}, {"$set": {"expire_time": NOON + DAY}}),
    ),
    (
        "what was refunded",
        {"TRANSACTION_DIGEST", "REVERSAL"},
        edit("transactions", {"points": 20}, {"$set": {"reversal.refunded_minor": 1_900}}),
    ),
    (
        "what was written off",
        {"TRANSACTION_DIGEST", "REVERSAL"},
        edit("transactions", {"points": 20}, {"$set": {"reversal.written_off_points": 1}}),
    ),
    (
        "what was taken back",
        {"TRANSACTION_DIGEST", "REVERSAL", "ORIGINAL"},
        edit("transactions", {"points": 20}, {"$unset": {"reversal": 1}}),
    ),
    (
        "where it goes back to",
        {"TRANSACTION_DIGEST", "ORIGINAL"},
        edit("transactions", {"points": 20}, {"$set": {"original_transaction_id": "txn_x"}}),
    ),
    (
        "the kind of a movement",
        {"TRANSACTION_DIGEST", "TRANSACTION_ENTRIES", "EXPIRY", "ORIGINAL"},
        edit("transactions", {"kind": "expiration"}, {"$set": {"kind": "gift"}}),
    ),
    (
        "when something was due",
        {"TRANSACTION_DIGEST", "EXPIRY"},
        edit("transactions", {"kind": "expiration"}, {"$set": {"occurred_time": NOON}}),
    ),
    (
        "the accrual that all goes back to deleted",
        {"TRANSACTION_MISSING", "ORIGINAL"},
        delete("transactions", {"points": 50}),
    ),
    ("a reversal deleted", {"TRANSACTION_MISSING"}, delete("transactions", {"points": 20})),
]


async def test_a_ledger_of_all_movements_is_whole(benefits: BenefitsWorld) -> None:
    program_id = await a_ledger_of_movements(benefits)

    result = await verified(benefits, program_id)

    kinds = await benefits.database.transactions.distinct("kind", {"program_id": program_id})
    assert (result.broken_count, result.sum_points, list(result.faults)) == (0, 0, [])
    assert sorted(kinds) == ["accrual", "activation", "expiration", "reversal"]


@pytest.mark.parametrize(
    ("codes", "tamper"), [each[1:] for each in MOVEMENTS], ids=[each[0] for each in MOVEMENTS]
)
async def test_movements_that_were_tampered_with_are_found_by_their_code(
    benefits: BenefitsWorld, codes: set[str], tamper: Tamper
) -> None:
    program_id = await a_ledger_of_movements(benefits)

    await tamper(benefits.database, program_id)

    assert {fault.code for fault in (await verified(benefits, program_id)).faults} == codes


async def test_a_fault_names_the_record(benefits: BenefitsWorld) -> None:
    program_id = await a_ledger(benefits)
    entry = await benefits.database.entries.find_one({"program_id": program_id, "points": 20})
    assert entry is not None
    await benefits.database.entries.update_one({"_id": entry["_id"]}, {"$set": {"digest": "0" * 64}})

    (fault,) = (await verified(benefits, program_id)).faults

    assert (fault.code, fault.object_id) == ("ENTRY_DIGEST", entry["_id"])
    assert fault.detail


async def test_the_first_hundred_faults_are_told_and_all_are_counted(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    await benefits.a_member(*[100] * 60, program_id=program_id)
    await benefits.database.entries.update_many({"program_id": program_id}, {"$set": {"digest": "0" * 64}})

    result = await verified(benefits, program_id)

    assert (result.broken_count, len(result.faults)) == (120, 100)


async def test_another_programs_faults_are_not_told(benefits: BenefitsWorld) -> None:
    program_id, broken = await a_ledger(benefits), await a_ledger(benefits)
    await benefits.database.entries.delete_many({"program_id": broken})

    assert (await verified(benefits, program_id)).broken_count == 0
    assert (await verified(benefits, broken)).broken_count > 0


async def test_staff_who_name_no_program_verify_their_own(benefits: BenefitsWorld) -> None:
    program_id = await a_ledger(benefits)
    staff = benefits.caller("staff", "auditor", program_id)

    answers = [answer async for answer in staff.VerifyLedger(pb.VerifyLedgerRequest())]

    assert answers[-1].entries_count == 8


async def test_a_service_that_names_no_program_verifies_all(benefits: BenefitsWorld) -> None:
    await a_ledger(benefits)

    answers = [answer async for answer in benefits.service.VerifyLedger(pb.VerifyLedgerRequest())]

    total = await benefits.database.entries.count_documents({})
    assert answers[-1].entries_total == total


async def test_verifying_while_points_are_posted_raises_no_false_alarm(benefits: BenefitsWorld) -> None:
    program_id = await benefits.a_program()
    stories = [Story(program_id).buys(*range(1_000, 31_000, 1_000)) for _ in range(4)]

    async def post(story: Story) -> None:
        for message in story.told_in(*[3] * 10):
            await benefits.apply(story.partition, message)

    posting = asyncio.gather(*(post(story) for story in stories))
    results = []
    while not posting.done():
        results.append(await verified(benefits, program_id))
    await posting

    last = await verified(benefits, program_id)
    assert [(each.broken_count, each.sum_points) for each in results] == [(0, 0)] * len(results)
    assert len({each.transactions_count for each in results}) > 2, "several moments were seen"
    assert (last.broken_count, last.transactions_count) == (0, 120)


@pytest.mark.parametrize("kind", ["member", "partner"])
async def test_who_is_not_staff_may_not_verify(benefits: BenefitsWorld, kind: PrincipalKind) -> None:
    caller = benefits.caller(kind, "eve")

    async def answers() -> list[pb.VerifyLedgerResponse]:
        return [each async for each in caller.VerifyLedger(pb.VerifyLedgerRequest(program_id=PROGRAM))]

    code, reason, _ = await refusal(answers())

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_foreign_ledger_answers_like_one_that_does_not_exist(benefits: BenefitsWorld) -> None:
    async def answers(program_id: str) -> list[pb.VerifyLedgerResponse]:
        request = pb.VerifyLedgerRequest(program_id=program_id)
        return [each async for each in benefits.staff.VerifyLedger(request)]

    foreign = await refusal(answers(await benefits.a_program()))
    missing = await refusal(answers("no_such_store"))

    assert foreign[:2] == missing[:2] == (grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")
