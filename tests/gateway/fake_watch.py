"""What a fake service tells of changes of its members, to whoever watches."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from libs.common.errors import Unavailable, WatchPlaceUnknown
from libs.common.rpc.time import timestamp
from tests.gateway.world import NOON


class Told:
    """The changes of each member: kept, and told from any place on."""

    def __init__(self) -> None:
        self.changes: defaultdict[str, list[dict[str, Message]]] = defaultdict(list)
        self.watched: list[int | None] = []
        self.leaves_out: set[int] = set()
        self._moved = asyncio.Event()
        self._cut = False

    def tell(self, owner: str, **change: Message) -> None:
        """The next change of a member."""
        self.changes[owner].append(change)
        self._wake()

    def cut(self) -> None:
        """End the streams that there are."""
        self._cut = True
        self._wake()

    async def watch(self, request: Any) -> AsyncGenerator[Message, None]:
        """Answer a WatchMemberRequest."""
        self._cut = False
        answer = GetMessageClass(request.DESCRIPTOR.file.message_types_by_name["WatchMemberResponse"])
        changes = self.changes[request.member_id]
        after = request.after_seq if request.HasField("after_seq") else None
        self.watched.append(after)
        seq = len(changes) if after is None else after
        if seq > len(changes):
            raise WatchPlaceUnknown
        yield answer(seq=seq)
        while True:
            moved = self._moved
            for place, change in enumerate(changes[seq:], seq + 1):
                seq = place
                if place not in self.leaves_out:
                    yield answer(seq=place, recorded_time=timestamp(NOON), **change)
                self.leaves_out.discard(place)
            await moved.wait()
            if self._cut:
                raise Unavailable

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
