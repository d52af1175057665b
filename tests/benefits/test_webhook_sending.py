"""Webhooks are signed, sent in order, tried again, given up, and sent at least once whatever dies."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from examples.webhook.verify import verify
from libs.common.ids import new_id
from libs.common.mongo import connect
from libs.common.sealing import SealBroken, Sealing
from services.benefits.domain.notices import NoticeCode
from services.benefits.domain.signatures import secret_text
from services.benefits.domain.webhooks import ENDED_KEPT, PAUSES, Answer, Secret, changed, rotated
from services.benefits.handlers.webhooks import about
from services.benefits.repository import webhooks
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.sender import WORKERS_OF_ENDPOINT_MAX
from tests.benefits.receivers import Connection, Serve, answering, receiving
from tests.benefits.webhooks_world import KEY, SECRET, WebhooksWorld, a_notice, ids, until, webhooks_world
from tests.support.platform import emptied
from tests.support.telemetry import logged, recorded
from tests.telemetry.canaries import Canaries, found


@pytest.fixture(scope="module")
async def database(mongodb_uri: str) -> AsyncIterator[Any]:
    client = connect(mongodb_uri)
    name = f"t{new_id('x')[-12:]}_webhooks"
    await ensure_indexes(client[name])
    yield client[name]
    await emptied(client[name])
    client.close()


@pytest.fixture
async def world(database: Any) -> AsyncIterator[WebhooksWorld]:
    async with webhooks_world(database) as world:
        yield world


def in_turn(*statuses: int) -> Serve:
    """Answers with these statuses one after another, and with the last one from then on."""
    left = list(statuses)

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.answer(left.pop(0) if len(left) > 1 else left[0])

    return serve


async def test_a_notice_is_sent_with_its_texts_and_a_signature_that_verifies(
    world: WebhooksWorld,
) -> None:
    async with receiving(answering(200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        (notice,) = await world.told("mem_1")
        await world.delivered(endpoint)

    (request,), (delivery,) = receiver.received, await world.queued(endpoint)
    verify(secret_text(SECRET), request.headers, request.body)
    with pytest.raises(ValueError, match="not signed"):
        verify(secret_text(SECRET), request.headers, request.body + b" ")
    assert request.headers["webhook-id"] == delivery.delivery_id
    body = json.loads(request.body)
    assert body["type"] == "notice.wake_up"
    assert body["timestamp"] == notice.created_time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert body["data"]["text"] == {
        "zh": "已经30天没有见到您了，欢迎回来看看。",
        "en": "We have not seen you for 30 days: come and have a look.",
    }
    assert (body["data"]["notice_id"], body["data"]["member_id"]) == (notice.notice_id, "mem_1")
    assert (body["data"]["code"], body["data"]["params"]) == ("WAKE_UP", {"days": "30"})


async def test_what_is_delivered_is_logged_and_dropped_after_a_month(world: WebhooksWorld) -> None:
    async with receiving(answering(202, body=b"thank you")) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1")
        await world.delivered(endpoint)

    kept = await world.database.webhook_deliveries.find_one({"endpoint_id": endpoint.endpoint_id})
    assert kept is not None
    assert (kept["status"], len(kept["attempts"])) == ("delivered", 1)
    assert (kept["attempts"][0]["http_status"], kept["attempts"][0]["failure"]) == (202, "")
    assert kept["expires"] == kept["ended_time"] + ENDED_KEPT
    assert "thank you" not in str(kept)
    assert await world.database.webhook_lanes.count_documents({}) == 0


async def test_a_failed_delivery_comes_again_with_the_same_id_and_bytes_and_a_fresh_time(
    world: WebhooksWorld,
) -> None:
    async with receiving(in_turn(500, 503, 200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1")
        attempts = [await world.delivered(endpoint)]
        for pause in PAUSES[:2]:
            world.clock.moves(seconds=pause.total_seconds() - 1)
            attempts.append(await world.delivered(endpoint))
            world.clock.moves(seconds=2)
            attempts.append(await world.delivered(endpoint))

    assert attempts == [1, 0, 1, 0, 1]
    assert len(set(ids(receiver.received))) == len({each.body for each in receiver.received}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.received}) == 3
    (delivery,) = await world.queued(endpoint)
    assert [each.http_status for each in delivery.attempts] == [500, 503, 200]
    assert delivery.status == "delivered"
    assert (await world.endpoint(endpoint.endpoint_id)).failures == 0


async def test_what_a_member_is_told_waits_for_what_came_before_and_other_members_do_not(
    world: WebhooksWorld,
) -> None:
    async with receiving(in_turn(500, 200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1", "mem_1")
        await world.delivered(endpoint)
        await world.told("mem_2")
        await world.delivered(endpoint)
        early = await world.statuses(endpoint)
        world.clock.moves(seconds=6)
        await world.delivered(endpoint)

    one, two, three, other = (each.delivery_id for each in await world.queued(endpoint))
    assert early == ["waiting", "waiting", "waiting", "delivered"]
    assert ids(receiver.received) == [one, other, one, two, three]


async def test_a_delivery_that_is_given_up_lets_the_next_one_go(world: WebhooksWorld) -> None:
    async with receiving(in_turn(*[500] * (len(PAUSES) + 1), 200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1")
        for pause in (timedelta(), *PAUSES):
            world.clock.moves(seconds=pause.total_seconds())
            await world.delivered(endpoint)

    dead, next_one = await world.queued(endpoint)
    assert (dead.status, dead.tries, next_one.status) == ("dead", 10, "delivered")
    assert ids(receiver.received) == [dead.delivery_id] * 10 + [next_one.delivery_id]


async def test_an_endpoint_that_is_gone_is_left_alone_and_keeps_what_waits(
    world: WebhooksWorld,
) -> None:
    async with receiving(in_turn(410, 200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1", "mem_2")
        await world.delivered(endpoint)
        gone = await world.endpoint(endpoint.endpoint_id)
        early = sorted(await world.statuses(endpoint))
        await webhooks.keep_endpoint(world.store, changed(gone, enabled=True, codes=()))
        await world.delivered(endpoint)

    assert (gone.enabled, gone.gone) == (False, True)
    assert early == ["dead", "waiting", "waiting"]
    assert sorted(await world.statuses(endpoint)) == ["dead", "delivered", "delivered"]


async def test_a_stopped_endpoint_gets_nothing_new_and_what_waits_goes_on_later(world: WebhooksWorld) -> None:
    async with receiving(answering(200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1")
        await webhooks.keep_endpoint(world.store, replace(endpoint, enabled=False))
        await world.told("mem_1")
        due = await world.delivering().due()
        await webhooks.keep_endpoint(world.store, endpoint)
        await world.delivered(endpoint)

    assert due == []
    assert (len(receiver.received), await world.statuses(endpoint)) == (1, ["delivered"])


async def test_each_endpoint_gets_what_it_asked_for_and_nobody_hears_of_their_own_failing(
    world: WebhooksWorld,
) -> None:
    every = await world.an_endpoint("http://127.0.0.1:9000/")
    tiers = await world.an_endpoint("http://127.0.0.1:9000/", codes=("TIER_CHANGED",))
    failing = {"code": NoticeCode.WEBHOOK_FAILING, "staff_role": "operations_manager"}
    await world.tells(
        a_notice("mem_1"),
        a_notice("mem_1", code=NoticeCode.TIER_CHANGED, params={}),
        a_notice(params={"endpoint_id": every.endpoint_id}, **failing),
        a_notice(params={"endpoint_id": tiers.endpoint_id}, **failing),
    )

    queued = [len(await world.queued(each)) for each in (every, tiers)]
    assert queued == [3, 1]


async def test_a_notice_that_is_handed_over_twice_is_one_delivery(world: WebhooksWorld) -> None:
    endpoint, notice = await world.an_endpoint("http://127.0.0.1:9000/"), a_notice("mem_1")

    outcomes = await asyncio.gather(world.tells(notice), world.tells(notice), return_exceptions=True)

    assert len(await world.queued(endpoint)) == 1
    assert [each for each in outcomes if each is None]


# Crashes and others at work.


class Killed(BaseException):
    """The process ends here."""


class DiesAfterSending:
    """Sends, and does not live to hear of it."""

    def __init__(self, outside: Any) -> None:
        self._outside = outside

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        await self._outside.post(url, headers, body)
        raise Killed


async def test_who_dies_between_sending_and_writing_down_has_it_sent_again_under_the_same_id(
    world: WebhooksWorld,
) -> None:
    async with receiving(answering(200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1")
        with pytest.raises(Killed):
            await world.delivered(endpoint, outside=DiesAfterSending(world.delivering().outside))
        early = await world.delivered(endpoint)
        world.clock.moves(seconds=31)
        await world.delivered(endpoint)

    one, two = (each.delivery_id for each in await world.queued(endpoint))
    assert early == 0  # somebody may still be at it
    assert ids(receiver.received) == [one, one, two]
    assert receiver.received[0].body == receiver.received[1].body
    assert [len(each.attempts) for each in await world.queued(endpoint)] == [1, 1]


async def test_who_comes_back_after_somebody_else_took_over_adds_to_the_log_and_changes_nothing(
    world: WebhooksWorld,
) -> None:
    hold, slow = asyncio.Event(), True

    async def serve(connection: Connection) -> None:
        nonlocal slow
        await connection.read()
        if slow:
            slow = False
            await hold.wait()
            await connection.answer(500)
        else:
            await connection.answer(200)

    async with receiving(serve) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1")
        first = asyncio.create_task(world.delivered(endpoint, seconds=60))
        await until(lambda: asyncio.sleep(0, bool(receiver.received)))
        world.clock.moves(seconds=31)
        await world.delivered(endpoint)
        hold.set()
        await first

    one, two = await world.queued(endpoint)
    assert (one.status, two.status) == ("delivered", "delivered")
    assert sorted(each.http_status for each in one.attempts) == [200, 500]
    assert (await world.endpoint(endpoint.endpoint_id)).failures == 0


async def test_two_senders_that_do_not_know_of_each_other_send_everything_once_and_in_order(
    world: WebhooksWorld,
) -> None:
    members = [f"mem_{number}" for number in range(12)]
    async with receiving(answering(200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        for _ in range(4):
            await world.tells(*(a_notice(member_id) for member_id in members))

        async def done() -> bool:
            return set(await world.statuses(endpoint)) == {"delivered"}

        async with world.sending("one"), world.sending("two"):
            await until(done)

    order: dict[str, list[str]] = defaultdict(list)
    for request in receiver.received:
        order[json.loads(request.body)["data"]["member_id"]].append(request.headers["webhook-id"])
    assert len(receiver.received) == 48
    assert {member_id: sorted(sent) for member_id, sent in order.items()} == order
    assert set(order) == set(members)


async def test_an_endpoint_that_hangs_holds_nobody_up_and_is_sent_little(world: WebhooksWorld) -> None:
    open_now = open_at_most = 0

    async def hangs(connection: Connection) -> None:
        nonlocal open_now, open_at_most
        open_now += 1
        open_at_most = max(open_at_most, open_now)
        await connection.read()
        await connection.reader.read()
        open_now -= 1

    async with receiving(hangs) as bad, receiving(answering(200)) as good:
        hanging, well = await world.an_endpoint(bad.url()), await world.an_endpoint(good.url())
        await world.tells(*(a_notice(f"mem_{number}") for number in range(40)))

        async def done() -> bool:
            return set(await world.statuses(well)) == {"delivered"}

        async with world.sending(seconds=2.0):
            await until(done)
            reached = await world.statuses(hanging)

    assert reached.count("waiting") == 40
    assert open_at_most <= WORKERS_OF_ENDPOINT_MAX
    assert len(good.received) == 40


async def test_an_endpoint_that_fails_is_asked_by_one_worker_at_a_time(world: WebhooksWorld) -> None:
    open_now = open_at_most = 0

    async def fails(connection: Connection) -> None:
        nonlocal open_now, open_at_most
        open_now += 1
        open_at_most = max(open_at_most, open_now)
        await connection.read()
        await asyncio.sleep(0.01)
        open_now -= 1
        await connection.answer(500)

    async with receiving(fails) as receiver:
        endpoint = await world.an_endpoint(receiver.url(), failures=3, failing_since=world.clock())
        await world.tells(*(a_notice(f"mem_{number}") for number in range(20)))

        async def done() -> bool:
            return len(receiver.received) >= 20

        async with world.sending():
            await until(done)

    assert open_at_most == 1
    assert (await world.endpoint(endpoint.endpoint_id)).failures >= 22


async def test_who_is_asked_to_end_writes_down_what_is_under_way(world: WebhooksWorld) -> None:
    release = asyncio.Event()

    async def slow(connection: Connection) -> None:
        await connection.read()
        await release.wait()
        await connection.answer(200)

    async with receiving(slow) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        await world.told("mem_1", "mem_1")
        async with world.sending():
            await until(lambda: asyncio.sleep(0, bool(receiver.received)))
            asyncio.get_running_loop().call_later(0.2, release.set)

    assert await world.statuses(endpoint) == ["delivered", "waiting"]
    assert len(receiver.received) == 1


# Secrets.


async def test_while_a_secret_is_rotated_both_verify_and_after_a_day_the_new_one_alone(
    world: WebhooksWorld,
) -> None:
    async with receiving(answering(200)) as receiver:
        endpoint = await world.an_endpoint(receiver.url())
        fresh = world.sealing.seal(b"t" * 32, about(endpoint.endpoint_id))
        await webhooks.keep_endpoint(world.store, rotated(endpoint, fresh, world.clock()))
        await world.told("mem_1")
        await world.delivered(endpoint)
        world.clock.moves(hours=24)
        await world.told("mem_1")
        await world.delivered(endpoint)

    during, later = receiver.received
    for secret in (SECRET, b"t" * 32):
        verify(secret_text(secret), during.headers, during.body)
    assert len(during.headers["webhook-signature"].split()) == 2
    assert len(later.headers["webhook-signature"].split()) == 1
    with pytest.raises(ValueError, match="too long ago"):
        verify(secret_text(b"t" * 32), later.headers, later.body)  # whose clock is a day behind


async def test_nothing_is_sent_unsigned_where_the_key_is_missing_and_others_are_sent_to(
    world: WebhooksWorld,
) -> None:
    foreign = Sealing([b"x" * 32])
    async with receiving(answering(200)) as receiver, receiving(answering(200)) as other:
        broken = await world.an_endpoint(receiver.url(), secrets=(Secret(foreign.seal(SECRET, "")),))
        well = await world.an_endpoint(other.url())
        await world.told("mem_1", "mem_2")

        async def done() -> bool:
            return set(await world.statuses(well)) == {"delivered"}

        with pytest.raises(SealBroken):
            await world.delivered(broken)
        async with world.sending():
            await until(done)

    assert receiver.received == []
    assert await world.statuses(broken) == ["waiting", "waiting"]


async def test_secrets_move_to_the_newest_key_and_stay_the_same(world: WebhooksWorld) -> None:
    endpoint = await world.an_endpoint("http://127.0.0.1:9000/")
    world.sealing = Sealing([b"n" * 32, KEY])
    await world.upkeep().run_once()

    (secret,) = (await world.endpoint(endpoint.endpoint_id)).secrets
    assert Sealing([b"n" * 32]).open(secret.sealed, about(endpoint.endpoint_id)) == SECRET


# What the staff hear, and what it costs to look.


async def test_the_staff_are_told_once_of_an_endpoint_that_fails_for_a_day(world: WebhooksWorld) -> None:
    endpoint = await world.an_endpoint(
        "http://127.0.0.1:9000/", failures=5, failing_since=world.clock() - timedelta(days=1, minutes=1)
    )
    for _ in range(2):
        await world.upkeep().run_once()

    told = [each async for each in world.database.notices.find({"code": "WEBHOOK_FAILING"})]
    assert [(each["staff_role"], each["member_id"], each["params"]) for each in told] == [
        ("operations_manager", "", {"endpoint_id": endpoint.endpoint_id})
    ]
    assert (await world.endpoint(endpoint.endpoint_id)).told


async def test_looking_for_what_is_due_takes_one_step_per_endpoint(world: WebhooksWorld) -> None:
    for _ in range(3):
        await world.an_endpoint("http://127.0.0.1:9000/")
    await world.tells(*(a_notice(f"mem_{number}") for number in range(50)))
    pipeline: list[dict[str, Any]] = [
        {"$sort": {"endpoint_id": 1, "due_time": 1}},
        {"$group": {"_id": "$endpoint_id", "due_time": {"$first": "$due_time"}}},
    ]

    plan = await world.database.command(
        "explain",
        {"aggregate": "webhook_lanes", "pipeline": pipeline, "cursor": {}},
        verbosity="executionStats",
    )

    assert "DISTINCT_SCAN" in json.dumps(plan, default=str)
    assert len(await world.delivering().due()) == 3


async def test_no_log_span_or_metric_shows_a_secret_a_url_or_what_a_receiver_says(
    world: WebhooksWorld,
) -> None:
    canaries = Canaries()
    path, said, header = canaries.new("url"), canaries.new("answer"), canaries.new("header")
    canaries.keep(secret_text(SECRET), "the secret")
    canaries.keep(SECRET.decode(), "the secret as it signs")
    with logged() as logs, recorded() as spans:
        async with receiving(answering(500, f"X-Said: {header}", body=said.encode())) as receiver:
            endpoint = await world.an_endpoint(receiver.url(f"/{path}"))
            gone = await world.an_endpoint("http://127.0.0.1:9/" + path)
            await world.told("mem_1")
            for pause in (timedelta(), *PAUSES):
                world.clock.moves(seconds=1.3 * pause.total_seconds())
                await world.delivered(endpoint)
                await world.delivered(gone)

    assert await world.statuses(endpoint) == ["dead"]
    assert [line["event"] for line in logs.lines()].count("delivery given up") == 2
    assert found(canaries, logs, spans) == {}
