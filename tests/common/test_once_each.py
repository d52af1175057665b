"""Requests of several calls in one transaction: each has one effect and one answer, and nobody another's."""

import asyncio
from collections.abc import Sequence

import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common import mongo
from libs.common.clock import now
from libs.common.errors import IdempotencyKeyReused
from libs.common.mongo import ANSWERS_KEPT, Database, Request, Session, once
from libs.common.once_each import once_each
from tests.common.counters import SoldOut, amount, incremented

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")


def asked(request_id: str, name: str = "Online") -> Request[pb.Store]:
    message = pb.CreateStoreRequest(program_id="music_store", request_id=request_id, display_name=name)
    return mongo.request("music_store", "CreateStore", request_id, message, pb.Store)


class Work:
    """Opens a store for each request that is new."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[list[int]] = []

    async def each(self, session: Session, new: Sequence[int]) -> list[pb.Store]:
        self.asked.append(list(new))
        return [pb.Store(store_id=f"store-{await incremented(self.database, session)}") for _ in new]

    async def one(self, session: Session) -> pb.Store:
        return (await self.each(session, [0]))[0]


def ids(answers: Sequence[pb.Store | IdempotencyKeyReused]) -> list[str]:
    return [each.store_id if isinstance(each, pb.Store) else each.reason for each in answers]


async def test_each_request_has_its_own_answer(database: Database) -> None:
    work = Work(database)

    answers = await once_each(database, [asked("a"), asked("b"), asked("c")], work.each, now=now)

    assert ids(answers) == ["store-1", "store-2", "store-3"]
    assert work.asked == [[0, 1, 2]]


async def test_what_was_answered_before_is_answered_alike_and_only_the_rest_is_worked_on(
    database: Database,
) -> None:
    work = Work(database)
    first = await once(database, asked("b"), work.one, now=now)

    answers = await once_each(database, [asked("a"), asked("b"), asked("c")], work.each, now=now)
    again = await once(database, asked("c"), work.one, now=now)

    assert ids(answers) == ["store-2", first.store_id, "store-3"]
    assert again.store_id == "store-3"
    assert work.asked == [[0], [0, 2]]
    assert await amount(database) == 3


async def test_nothing_new_is_nothing_to_do(database: Database) -> None:
    work = Work(database)
    await once_each(database, [asked("a"), asked("b")], work.each, now=now)

    answers = await once_each(database, [asked("b"), asked("a")], work.each, now=now)

    assert ids(answers) == ["store-2", "store-1"]
    assert work.asked == [[0, 1]]


async def test_the_same_request_twice_among_them_has_one_effect_and_one_answer(database: Database) -> None:
    work = Work(database)

    answers = await once_each(database, [asked("a"), asked("b"), asked("a")], work.each, now=now)

    assert ids(answers) == ["store-1", "store-2", "store-1"]
    assert work.asked == [[0, 1]]


@pytest.mark.parametrize("before", [True, False], ids=["stored before", "among them"])
async def test_another_payload_under_the_same_id_is_refused_by_itself(
    database: Database, before: bool
) -> None:
    work = Work(database)
    if before:
        await once_each(database, [asked("a")], work.each, now=now)
        await once_each(database, [asked("b")], work.each, now=now)

    answers = await once_each(database, [asked("a"), asked("b"), asked("a", "Other")], work.each, now=now)

    assert ids(answers) == ["store-1", "store-2", "IDEMPOTENCY_KEY_REUSED"]
    assert await amount(database) == 2


async def test_what_the_work_refuses_leaves_nothing_of_any_of_them(database: Database) -> None:
    async def refused(session: Session, new: Sequence[int]) -> list[pb.Store]:
        await incremented(database, session)
        raise SoldOut

    with pytest.raises(SoldOut):
        await once_each(database, [asked("a"), asked("b")], refused, now=now)

    assert await database.idempotency.count_documents({}) == 0
    assert await amount(database) is None


async def test_the_same_requests_by_several_at_once_have_one_effect_each(database: Database) -> None:
    work = Work(database)
    requests = [asked("a"), asked("b"), asked("c")]

    answers = await asyncio.gather(
        *(once_each(database, requests[place % 3 :], work.each, now=now) for place in range(6))
    )

    assert len({tuple(ids(each)[-1:]) for each in answers}) == 1
    assert await amount(database) == 3


async def test_their_answers_are_kept_as_long_as_any(database: Database) -> None:
    at = now()

    await once_each(database, [asked("a"), asked("b")], Work(database).each, now=lambda: at)

    stored = await database.idempotency.find().to_list(None)
    assert [each["expires"] for each in stored] == [at + ANSWERS_KEPT] * 2
