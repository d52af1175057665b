"""What the graph shows of growth paths: the nodes, what each gave, and the next task."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime

import strawberry

from laurel.benefits.v1 import entitlements_pb2 as pb
from services.gateway.benefits.types.memberships import Gap, gaps_of
from services.gateway.languages import InLocale, language_of
from services.gateway.values import LocalName, Long, time_of


@strawberry.type(description="A node of a growth path.")
class GrowthNode:
    key: str = strawberry.field(description="Key, such as `first_order`: that of a tier of the path.")
    name: LocalName = strawberry.field(description="Name for people.")
    reached: bool = strawberry.field(description="Whether the member has reached it.")
    reached_time: datetime | None = strawberry.field(
        description="When they first did; null of the first node, and where it was not written down."
    )
    reward_points: Long = strawberry.field(description="Points that it gives, once; 0 for none.")
    given_points: Long = strawberry.field(description="Points that it gave this member, once they are there.")
    transaction_id: str | None = strawberry.field(
        description="The transaction of the ledger that gave them; null before."
    )


@strawberry.type(description="How far a member is on a growth path.")
class GrowthPath:
    message: strawberry.Private[pb.GrowthPath]
    tier_set: str = strawberry.field(description="Key of the tier set that it is.")
    name: LocalName = strawberry.field(description="Name for people.")
    nodes: list[GrowthNode] = strawberry.field(description="From the first to the last.")
    next_node: str | None = strawberry.field(description="Key of the next node; null at the end.")
    gaps: list[Gap] = strawberry.field(description="The conditions of the next node that are not met.")

    @strawberry.field(
        description="The next task, in words; empty at the end, and where doing more does not bring it about."
    )
    def task(self, locale: InLocale = None) -> str:
        return self.message.task_zh if language_of(locale) == "zh" else self.message.task_en


def growth_path_of(path: pb.GrowthPath) -> GrowthPath:
    """A growth path of a member as the graph shows it."""
    return GrowthPath(
        message=path,
        tier_set=path.tier_set,
        name=LocalName(zh=path.name_zh, en=path.name_en),
        nodes=[_node(node) for node in path.nodes],
        next_node=path.next_node or None,
        gaps=gaps_of(path.gaps),
    )


def _node(node: pb.GrowthNode) -> GrowthNode:
    return GrowthNode(
        key=node.node,
        name=LocalName(zh=node.name_zh, en=node.name_en),
        reached=node.reached,
        reached_time=time_of(node, "reached_time"),
        reward_points=Long(node.reward_points),
        given_points=Long(node.given_points),
        transaction_id=node.transaction_id or None,
    )
