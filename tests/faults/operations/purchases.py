"""Purchases, as tills send them: by gRPC, and through the graph."""

import hashlib
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx

from laurel.members.v1 import events_pb2, members_pb2
from libs.common import clock
from libs.common.rpc.time import timestamp
from tests.faults.operations.asking import DEADLINE_SECONDS, Answer, Ask, bytes_of, digest_of
from tests.faults.operations.hearing import GraphRefused
from tests.faults.world import PARTNER, World

LINES_MAX = 20
AMOUNT_MINOR_MAX = 50_000
KEPT = (members_pb2.EVENT_OUTCOME_ACCEPTED, members_pb2.EVENT_OUTCOME_DUPLICATE)
RECORD_EVENTS = """mutation Record($input: RecordEventsInput!) {
  recordEvents(input: $input) {
    __typename
    ... on RecordedEvents { results { outcome eventId seq reason } }
    ... on Refused { reason }
  }
}"""


class RecordEvents:
    """Purchases of some members, sent by their till."""

    name, service, weight, steady, audited = "RecordEvents", "members", 20, True, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """Each line is an event of its own."""
        return self._ask(world, key, _purchases(world, key, chance))

    def _ask(self, world: World, key: str, events: Sequence[events_pb2.Event]) -> Ask:
        request = members_pb2.RecordEventsRequest(program_id=world.program_id, request_id=key, events=events)

        async def send() -> Answer:
            answer = await world.partner.RecordEvents(request, timeout=DEADLINE_SECONDS)
            return Answer(bytes_of(answer), tuple(each.outcome in KEPT for each in answer.results))

        return Ask(
            tuple(map(_event_effect, events)),
            digest_of(request),
            send,
            lambda: self._ask(world, key, [*events, _other(events[0])]),
        )


class GraphRecordEvents:
    """The same, through the gateway."""

    name, service, weight, steady, audited = "graph.recordEvents", "gateway", 4, False, False

    def ask(self, world: World, key: str, chance: random.Random) -> Ask:
        """Each line is an event of its own."""
        return self._ask(world, key, _purchases(world, key, chance))

    def _ask(self, world: World, key: str, events: Sequence[events_pb2.Event]) -> Ask:
        asked = {"requestId": key, "events": [_graph_event(event) for event in events]}
        content = json.dumps({"query": RECORD_EVENTS, "variables": {"input": asked}})

        async def send() -> Answer:
            recorded = (await _graph(world.graph, content))["recordEvents"]
            if recorded is None or recorded["__typename"] == "Refused":
                raise GraphRefused(recorded["reason"] if recorded else "UNAVAILABLE")
            done = tuple(each["outcome"] in {"ACCEPTED", "DUPLICATE"} for each in recorded["results"])
            return Answer(json.dumps(recorded, sort_keys=True).encode(), done)

        return Ask(
            tuple(map(_event_effect, events)),
            hashlib.sha256(content.encode()).hexdigest(),
            send,
            lambda: self._ask(world, key, [*events, _other(events[0])]),
        )


async def _graph(http: httpx.AsyncClient, content: str) -> dict[str, Any]:
    headers = {"content-type": "application/json"}
    response = await http.post("/graphql", content=content, headers=headers, timeout=DEADLINE_SECONDS)
    try:
        answer = response.json()
    except ValueError:
        raise GraphRefused(f"HTTP {response.status_code}") from None
    if response.status_code != httpx.codes.OK or answer.get("errors") or not answer.get("data"):
        errors = answer.get("errors") or [{}]
        raise GraphRefused(errors[0].get("extensions", {}).get("code", f"HTTP {response.status_code}"))
    data: dict[str, Any] = answer["data"]
    return data


def _purchases(world: World, key: str, chance: random.Random) -> list[events_pb2.Event]:
    return [
        events_pb2.Event(
            kind=events_pb2.EVENT_KIND_PURCHASE,
            member_id=chance.choice(world.shoppers),
            external_ref=key,
            line=line,
            occurred_time=timestamp(clock.now() - timedelta(seconds=1)),
            amount_minor=chance.randint(100, AMOUNT_MINOR_MAX),
            currency=world.program.currency,
            quantity=1,
        )
        for line in range(chance.randint(1, LINES_MAX))
    ]


def _other(event: events_pb2.Event) -> events_pb2.Event:
    """One purchase more, that must not be there when it is refused."""
    other = events_pb2.Event()
    other.CopyFrom(event)
    other.line = LINES_MAX
    return other


def _event_effect(event: events_pb2.Event) -> str:
    return event_effect(PARTNER, event.external_ref, event.line)


def event_effect(source: str, external_ref: str, line: int) -> str:
    """The name of a purchase, and of what it earns."""
    return f"purchase/{source}/{external_ref}/{line}"


def _graph_event(event: events_pb2.Event) -> dict[str, Any]:
    return {
        "kind": "PURCHASE",
        "member": {"memberId": event.member_id},
        "externalRef": event.external_ref,
        "line": event.line,
        "occurredTime": event.occurred_time.ToJsonString(),
        "amountMinor": event.amount_minor,
        "currency": event.currency,
        "quantity": event.quantity,
    }
