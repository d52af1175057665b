"""Channels for watches: as many as are needed, and none with more watches than a connection takes."""

from contextlib import ExitStack
from typing import Any

from services.gateway.channels import WATCHES_MAX, WatchChannels


class Channel:
    """One that was opened."""

    closed = False

    async def close(self) -> None:
        self.closed = True


async def test_another_channel_is_opened_when_all_are_full_and_a_free_place_is_used_again() -> None:
    opened: list[Any] = []

    def channel() -> Any:
        opened.append(Channel())
        return opened[-1]

    channels = WatchChannels(channel)
    with ExitStack() as held:
        first = [held.enter_context(channels.one()) for _ in range(WATCHES_MAX - 1)]
        with channels.one() as last, channels.one() as beyond:
            assert (last, beyond) == (opened[0], opened[1])
        again = held.enter_context(channels.one())

    assert {id(each) for each in (*first, again)} == {id(opened[0])}
    assert len(opened) == 2
    await channels.close()
    assert [each.closed for each in opened] == [True, True]
