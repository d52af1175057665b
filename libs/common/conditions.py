"""Conditions of programs: comparisons of metrics with numbers, joined by any and all."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from libs.common.documents import Count, Key, Part

METRICS = {
    "spend": "purchase.amount_minor.lifetime",
    "orders": "purchase.count.lifetime",
    "invites": "invite.count.lifetime",
    "logins": "login.count.lifetime",
    "reviews": "review.count.lifetime",
    "shares": "share.count.lifetime",
    "check_ins": "check_in.count.lifetime",
    "interactions": "interaction.count.lifetime",
    "messages": "message.count.lifetime",
}
"""The short names that rules of programs use, and the facts that they read."""

MONEY_METRICS = frozenset({"spend"})
"""Metrics in minor units of the program's currency; the others are counts."""


class Comparison(Part):
    """One metric against one number; money in minor units."""

    metric: Key
    op: Literal[">=", ">", "<=", "<", "=="]
    value: Count


class AnyOf(Part):
    """Holds when one of its conditions does."""

    any: tuple["Condition", ...] = Field(min_length=1)


class AllOf(Part):
    """Holds when all of its conditions do."""

    all: tuple["Condition", ...] = Field(min_length=1)


def _shape(value: Any) -> str:
    if isinstance(value, AnyOf) or (isinstance(value, dict) and "any" in value):
        return "<any>"
    if isinstance(value, AllOf) or (isinstance(value, dict) and "all" in value):
        return "<all>"
    return "<comparison>"


# The tags stand in the locations of pydantic's errors; the brackets let documents.problems leave them out.
Condition = Annotated[
    Annotated[AnyOf, Tag("<any>")]
    | Annotated[AllOf, Tag("<all>")]
    | Annotated[Comparison, Tag("<comparison>")],
    Discriminator(_shape),
]
AnyOf.model_rebuild()
AllOf.model_rebuild()


def parts(condition: Condition) -> tuple[Literal["any", "all", ""], tuple[Condition, ...]]:
    """How a condition joins its parts (`any`, `all`), and those; a comparison has none."""
    match condition:
        case AnyOf(any=children):
            return "any", children
        case AllOf(all=children):
            return "all", children
    return "", ()


def comparisons(condition: Condition, path: str = "") -> Iterator[tuple[str, Comparison]]:
    """The comparisons of a condition in reading order, each with its path, such as `all[0].any[2]`."""
    if isinstance(condition, Comparison):
        yield path or "entry", condition
    joined, children = parts(condition)
    for index, child in enumerate(children):
        yield from comparisons(child, f"{path}.{joined}[{index}]" if path else f"{joined}[{index}]")


def depth(condition: Condition) -> int:
    """How deep a condition is nested; 1 for a comparison."""
    return 1 + max(map(depth, parts(condition)[1]), default=0)
