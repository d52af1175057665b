"""A subscription that is cut twenty times while members shop: nothing is missing, and nothing comes twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import risk_pb2
from libs.cli import pipeline, sample
from libs.cli.clients import Clients, connected, signer, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running
from libs.common.clock import now
from libs.common.ids import new_id
from tests.journeys.music_stores import a_music_store
from tests.journeys.subscriber import Subscriber
from tests.journeys.test_graph_mutations import RECORD, REGISTER, REPORT, a_purchase
from tests.journeys.test_kill_any_process import Running

CUTS = 20
PURCHASES = 40
REPORTS = 2
KILLED = ("gateway", "benefits", "valkey", "members", "risk")


@dataclass(frozen=True)
class Story:
    """A member of a music store, in which things happen."""

    current: Callable[[], RunFile]
    program_id: str
    member_id: str

    def token(self, kind: Any = "partner", subject: str = sample.PARTNER) -> str:
        return signer(self.current()).token(
            subject, kind, now=now(), ttl=timedelta(minutes=10), program_id=self.program_id
        )

    async def write(self, query: str, token: str, wanted: Mapping[str, object]) -> Any:
        """Write through the graph, again under the same request id until it is answered."""
        asked = {"requestId": new_id("req"), **wanted}
        async with asyncio.timeout(120):
            while (found := await self._attempt(query, token, asked)) is None:
                await asyncio.sleep(0.1)
        return found

    async def _attempt(self, query: str, token: str, wanted: Mapping[str, object]) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        try:
            async with httpx.AsyncClient(base_url=self.current().gateway_url, headers=headers) as http:
                response = await http.post("/graphql", json={"query": query, "variables": {"input": wanted}})
        except httpx.HTTPError:
            return None
        data = response.json().get("data") or {"nothing": None}
        (answered,) = data.values()
        return None if answered is None or "reason" in answered else answered

    async def buys(self, amount_minor: int) -> None:
        """A purchase; its business key makes it one however often it is sent."""
        await self.write(RECORD, self.token(), {"events": [a_purchase(self.member_id, amount_minor)]})

    async def is_reported(self) -> None:
        token = self.token("member", new_id("mem"))
        await self.write(REPORT, token, {"memberId": self.member_id, "reason": "FRAUD"})

    def subscriber(self) -> Subscriber:
        return Subscriber(
            lambda: f"{self.current().gateway_url.replace('http', 'ws', 1)}/graphql",
            lambda: self.token("member", self.member_id),
            self.member_id,
        )


@asynccontextmanager
async def a_story(current: Callable[[], RunFile]) -> AsyncIterator[Story]:
    """A member who has just joined, and of whom every service has heard."""
    program = await a_music_store(current())
    nobody = Story(current, program.key, "")
    wanted = {"registrations": [{"externalMemberId": "customer", "storeId": sample.STORE}]}
    registered = await nobody.write(REGISTER, nobody.token(), wanted)
    story = Story(current, program.key, registered["results"][0]["member"]["memberId"])
    async with connected(current(), staff_token(current(), program.key)) as staff:
        await pipeline.drained(staff)
    yield story


async def happening(story: Story, subscriber: Subscriber, between: Callable[[int], Awaitable[None]]) -> None:
    """Purchases and reports, with a cut of the subscriber's connection every few; something between them."""
    for number in range(PURCHASES):
        if number % (PURCHASES // CUTS) == 0:
            subscriber.cut_after(len(subscriber.changes) + 1)
        await story.buys(1_000 + number)
        if number % (PURCHASES // REPORTS) == 1:
            await story.is_reported()
        await cut_if_due(subscriber, number)
        await between(number)


async def cut_if_due(subscriber: Subscriber, number: int) -> None:
    """Wait for the cut that this purchase or one before has brought about."""
    async with asyncio.timeout(90):
        while subscriber.cuts <= number // (PURCHASES // CUTS):
            await asyncio.sleep(0.01)


async def truth(story: Story, staff: Clients) -> tuple[str, dict[str, list[Any]]]:
    """The cursor at the end, and every change that the services themselves tell from the beginning."""
    told: dict[str, list[Any]] = {}
    for name, stub, protos in (
        ("m", staff.members, members_pb2),
        ("b", staff.benefits, benefits_pb2),
        ("r", staff.risk, risk_pb2),
    ):
        request = {"program_id": story.program_id, "member_id": story.member_id}
        now_at = await answers(stub, protos.WatchMemberRequest(**request), 1)
        told[name] = (
            await answers(stub, protos.WatchMemberRequest(**request, after_seq=0), now_at[0].seq + 1)
        )[1:]
    return ".".join(f"{name}{len(changes)}" for name, changes in told.items()), told


async def answers(stub: Any, request: Any, count: int) -> list[Any]:
    call = stub.WatchMember(request)
    found = []
    async with asyncio.timeout(30):
        async for answer in call:
            found.append(answer)
            if len(found) == count:
                break
    call.cancel()
    return found


async def assert_told_everything_once(story: Story, subscriber: Subscriber, begun: str) -> None:
    """Compare what the subscriber was told since its first cursor with what the services know."""
    async with connected(story.current(), staff_token(story.current(), story.program_id)) as staff:
        await pipeline.drained(staff)
        end, told = await truth(story, staff)
    async with asyncio.timeout(60):
        while subscriber.cursor != end:
            await asyncio.sleep(0.05)
    since = {part[0]: int(part[1:]) for part in begun.split(".")}
    missed = {name: changes[since[name] :] for name, changes in told.items()}
    events = [each.events_recorded for each in missed["m"] if each.HasField("events_recorded")]
    assert [(each["seqFrom"], each["seqTo"]) for each in subscriber.told("EventsRecorded")] == [
        (each.event_seq_from, each.event_seq_to) for each in events
    ]
    assert sum(each.event_seq_to - each.event_seq_from + 1 for each in events) == PURCHASES
    assert posted(subscriber.told("MembershipChanged", "PointsChanged")) == [
        each.transaction_id
        for answer in missed["b"]
        for each in (*answer.membership_changed.postings, *answer.points_changed.postings)
    ]
    assert [each["noticeId"] for each in subscriber.told("NoticeCreated")] == [
        each.notice_created.notice_id for each in missed["b"] if each.HasField("notice_created")
    ]
    assert [each["integrity"] for each in subscriber.told("StandingChanged")] == [
        each.standing_changed.integrity for each in missed["r"]
    ]
    assert len(subscriber.told("StandingChanged")) == REPORTS


def posted(changes: list[dict[str, Any]]) -> list[str]:
    return [each["transactionId"] for change in changes for each in change["postings"]]


async def follows(story: Story, between: Callable[[int], Awaitable[None]]) -> Subscriber:
    """The whole story, and the subscriber at its end."""
    subscriber = story.subscriber()
    following = asyncio.create_task(subscriber.run())
    try:
        async with asyncio.timeout(30):
            while subscriber.cursor is None:
                await asyncio.sleep(0.01)
        begun = subscriber.cursor
        await happening(story, subscriber, between)
        await assert_told_everything_once(story, subscriber, begun)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    return subscriber


async def test_who_is_cut_twenty_times_misses_nothing_and_hears_nothing_twice(run: RunFile) -> None:
    async def nothing(number: int) -> None:
        return

    async with a_story(lambda: run) as story:
        subscriber = await follows(story, nothing)

    assert subscriber.cuts == CUTS
    assert subscriber.points == points_of(PURCHASES)


def points_of(purchases: int) -> int:
    """A point for each whole dollar, two from silver on: of 10 dollars and some cents each time."""
    points = spent = 0
    for number in range(purchases):
        points += (1_000 + number) // 100 * (1 if spent < 10_000 else 2)
        spent += 1_000 + number
    return points


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_neither_does_who_follows_while_the_gateway_a_service_and_valkey_are_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = DataFolder(tmp_path_factory.mktemp("platform"))
    async with running(folder):
        platform = Running(folder)
        waiting = list(KILLED)

        async def kill(number: int) -> None:
            if number % (PURCHASES // len(KILLED)) == 3:
                name = waiting.pop(0)
                await platform.restarted(name, platform.kill(name))

        async with a_story(folder.running) as story:
            subscriber = await follows(story, kill)

    assert waiting == []
    assert subscriber.cuts == CUTS
    assert subscriber.connections > CUTS
    assert subscriber.points == points_of(PURCHASES)
