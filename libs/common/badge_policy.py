"""Badges in a program document: what each is called, and how many of it there ever are."""

from typing import Annotated

from pydantic import Field

from libs.common.documents import Key, Part, Text

BADGES_MAX = 200


class Badge(Part):
    """A badge that staff give, numbered 1, 2, 3, … and kept by who was given it: it is never passed on.

    Of one with `limit` so many are ever issued, whatever becomes of them; it
    never changes, nor does a badge go.
    """

    key: Key
    name: Text
    description: Text | None = None
    limit: int | None = Field(default=None, ge=1, le=1_000_000)


Badges = Annotated[tuple[Badge, ...], Field(max_length=BADGES_MAX)]
