"""The chain of the ledger and the roots of its days: each entry once, whatever happens."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.chains.chain import Head, Root, link, origin
from libs.common.chains.heads import read_heads
from libs.common.chains.merkle import leaf_hash, root_of
from libs.common.clock import now
from services.benefits.domain.leaves import leaf
from services.benefits.domain.roots import ChainBroken
from services.benefits.repository import chaining
from tests.benefits.proof_world import SERVICE, Books, ProofWorld

# Days of the books end at 16:00 UTC.
FRIDAY, SATURDAY = datetime(2026, 11, 20, 4, tzinfo=UTC), datetime(2026, 11, 21, 4, tzinfo=UTC)
SUNDAY_NIGHT = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def roots_of(books: Books) -> list[Any]:
    wanted = {"program_id": books.program_id, "signature": {"$exists": True}}
    return await books.database.ledger_roots.find(wanted).sort("last_position", 1).to_list(None)


async def heads_of(books: Books) -> list[int]:
    found = books.database.ledger_heads.find({"program_id": books.program_id}).sort("position", 1)
    return [each["position"] async for each in found]


def kept_apart(books: Books) -> list[str]:
    found = [each for each in read_heads(books.world.heads_file) if isinstance(each, Head | Root)]
    return [
        each.date if isinstance(each, Root) else str(each.position)
        for each in found
        if each.program_id == books.program_id
    ]


# The chain


async def test_entries_are_chained_in_the_order_of_their_ids_over_all_that_they_say(
    proofs: ProofWorld,
) -> None:
    books = await proofs.books()
    await books.accrues(10, 20)

    await books.chain()

    entries = await books.entries()
    chain_hash = origin(service=SERVICE, program_id=books.program_id, chain="ledger")
    for position, each in enumerate(entries, start=1):
        transaction = await books.database.transactions.find_one({"_id": each["transaction_id"]})
        lot = await books.database.lots.find_one({"_id": each["lot_id"]}) or {"digest": ""}
        assert transaction is not None
        covered = leaf(entry=each["digest"], transaction=transaction["digest"], lot=lot["digest"])
        chain_hash = link(chain_hash, position=position, record_digest=covered)
        assert (each["leaf"], each["position"], each["chain_hash"]) == (covered, position, chain_hash)
        assert "unsequenced" not in each
    assert [each["_id"] for each in entries] == sorted(each["_id"] for each in entries)
    assert (await heads_of(books), kept_apart(books)) == ([4], ["4"])


async def test_the_ledgers_chain_passes_for_no_other() -> None:
    assert origin(service=SERVICE, program_id="p", chain="ledger") != origin(service=SERVICE, program_id="p")


async def test_several_sequencers_at_once_make_one_chain(proofs: ProofWorld) -> None:
    books = await proofs.books()

    async def writes() -> None:
        for _ in range(12):
            await books.accrues(5)

    async def sweeps() -> None:
        while not writing.done():
            await books.sequencer()._chain(books.program_id)

    writing = asyncio.create_task(writes())
    await asyncio.gather(*(sweeps() for _ in range(3)))
    await books.chain()

    assert [each["position"] for each in await books.entries()] == list(range(1, 25))
    checked = await books.verified()
    assert (checked.records, checked.faults) == (24, [])


async def test_entries_of_before_there_was_a_chain_get_their_places(
    proofs: ProofWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await proofs.books()
    await books.accrues(10, 20)
    before = await books.entries()
    marks = dict.fromkeys(("leaf", "recorded_time", "unsequenced"), "")
    await books.database.entries.update_many({"program_id": books.program_id}, {"$unset": marks})
    await books.database.migrations.delete_many({"_id": "entries_adopted"})
    monkeypatch.setattr(chaining, "ADOPTED_AT_ONCE", 3)

    await chaining.ensure_chaining(books.database)

    assert await books.entries() == before
    await books.chain()
    assert (await books.verified()).faults == []


# Roots


async def test_a_day_that_is_over_gets_the_root_of_its_entries(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    await books.day(SATURDAY, 30)
    books.time = SUNDAY_NIGHT

    await books.close()

    friday, saturday = await roots_of(books)
    leaves = [leaf_hash(each["leaf"].encode()) for each in await books.entries()]
    assert (friday["date"], friday["first_position"], friday["last_position"]) == ("2026-11-20", 1, 4)
    assert (saturday["date"], saturday["first_position"], saturday["last_position"]) == ("2026-11-21", 5, 6)
    assert [friday["root_hash"], saturday["root_hash"]] == [
        root_of(leaves[:4]).hex(),
        root_of(leaves[4:]).hex(),
    ]
    assert kept_apart(books)[-2:] == ["2026-11-20", "2026-11-21"]
    assert (await books.verified()).faults == []


@pytest.mark.parametrize(
    ("later", "dates"),
    [
        (FRIDAY + timedelta(hours=12), []),
        (FRIDAY + timedelta(hours=12, seconds=59), []),
        (FRIDAY + timedelta(hours=12, minutes=1), ["2026-11-20"]),
    ],
    ids=["at its end", "before it has settled", "a minute later"],
)
async def test_a_day_is_closed_a_minute_after_its_end(
    proofs: ProofWorld, later: datetime, dates: list[str]
) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10)
    books.time = later

    await books.close()

    assert [each["date"] for each in await roots_of(books)] == dates


async def test_days_without_entries_have_no_root_and_leave_no_gap(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY - timedelta(days=40), 10)
    await books.day(SATURDAY, 10)
    books.time = SUNDAY_NIGHT

    await books.close()

    assert [each["date"] for each in await roots_of(books)] == ["2026-10-11", "2026-11-21"]
    assert (await books.verified()).faults == []


async def test_what_was_recorded_before_midnight_and_chained_after_it_is_of_its_day(
    proofs: ProofWorld,
) -> None:
    books = await proofs.books()
    midnight = FRIDAY + timedelta(hours=12)
    await books.day(midnight + SECOND, 10)
    await books.day(midnight - SECOND, 20)
    await books.day(midnight + 2 * SECOND, 30)
    books.time = midnight + timedelta(minutes=2)

    await books.close()

    (friday,) = await roots_of(books)
    assert (friday["date"], friday["last_position"]) == ("2026-11-20", 4)
    books.time = SUNDAY_NIGHT
    await books.close()
    assert [each["first_position"] for each in await roots_of(books)] == [1, 5]
    assert (await books.verified()).faults == []


async def test_what_comes_after_its_day_was_closed_is_under_the_next_root(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10)
    books.time = SATURDAY
    await books.close()
    await books.day(FRIDAY + SECOND, 20)
    books.time = SUNDAY_NIGHT

    await books.close()

    assert [(each["date"], each["last_position"]) for each in await roots_of(books)] == [
        ("2026-11-20", 2),
        ("2026-11-21", 4),
    ]


async def test_a_day_is_not_closed_while_an_entry_of_it_waits_for_its_place(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10)
    await books.accrues(20)
    books.time = SATURDAY

    await books.close()
    late = await books.roots().late_seconds(books.program_id)

    assert await roots_of(books) == []
    assert late == timedelta(hours=12).total_seconds()
    await books.chain()
    await books.close()
    assert [each["last_position"] for each in await roots_of(books)] == [4]
    assert await books.roots().late_seconds(books.program_id) == 0


async def test_a_large_day_is_built_in_parts_and_goes_on_after_a_restart(
    proofs: ProofWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.benefits.domain.roots.SUBTREE_LEAVES", 4)
    monkeypatch.setattr("services.benefits.handlers.roots.SUBTREES_AT_ONCE", 1)
    books = await proofs.books()
    books.time = FRIDAY
    await books.accrues(*range(1, 8))
    await books.chain()
    books.time = SATURDAY

    turns = [await books.roots().close(books.program_id) for _ in range(6)]

    (friday,) = await roots_of(books)
    leaves = [leaf_hash(each["leaf"].encode()) for each in await books.entries()]
    assert turns == [True] * 5 + [False]  # one to begin, one for each four of fourteen leaves
    assert friday["root_hash"] == root_of(leaves).hex()
    assert len(friday["subtrees"]) == 4 * 32
    assert "reached" not in friday


async def test_several_who_close_at_once_sign_one_root(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20, 30)
    books.time = SATURDAY

    await asyncio.gather(*(books.close() for _ in range(3)))

    assert len(await roots_of(books)) == 1
    assert set(kept_apart(books)[3:]) == {"2026-11-20"}
    assert (await books.verified()).faults == []


async def test_a_root_that_a_crash_kept_from_being_kept_apart_is_kept_at_the_next_turn(
    proofs: ProofWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10)
    books.time = SATURDAY

    def out_of_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken, suppress(OSError):
        broken.setattr("libs.common.chains.anchors.append_heads", out_of_space)
        await books.close()
    assert (len(await roots_of(books)), kept_apart(books)) == (1, ["2"])

    await books.close()

    assert kept_apart(books) == ["2", "2026-11-20"]


async def test_a_chain_that_is_not_whole_is_never_signed(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    await books.database.entries.update_one(
        {"program_id": books.program_id, "position": 3}, {"$set": {"leaf": "0" * 64}}
    )
    books.time = SATURDAY

    with pytest.raises(ChainBroken):
        await books.close()

    assert await roots_of(books) == []
    assert await books.roots().late_seconds(books.program_id) > 0


async def test_a_root_stands_for_the_heads_of_its_day_but_the_last(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20, 30)
    books.time = SATURDAY
    await books.close()
    books.time = now() - timedelta(hours=1)
    await books.accrues(40)
    await books.chain()
    await books.close()

    assert await heads_of(books) == [6, 8]
    assert kept_apart(books) == ["2", "4", "6", "2026-11-20", "8"]
    assert (await books.verified()).faults == []


async def test_heads_stay_as_long_as_their_root_is_not_kept_apart(proofs: ProofWorld) -> None:
    books = await proofs.books()
    await books.day(FRIDAY, 10, 20)
    books.time = SATURDAY
    await books.close()
    await books.database.ledger_heads.delete_many({"program_id": books.program_id})
    await books.day(FRIDAY + SECOND, 10, 20)
    books.time = SUNDAY_NIGHT
    await books.close()
    unanchored = {"program_id": books.program_id, "date": "2026-11-21"}
    await books.database.ledger_roots.update_one(unanchored, {"$set": {"unanchored": True}})
    head = {"_id": f"{books.program_id}@5", "program_id": books.program_id, "position": 5}
    await books.database.ledger_heads.insert_one(head)

    async def nothing() -> None:
        pass

    roots = books.roots()
    roots._anchors.keep = nothing  # type: ignore[method-assign]
    await roots.close(books.program_id)

    assert 5 in await heads_of(books)
