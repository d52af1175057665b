"""What a subscription tells: each change once, whatever becomes of a service, and the member after it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2, members_pb2
from laurel.risk.v1 import risk_pb2
from libs.common.errors import Unavailable
from libs.common.rpc.time import timestamp
from services.gateway.codes import Code
from services.gateway.live import feed
from tests.gateway.conftest import Graph, gateway
from tests.gateway.fake_watch import Told
from tests.gateway.sockets import Socket, connected
from tests.gateway.world import NOON, member_id, tier_changes

SOMEBODY = member_id(1)
KINDS = """
subscription ($id: ID!, $after: String) {
  memberChanged(memberId: $id, after: $after) {
    cursor
    changes {
      __typename
      ... on EventsRecorded { recordedTime seqFrom seqTo kinds }
      ... on ActivityChanged { state since spell wakeUp }
      ... on MembershipChanged {
        tierSet tierKey tierChanges { from to outcome }
        postings { transactionId currency points balanceAfter kind }
      }
      ... on PointsChanged { postings { points } }
      ... on NoticeCreated { noticeId code }
      ... on StandingChanged { level integrity }
    }
  }
}
"""

EXPENSIVE = "{ members(first: 90) { edges { node { points { entries(first: 9) { id } } } } } }"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services are asked again at once, and missed after a moment."""
    monkeypatch.setattr(feed, "FIRST_SECONDS", 1.0)
    monkeypatch.setattr(feed, "AWAY_SECONDS", 0.1)
    monkeypatch.setattr(feed, "PAUSE_SECONDS_MAX", 0.1)


def events(first: int, last: int) -> Message:
    return members_pb2.EventsRecorded(
        event_seq_from=first, event_seq_to=last, kinds=[events_pb2.EVENT_KIND_PURCHASE]
    )


def standing(level: "risk_pb2.RiskLevel.ValueType" = risk_pb2.RISK_LEVEL_HIGH) -> Message:
    return risk_pb2.StandingChange(level=level, integrity=20)


def members(graph: Graph) -> Told:
    return graph.services.members.fake.told


def risk(graph: Graph) -> Told:
    return graph.services.risk.fake.told


def benefits(graph: Graph) -> Told:
    return graph.services.benefits.fake.told


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def unavailable() -> None:
    raise Unavailable


def silenced(service: Any) -> Callable[[], None]:
    """Let a service answer nobody, and its watchers neither; gives what ends that."""
    service.fake.breaks = unavailable
    service.fake.told.cut()

    def back() -> None:
        service.fake.breaks = None

    return back


async def test_the_first_event_says_where_the_stream_stands_and_shows_the_member(graph: Graph) -> None:
    members(graph).tell(SOMEBODY, events_recorded=events(1, 1))
    members(graph).tell(SOMEBODY, events_recorded=events(2, 3))
    risk(graph).tell(SOMEBODY, standing_changed=standing())

    async with connected(graph) as socket:
        socket.subscribe()

        assert await socket.change() == {
            "cursor": "m2.b0.r1",
            "waitingFor": [],
            "changes": [],
            "member": {"memberId": SOMEBODY, "points": {"balance": 2**40}},
        }


