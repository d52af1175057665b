"""What the graph shows of usage figures, as they were published."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import usage_pb2 as pb
from services.gateway.pages import Cursor, page_info
from services.gateway.values import LocalName, Long, known, time_of


@strawberry.enum(description="What may be used.")
class UsageKind(Enum):
    BENEFIT = strawberry.enum_value(
        pb.USAGE_KIND_BENEFIT, description="A benefit of a tier or of a contract."
    )
    REWARD = strawberry.enum_value(pb.USAGE_KIND_REWARD, description="A reward that members redeem.")
    COUPON_CAMPAIGN = strawberry.enum_value(
        pb.USAGE_KIND_COUPON_CAMPAIGN, description="The coupons of a campaign."
    )


@strawberry.type(description="Members of a tier, or of several that are told together, and what they used.")
class UsageGroup:
    tiers: list[str] = strawberry.field(description="The tiers' keys.")
    members: Long = strawberry.field(description="Members who could have used it.")
    users: Long = strawberry.field(description="Of these, those who did.")
    uses: Long = strawberry.field(description="How often they did.")
    units: Long = strawberry.field(description="Of a benefit: how many of its units, such as minutes.")
    spent_points: Long = strawberry.field(description="Of a reward: the points that were spent on it.")
    value_minor: Long = strawberry.field(
        description="Of a reward: what it is worth; of coupons: what they took off."
    )


@strawberry.type(description="The usage of something among those who may have it.")
class ItemUsage:
    kind: UsageKind | None = strawberry.field(description="What it is.")
    key: str | None = strawberry.field(description="Its key; null for all beyond the first 100 of a kind.")
    name: LocalName = strawberry.field(description="Its name.")
    tier_set: str = strawberry.field(description="Key of the tier set by whose tiers it is told.")
    everybody: UsageGroup = strawberry.field(description="All members of the tiers that may have it.")
    groups: list[UsageGroup] = strawberry.field(
        description="The same by tier; those that may not be told by themselves are told together, last."
    )


@strawberry.type(description="Members of a tier, or of several that are told together.")
class UsageHolders:
    tiers: list[str] = strawberry.field(description="The tiers' keys.")
    members: Long = strawberry.field(description="Members of these.")


@strawberry.type(description="Members of one ladder, by the highest tier that they held in the month.")
class UsageTierSet:
    tier_set: str = strawberry.field(description="The tier set's key.")
    groups: list[UsageHolders] = strawberry.field(
        description="In ascending rank; tiers with few members are told together, last."
    )


@strawberry.type(
    description="What members used in a month, as it was counted seven days after its end. It never changes."
)
class UsageMonth:
    month: str = strawberry.field(description="The month, such as 2026-11.")
    settled_time: datetime | None = strawberry.field(
        description="What was told or taken back later is not in it; by the program's clock."
    )
    program_version: int = strawberry.field(description="The version by which it was counted.")
    members_min: int = strawberry.field(description="What fewer members used, or all but fewer, is not told.")
    members: Long | None = strawberry.field(
        description="Members who had a standing; null where they are too few, and then nothing is told."
    )
    currency: str = strawberry.field(description="Currency of money, such as `USD`.")
    tier_sets: list[UsageTierSet] = strawberry.field(description="Members by tier.")
    items: list[ItemUsage] = strawberry.field(
        description="By kind and key. What is not here was used by too few to be told, or by nobody."
    )


@strawberry.type(description="A month of usage in a list.")
class UsageMonthEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: UsageMonth = strawberry.field(description="The month.")


@strawberry.type(description="A page of months of usage.")
class UsageMonthConnection:
    edges: list[UsageMonthEdge] = strawberry.field(description="The months with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def page_of_usage(page: pb.ListUsageMonthsResponse, after: str | None) -> UsageMonthConnection:
    """A page as the graph shows it: the list goes on before each month."""
    places = [Cursor(each.month).encode() for each in page.months]
    return UsageMonthConnection(
        edges=[
            UsageMonthEdge(cursor=cursor, node=_month(each))
            for cursor, each in zip(places, page.months, strict=True)
        ],
        page_info=page_info(places, page.months[-1].month if page.more else "", after),
    )


def _month(month: pb.UsageMonth) -> UsageMonth:
    return UsageMonth(
        month=month.month,
        settled_time=time_of(month, "settled_time"),
        program_version=month.program_version,
        members_min=month.members_min,
        members=Long(month.members_count) if month.members_count else None,
        currency=month.currency,
        tier_sets=[
            UsageTierSet(
                tier_set=tier_set.tier_set,
                groups=[
                    UsageHolders(tiers=list(each.tiers), members=Long(each.members_count))
                    for each in tier_set.groups
                ],
            )
            for tier_set in month.tier_sets
        ],
        items=[_item(each) for each in month.items],
    )


def _item(item: pb.ItemUsage) -> ItemUsage:
    return ItemUsage(
        kind=known(UsageKind, item.kind),
        key=item.key or None,
        name=LocalName(zh=item.name_zh, en=item.name_en),
        tier_set=item.tier_set,
        everybody=_group(item.everybody),
        groups=[_group(each) for each in item.groups],
    )


def _group(group: pb.UsageGroup) -> UsageGroup:
    return UsageGroup(
        tiers=list(group.tiers),
        members=Long(group.members_count),
        users=Long(group.users_count),
        uses=Long(group.uses_count),
        units=Long(group.units_count),
        spent_points=Long(group.spent_points),
        value_minor=Long(group.value_minor),
    )
