"""The cursor of a subscription: how far the member's changes of each service have come, as `m12.b7.r3`."""

import re
from collections.abc import Mapping
from enum import Enum

import strawberry

from services.gateway.errors import InvalidInput

_PART = re.compile(r"([mbr])(0|[1-9][0-9]{0,17})")


@strawberry.enum(description="A service that tells of changes.")
class Service(Enum):
    MEMBERS = strawberry.enum_value("members", description="What members do, and whether they are about.")
    BENEFITS = strawberry.enum_value("benefits", description="Tiers, points and notices.")
    RISK = strawberry.enum_value("risk", description="How far a member can be trusted.")


_LETTERS = {"m": Service.MEMBERS, "b": Service.BENEFITS, "r": Service.RISK}

Places = Mapping[Service, int]


def cursor_of(places: Places) -> str:
    """The cursor for these places; a service that has not told its own yet has no part in it."""
    return ".".join(f"{letter}{places[service]}" for letter, service in _LETTERS.items() if service in places)


def places_in(cursor: str | None) -> dict[Service, int]:
    """The places in a cursor as we give it: each service once and in order; none in none."""
    if cursor is None:
        return {}
    found = [_PART.fullmatch(part) for part in cursor.split(".")]
    places = {_LETTERS[part[1]]: int(part[2]) for part in found if part is not None}
    if not places or cursor_of(places) != cursor:
        raise InvalidInput("after is no cursor of memberChanged")
    return places