async def test_changes_of_all_services_come_once_with_the_member_read_anew(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe()
        await socket.change()
        read_before = graph.services.asked.calls["BatchGetMembers"]

        members(graph).tell(SOMEBODY, events_recorded=events(1, 2))
        first = await socket.change()
        risk(graph).tell(SOMEBODY, standing_changed=standing())
        second = await socket.change()

    assert (first["cursor"], first["changes"]) == (
        "m1.b0.r0",
        [{"__typename": "EventsRecorded", "seqFrom": 1, "seqTo": 2, "kinds": ["PURCHASE"]}],
    )
    assert (second["cursor"], second["changes"]) == (
        "m1.b0.r1",
        [{"__typename": "StandingChanged", "level": "HIGH"}],
    )
    assert graph.services.asked.calls["BatchGetMembers"] == read_before + 2


async def test_every_kind_of_change_is_shown(graph: Graph) -> None:
    posted = benefits_pb2.PointsPosted(
        transaction_id="txn_1", currency="points", points=5, balance_after=2**40, kind="accrual"
    )
    activity = events_pb2.ActivityChange(
        state=events_pb2.ACTIVITY_STATE_DORMANT, since_time=timestamp(NOON), spell=2, wake_up=True
    )
    changed = benefits_pb2.MembershipChanged(
        tier_set="main", tier="gold", tier_changes=tier_changes()[:1], postings=[posted]
    )
    notice = benefits_pb2.NoticeCreated(notice_id="ntc_1", code="TIER_CHANGED")
    async with connected(graph) as socket:
        for told, change in (
            (members(graph), {"joined": members_pb2.MemberJoined()}),
            (members(graph), {"events_recorded": events(1, 2)}),
            (members(graph), {"activity_changed": activity}),
            (benefits(graph), {"membership_changed": changed}),
            (benefits(graph), {"points_changed": benefits_pb2.PointsChanged(postings=[posted])}),
            (benefits(graph), {"notice_created": notice}),
            (risk(graph), {"standing_changed": standing()}),
        ):
            told.tell(SOMEBODY, **change)
        socket.subscribe(query=KINDS, after="m0.b0.r0")
        found = await collected(socket, "m3.b3.r1")

    joined, recorded, slept, *rest = sorted(found, key=lambda each: ORDER.index(each["__typename"]))
    assert joined == {"__typename": "MemberJoined"}
    assert recorded["recordedTime"].startswith("1998-07-01T12:00:00")
    assert slept == {
        "__typename": "ActivityChanged",
        "state": "DORMANT",
        "since": "1998-07-01T12:00:00+00:00",
        "spell": 2,
        "wakeUp": True,
    }
    posting = {"currency": "points", "points": 5, "balanceAfter": 2**40, "kind": "ACCRUAL"}
    assert rest == [
        {
            "__typename": "MembershipChanged",
            "tierSet": "main",
            "tierKey": "gold",
            "tierChanges": [{"from": "normal", "to": "gold", "outcome": "UPGRADED"}],
            "postings": [{"transactionId": "txn_1", **posting}],
        },
        {"__typename": "PointsChanged", "postings": [{"points": 5}]},
        {"__typename": "NoticeCreated", "noticeId": "ntc_1", "code": "TIER_CHANGED"},
        {"__typename": "StandingChanged", "level": "HIGH", "integrity": 20},
    ]


ORDER = (
    "MemberJoined",
    "EventsRecorded",
    "ActivityChanged",
    "MembershipChanged",
    "PointsChanged",
    "NoticeCreated",
    "StandingChanged",
)


async def collected(socket: Socket, cursor: str) -> list[Any]:
    """The changes up to a cursor."""
    found: list[Any] = []
    while True:
        event = await socket.change()
        found += event["changes"]
        if event["cursor"] == cursor:
            return found


async def test_who_comes_back_hears_what_they_have_missed_and_nothing_twice(graph: Graph) -> None:
    for number in range(1, 251):
        members(graph).tell(SOMEBODY, events_recorded=events(number, number))
    risk(graph).tell(SOMEBODY, standing_changed=standing())

    async with connected(graph) as socket:
        socket.subscribe(after="m20.b0.r1")
        found = await collected(socket, "m250.b0.r1")

    assert [each["seqFrom"] for each in found] == list(range(21, 251))


async def test_a_service_whose_stream_breaks_is_asked_again_after_the_last_change(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe()
        await socket.change()
        for number in range(1, 6):
            members(graph).tell(SOMEBODY, events_recorded=events(number, number))
            change = await socket.change()
            assert [each["seqFrom"] for each in change["changes"]] == [number]
            members(graph).cut()
            await until(lambda number=number: members(graph).watched[-1] == number)  # type: ignore[misc]

    assert members(graph).watched == [None, 1, 2, 3, 4, 5]


async def test_a_service_that_leaves_something_out_is_asked_again(graph: Graph) -> None:
    members(graph).leaves_out = {2}
    async with connected(graph) as socket:
        socket.subscribe()
        await socket.change()
        for number in (1, 2, 3):
            members(graph).tell(SOMEBODY, events_recorded=events(number, number))
        found = await collected(socket, "m3.b0.r0")

    assert [each["seqFrom"] for each in found] == [1, 2, 3]


async def test_a_service_that_is_away_is_named_and_the_others_go_on(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe()
        await socket.change()

        back = silenced(graph.services.risk)
        away = await socket.change()
        members(graph).tell(SOMEBODY, events_recorded=events(1, 1))
        meanwhile = await socket.change()
        risk(graph).tell(SOMEBODY, standing_changed=standing())
        back()
        again = await socket.change()
        while not again["changes"]:
            again = await socket.change()

    assert (away["waitingFor"], away["changes"]) == (["RISK"], [])
    assert (meanwhile["waitingFor"], len(meanwhile["changes"])) == (["RISK"], 1)
    assert (again["waitingFor"], again["cursor"]) == ([], "m1.b0.r1")


async def test_a_service_that_is_away_from_the_start_has_no_part_in_the_cursor(graph: Graph) -> None:
    back = silenced(graph.services.benefits)
    async with connected(graph) as socket:
        socket.subscribe(
            query="subscription ($id: ID!) { memberChanged(memberId: $id) { cursor waitingFor } }"
        )
        first = await socket.change()
        back()
        later = await socket.change()

    assert first == {"cursor": "m0.r0", "waitingFor": ["BENEFITS"]}
    assert later == {"cursor": "m0.b0.r0", "waitingFor": []}


async def test_a_subscription_begins_when_any_service_answers(graph: Graph) -> None:
    for service in (graph.services.members, graph.services.benefits, graph.services.risk):
        silenced(service)
    async with connected(graph) as socket:
        socket.subscribe()

        assert (await socket.error())["extensions"]["code"] == Code.UNAVAILABLE


async def test_a_member_of_whom_only_members_has_heard_is_told_of_from_the_beginning(graph: Graph) -> None:
    newcomer, fake = member_id(99), graph.services.risk.fake
    everybody = dict(fake.world.members)
    graph.services.members.fake.world = type(fake.world)({**everybody, newcomer: everybody[SOMEBODY]})
    async with connected(graph) as socket:
        socket.subscribe(id=newcomer, query=KINDS)
        first = await socket.change()
        for other in (graph.services.risk, graph.services.benefits):
            other.fake.told.tell(newcomer, **_change_of(other is graph.services.risk))
            other.fake.world = graph.services.members.fake.world
        found = await collected(socket, "m0.b1.r1")

    assert first["cursor"] == "m0.b0.r0"
    assert {each["__typename"] for each in found} == {"StandingChanged", "NoticeCreated"}


def _change_of(is_risk: bool) -> dict[str, Message]:
    return {"standing_changed": standing()} if is_risk else {"notice_created": benefits_pb2.NoticeCreated()}


async def test_nobody_hears_of_an_unknown_member(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe(id=member_id(999))

        assert (await socket.error())["extensions"]["code"] == "MEMBER_UNKNOWN"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "m1",
        "m5.b0.r0.",
        ".m5",
        "m05.b0.r0",
        "b0.m5.r0",
        "m5.m6",
        "m5,b0",
        "m-1",
        "m+1",
        "m٣",
        "m1e3",
        "x1",
        "m" + "9" * 19,
        "m1.b1.r1.x1",
        "M1",
        " m1",
        "m1\n",
    ],
)
async def test_only_our_own_cursors_are_taken(graph: Graph, cursor: str) -> None:
    async with connected(graph) as socket:
        socket.subscribe(after=cursor)
        answered = await socket.heard()

    if cursor == "m1":  # which might be ours, of a time when others were away; this stream has no such place
        assert answered["payload"][0]["extensions"]["code"] == "WATCH_PLACE_UNKNOWN"
    else:
        assert answered["type"] == "error"
        assert answered["payload"][0]["extensions"]["code"] == Code.BAD_USER_INPUT


async def test_a_member_who_cannot_be_read_costs_no_change(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe()
        await socket.change()
        graph.services.members.fake.breaks = unavailable
        risk(graph).tell(SOMEBODY, standing_changed=standing())
        message = await socket.heard()

    payload = message["payload"]
    assert payload["data"]["memberChanged"]["cursor"] == "m0.b0.r1"
    assert payload["data"]["memberChanged"]["member"] is None
    assert [each["extensions"]["code"] for each in payload["errors"]] == [Code.UNAVAILABLE]


async def test_events_wait_for_the_budget_and_bring_everything_then(keys: Path) -> None:
    async with gateway(keys, cost_per_minute=6_000) as graph, connected(graph) as socket:
        socket.subscribe()
        await socket.change()
        spent = None
        while spent != Code.RATE_LIMITED:
            answer = (await graph.post({"query": EXPENSIVE})).json()
            spent = answer["errors"][0]["extensions"]["code"] if "errors" in answer else None
        for number in range(1, 21):
            members(graph).tell(SOMEBODY, events_recorded=events(number, number))
        found = await collected(socket, "m20.b0.r0")

    assert [each["seqFrom"] for each in found] == list(range(1, 21))


async def test_an_event_that_takes_too_long_ends_the_subscription_before_its_cursor(keys: Path) -> None:
    async with gateway(keys, request_seconds_max=0.2) as graph, connected(graph) as socket:

        async def hangs() -> None:
            await asyncio.sleep(30)

        socket.subscribe()
        await socket.change()
        graph.services.benefits.fake.breaks = hangs
        members(graph).tell(SOMEBODY, events_recorded=events(1, 1))

        assert (await socket.error())["extensions"]["code"] == Code.DEADLINE_EXCEEDED
