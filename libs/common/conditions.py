"""Conditions of programs: comparisons of metrics with numbers, joined by any and all."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from libs.common.documents import Count, Key, Part
from libs.common.windows import LIFETIME, Window

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

TOLD_BY_EVENTS = frozenset(METRICS.values())
"""The facts that each event tells as they are after it; others are asked for."""

TIER_METRICS = {
    **METRICS,
    "average_order": "purchase.average_minor.lifetime",
    "purchase_days": "purchase.distinct_days.lifetime",
}
"""Those that rules of tiers use: an event tells the first of them, the others are asked for."""

MONEY_METRICS = frozenset({"spend", "average_order"})
"""Metrics in minor units of the program's currency; the others are counts."""

SCORE_FACTS = "score."
"""What the facts begin with that a score gives: its total as `score.vci`, a label as `score.vci.top`."""

POINT_FACTS = "benefits."
"""What metrics and facts begin with that are qualifying points of the program: as `benefits.tier_points`."""

Metric = Annotated[str, Field(pattern=r"^(benefits\.)?[a-z][a-z0-9_]{0,62}$")]

Op = Literal[">=", ">", "<=", "<", "=="]


def fact_of(metric: str, window: str) -> str:
    """The fact that a metric reads in a window. Points are those of a lifetime, and scores have no window.

    >>> fact_of("spend", "365d")
    'purchase.amount_minor.365d'
    >>> fact_of("vci", "365d"), fact_of("rfm.high_value", "365d")
    ('score.vci', 'score.rfm.high_value')
    >>> fact_of("benefits.tier_points", "365d")
    'benefits.tier_points.lifetime'
    """
    if metric.startswith(POINT_FACTS):
        return f"{metric}.{LIFETIME}"
    if metric not in TIER_METRICS:
        return SCORE_FACTS + metric
    return TIER_METRICS[metric].removesuffix(LIFETIME) + window


class Comparison(Part):
    """One metric against one number; money in minor units. Without a window, in that of the tier set.

    The metric may be a score of the program, in basis points, or a type of its points that qualify.
    """

    metric: Metric
    op: Op
    value: Count
    window: Window | None = None


class SegmentIs(Part):
    """Holds for who has this label by a score: its fact is 1 for them, and 0 for everybody else."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    segment: Key
    label: Key = Field(alias="is")

    @property
    def metric(self) -> str:
        """The score and the label, as `rfm.high_value`."""
        return f"{self.segment}.{self.label}"

    @property
    def op(self) -> Op:
        """A label is there, or not."""
        return "=="

    @property
    def value(self) -> int:
        """What the fact is of who has the label."""
        return 1

    @property
    def window(self) -> None:
        """None: a label is what it is now."""
        return None


Asked = Comparison | SegmentIs
"""What conditions are made of in the end."""


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
    if isinstance(value, SegmentIs) or (isinstance(value, dict) and "segment" in value):
        return "<segment>"
    return "<comparison>"


# The tags stand in the locations of pydantic's errors; the brackets let documents.problems leave them out.
Condition = Annotated[
    Annotated[AnyOf, Tag("<any>")]
    | Annotated[AllOf, Tag("<all>")]
    | Annotated[SegmentIs, Tag("<segment>")]
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


def comparisons(condition: Condition, path: str = "") -> Iterator[tuple[str, Asked]]:
    """The comparisons of a condition in reading order, each with its path, such as `all[0].any[2]`."""
    if isinstance(condition, Comparison | SegmentIs):
        yield path or "entry", condition
    joined, children = parts(condition)
    for index, child in enumerate(children):
        yield from comparisons(child, f"{path}.{joined}[{index}]" if path else f"{joined}[{index}]")


def depth(condition: Condition) -> int:
    """How deep a condition is nested; 1 for a comparison."""
    return 1 + max(map(depth, parts(condition)[1]), default=0)
