"""Idempotency: the same request has one effect and one answer, however often and however many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common import mongo
from libs.common.caller import Principal, set_caller
from libs.common.clock import now
from libs.common.errors import IdempotencyKeyReused, Kind, RequestInFlight
from libs.common.mongo import (
    ANSWERS_KEPT,
    Database,
    Request,
    Session,
    once,
)
from libs.common.rpc.deadline import set_deadline
from tests.common.counters import SoldOut, amount, incremented

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")


def asked(request_id: str = "r1", name: str = "Online", program_id: str = "music_store") -> Request[pb.Store]:
    message = pb.CreateStoreRequest(program_id=program_id, request_id=request_id, display_name=name)
    return mongo.request(program_id, "CreateStore", request_id, message, pb.Store)


def opened(database: Database, delay: float = 0) -> Callable[[Session], Awaitable[pb.Store]]:
    async def work(session: Session) -> pb.Store:
        number = await incremented(database, session)
        await asyncio.sleep(delay)
        return pb.Store(store_id=f"store-{number}")

    return work


async def test_the_same_request_twice_in_a_row_has_one_effect_and_equal_answers(database: Database) -> None:
    first = await once(database, asked(), opened(database), now=now)

    again = await once(database, asked(), opened(database), now=now)

    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    assert await amount(database) == 1


async def test_the_same_request_ten_times_at_once_has_one_effect_and_equal_answers(
    database: Database,
) -> None:
    answers = await asyncio.gather(
        *(once(database, asked(), opened(database, delay=0.02), now=now) for _ in range(10))
    )

    assert {answer.SerializeToString(deterministic=True) for answer in answers} == {
        pb.Store(store_id="store-1").SerializeToString()
    }
    assert await amount(database) == 1


async def test_the_same_request_while_the_first_is_in_flight_is_told_to_come_back(
    database: Database,
) -> None:
    let_go = asyncio.Event()

    async def held(session: Session) -> pb.Store:
        number = await incremented(database, session)
        await let_go.wait()
        return pb.Store(store_id=f"store-{number}")

    first = asyncio.create_task(once(database, asked(), held, now=now))
    await asyncio.sleep(0.1)
    with pytest.raises(RequestInFlight) as refusal:
        await once(database, asked(), opened(database), now=now)
    let_go.set()

    assert (refusal.value.kind, refusal.value.retry_after_seconds) == (Kind.ABORTED, 0.5)
    assert await once(database, asked(), opened(database), now=now) == await first
    assert await amount(database) == 1


async def test_who_waits_for_a_database_that_takes_no_writes_runs_out_of_time(database: Database) -> None:
    await once(database, asked("r0"), opened(database), now=now)  # makes what is not there
    await database.client.admin.command("fsync", lock=True)
    try:
        set_deadline(0.3)
        with pytest.raises(TimeoutError):  # and not that the same request is worked on
            await once(database, asked(), opened(database), now=now)
    finally:
        await database.client.admin.command("fsyncUnlock")
        set_deadline(None)

    assert (await once(database, asked(), opened(database), now=now)).store_id == "store-2"


async def test_another_payload_under_the_same_request_id_is_refused(database: Database) -> None:
    await once(database, asked(), opened(database), now=now)

    with pytest.raises(IdempotencyKeyReused):
        await once(database, asked(name="Other"), opened(database), now=now)

    assert await amount(database) == 1


async def test_two_payloads_at_once_under_one_request_id_have_one_effect(database: Database) -> None:
    answers = await asyncio.gather(
        *(once(database, asked(name=str(number)), opened(database), now=now) for number in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, pb.Store) for answer in answers) == 1
    assert sum(isinstance(answer, IdempotencyKeyReused) for answer in answers) == 3
    assert await amount(database) == 1


async def test_a_refusal_is_not_stored_so_the_same_request_may_succeed_later(database: Database) -> None:
    async def refused(session: Session) -> pb.Store:
        await incremented(database, session)
        raise SoldOut

    for _ in range(2):
        with pytest.raises(SoldOut):
            await once(database, asked(), refused, now=now)

    assert await database.idempotency.count_documents({}) == 0
    assert (await once(database, asked(), opened(database), now=now)).store_id == "store-1"


@pytest.mark.parametrize(
    "other",
    [
        Principal("rival", "partner", "music_store"),
        Principal("shop", "staff", "music_store"),
    ],
    ids=["another partner", "staff of that name"],
)
async def test_a_request_id_belongs_to_its_caller(database: Database, other: Principal) -> None:
    await once(database, asked(), opened(database), now=now)

    set_caller(other)
    answer = await once(database, asked(name="Other"), opened(database), now=now)

    assert answer.store_id == "store-2"


async def test_a_request_id_belongs_to_its_program_and_method(database: Database) -> None:
    await once(database, asked(), opened(database), now=now)
    message = pb.CreateStoreRequest(program_id="music_store", request_id="r1", display_name="Online")
    other_method = mongo.request("music_store", "CloseStore", "r1", message, pb.Store)

    answers = [
        await once(database, each, opened(database), now=now)
        for each in (asked(program_id="dating"), other_method)
    ]

    assert [answer.store_id for answer in answers] == ["store-2", "store-3"]


async def test_answers_are_kept_for_thirty_days(database: Database) -> None:
    at = now()

    await once(database, asked(), opened(database), now=lambda: at)

    stored = await database.idempotency.find_one({})
    indexes = await database.idempotency.index_information()
    assert stored is not None
    assert stored["expires"] == at + ANSWERS_KEPT == at + timedelta(days=30)
    assert indexes["expires_1"]["expireAfterSeconds"] == 0
