"""A frontend that follows one member, is cut off again and again, and goes on after its last cursor."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
QUERY = """
subscription ($id: ID!, $after: String) {
  memberChanged(memberId: $id, after: $after) {
    cursor
    changes {
      __typename
      ... on EventsRecorded { seqFrom seqTo }
      ... on MembershipChanged { tierKey postings { transactionId } }
      ... on PointsChanged { postings { transactionId } }
      ... on NoticeCreated { noticeId }
      ... on StandingChanged { integrity level }
    }
    member { points { available } }
  }
}
"""
# What passes by itself.
PASSING = {"UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"}


class Subscriber:
    """Collects what it is told of a member; `url` and `token` are asked for at every connection."""

    def __init__(self, url: Callable[[], str], token: Callable[[], str], member_id: str) -> None:
        self._url, self._token, self._member_id = url, token, member_id
        self.cursor: str | None = None
        self.changes: list[dict[str, Any]] = []
        self.points: int | None = None
        self.connections = self.cuts = 0
        self._cut_after = -1

    def cut_after(self, changes: int) -> None:
        """Cut the connection, without a word, once so many changes have come."""
        self._cut_after = changes

    async def run(self) -> None:
        """Follow until cancelled, through whatever happens to the connection."""
        while True:
            try:
                async with connect(
                    self._url(), subprotocols=[PROTOCOL], proxy=None, open_timeout=5, close_timeout=0.1
                ) as client:
                    self.connections += 1
                    await self._follow(client)
            except (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(0.05)

    async def _follow(self, client: ClientConnection) -> None:
        await self._say(client, "connection_init", payload={"authorization": f"Bearer {self._token()}"})
        assert json.loads(await client.recv()) == {"type": "connection_ack"}
        variables = {"id": self._member_id, "after": self.cursor}
        await self._say(client, "subscribe", id="1", payload={"query": QUERY, "variables": variables})
        while True:
            message = json.loads(await client.recv())
            if message["type"] == "error":
                code = message["payload"][0]["extensions"]["code"]
                assert code in PASSING, message
                await asyncio.sleep(0.1)
                return
            self._take(message["payload"]["data"]["memberChanged"])
            if 0 <= self._cut_after <= len(self.changes):
                self._cut_after = -1
                self.cuts += 1
                client.transport.abort()

    def _take(self, event: Any) -> None:
        self.cursor = event["cursor"]
        self.changes += event["changes"]
        if event["member"] is not None and event["member"]["points"] is not None:
            self.points = event["member"]["points"]["available"]

    async def _say(self, client: ClientConnection, kind: str, **fields: object) -> None:
        await client.send(json.dumps({"type": kind, **fields}))

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        """The changes of some kinds, in order."""
        return [each for each in self.changes if each["__typename"] in kinds]
