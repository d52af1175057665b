"""Cursors of lists: each edge has one, although services give tokens for whole pages only."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import orjson
from google.protobuf.descriptor import FieldDescriptor
from strawberry import relay

from services.gateway.errors import InvalidInput
from services.gateway.values import FIRST_MAX

CURSOR_LENGTH_MAX = 1024


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: so many members into the page that a token of the service opens."""

    page_token: str = ""
    skipped: int = 0

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """The place that a client was given; the beginning when it gives none."""
        if text is None:
            return cls()
        if len(text) > CURSOR_LENGTH_MAX:
            raise InvalidInput("after is not a cursor of this list")
        try:
            page_token, skipped = json.loads(base64.urlsafe_b64decode(text.encode()))
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidInput("after is not a cursor of this list") from error
        # The service gives tokens in ASCII; what is no text at all could not even be sent to it.
        token_given = isinstance(page_token, str) and page_token.isascii()
        if not token_given or type(skipped) is not int or not 0 <= skipped <= FIRST_MAX:
            raise InvalidInput("after is not a cursor of this list")
        return cls(page_token, skipped)

    def encode(self) -> str:
        """The place as text that means nothing to clients."""
        return _encoded(self.page_token, self.skipped)


def cursors(page_token: str, next_page_token: str, count: int) -> list[str]:
    """The cursors of a page: the last is the next page's token, where there is one."""
    places = [_encoded(page_token, index + 1) for index in range(count)]
    if places and next_page_token:
        places[-1] = _encoded(next_page_token, 0)
    return places


def _encoded(page_token: str, skipped: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([page_token, skipped])).decode()


class Page(Protocol):
    """What services answer with when they are asked for a page: one list of things, and where it goes on."""

    next_page_token: str

    def ListFields(self) -> Sequence[tuple[FieldDescriptor, Any]]: ...


async def page_token_at(start: Cursor, page: Callable[[int, str], Awaitable[Page]]) -> str | None:
    """The token of the page that begins at a cursor; None at the end of the list.

    Cursors of edges inside a page cost a call more, for the token after those that are before them. Services
    leave out what the caller does not see, so a page of as many places may hold fewer of them: it goes on
    until all are passed, by larger steps over places that hold nothing, and back where a step was too large;
    as far as a page may reach, which has all edges of a cursor that somebody was given.
    """
    token, left, step, room = start.page_token, start.skipped, start.skipped, FIRST_MAX
    while left and room:
        before = await page(step, token)
        passed = _count(before)
        if passed > left:
            step //= 2
            continue
        if not before.next_page_token:
            return None
        token, left, room = before.next_page_token, left - passed, room - step
        step = min(left if passed else 2 * step, room)
    return token


def _count(page: Page) -> int:
    """How many things a page holds."""
    return sum(len(found) for field, found in page.ListFields() if field.is_repeated)


def page_info(places: list[str], next_page_token: str, after: str | None) -> relay.PageInfo:
    """What a page says of itself, by the cursors of its edges.

    Services leave out what the caller does not see; where that is all of a page, its end is the next page's
    token.
    """
    end = places[-1] if places else None
    if end is None and next_page_token:
        end = Cursor(next_page_token).encode()
    return relay.PageInfo(
        has_next_page=bool(next_page_token),
        has_previous_page=after is not None,
        start_cursor=places[0] if places else None,
        end_cursor=end,
    )
