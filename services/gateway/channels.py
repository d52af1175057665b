"""Channels for watches, apart from those for calls: a connection takes a hundred streams, and these stay."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc

WATCHES_MAX = 80
"""On one connection."""


class WatchChannels:
    """As many channels to a service as its watches need, each with a connection of its own."""

    def __init__(self, opened: Callable[[], grpc.aio.Channel]) -> None:
        self._opened = opened
        self._channels: list[grpc.aio.Channel] = []
        self._watches: Counter[int] = Counter()

    @contextmanager
    def one(self) -> Iterator[grpc.aio.Channel]:
        """A channel with room for one more watch, until the block ends."""
        place = next((each for each in range(len(self._channels)) if self._has_room(each)), None)
        if place is None:
            place = len(self._channels)
            self._channels.append(self._opened())
        self._watches[place] += 1
        try:
            yield self._channels[place]
        finally:
            self._watches[place] -= 1

    def _has_room(self, place: int) -> bool:
        return self._watches[place] < WATCHES_MAX

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(*(channel.close() for channel in self._channels))
