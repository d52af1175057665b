"""Where a value stands in an answer, and what is lost with it when it cannot be had."""

from typing import Any

from graphql.pyutils import Path

Place = tuple[Any, str | int, Any, bool]
"""The place around it (None at the root), its key there, the dict or list it is written into, and whether it
may be null. A tuple: there is one for each object of an answer."""


def path_of(place: Place | None) -> list[str | int]:
    """The keys that lead to a place, from the root."""
    keys: list[str | int] = []
    while place is not None:
        keys.append(place[1])
        place = place[0]
    keys.reverse()
    return keys


def graphql_path(place: Place, typename: str | None) -> Path:
    """The same as resolvers are told it: of a field with the name of its type, though not of those around."""
    around: Place | None = place[0]
    return Path(None if around is None else graphql_path(around, None), place[1], typename)


def nullable_around(place: Place | None) -> Place | None:
    """The nearest place, from this one outwards, that may be null; None where all of the answer is lost."""
    while place is not None and not place[3]:
        place = place[0]
    return place
