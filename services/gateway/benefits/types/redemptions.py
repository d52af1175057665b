"""What the graph shows of redemptions: what members have of rewards, and who gave it."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.benefits.types.rewards import Reward, RewardKind, reward_of
from services.gateway.pages import cursors, page_info
from services.gateway.sources import loaded, one
from services.gateway.values import LocalName, Long, known, time_of


@strawberry.enum(description="How far a redemption is.")
class RedemptionState(Enum):
    PENDING = strawberry.enum_value(
        pb.REDEMPTION_STATE_PENDING, description="A grant that waits for a second person."
    )
    RESERVED = strawberry.enum_value(
        pb.REDEMPTION_STATE_RESERVED,
        description="Waits for the member; points are held, and it is out of the stock.",
    )
    FULFILLED = strawberry.enum_value(
        pb.REDEMPTION_STATE_FULFILLED, description="The member has it; the points are spent."
    )
    CANCELLED = strawberry.enum_value(pb.REDEMPTION_STATE_CANCELLED, description="Taken back.")
    EXPIRED = strawberry.enum_value(
        pb.REDEMPTION_STATE_EXPIRED, description="Nobody came for it in time, and it was taken back."
    )
    REJECTED = strawberry.enum_value(
        pb.REDEMPTION_STATE_REJECTED, description="A grant that the second person did not approve."
    )


@strawberry.type(description="Who gave a reward without points, and why.")
class RewardGrant:
    granted_by: str = strawberry.field(description="Who asked for it.")
    explanation: str = strawberry.field(description="Why.")
    decided_by: str | None = strawberry.field(
        description="Who approved or rejected it, where a second person had to."
    )
    decision: str | None = strawberry.field(description="Why.")


@strawberry.type(description="What a member has of a reward, under the terms that it had then.")
class Redemption:
    id: strawberry.ID = strawberry.field(
        description="Id of the redemption, `rdm_…`, which the member shows where they take it."
    )
    member_id: strawberry.ID = strawberry.field(description="Whose: `mem_…`.")
    reward_id: strawberry.ID = strawberry.field(description="Of which reward.")
    reward_version: int = strawberry.field(description="By which version of its terms.")
    kind: RewardKind | None = strawberry.field(description="What it is.")
    name: LocalName = strawberry.field(description="Its name then.")
    price_points: Long = strawberry.field(description="What it cost; 0 of a grant.")
    point_type: str | None = strawberry.field(
        description="Type of the points that it cost; null for the redeemable ones."
    )
    coupon_id: strawberry.ID | None = strawberry.field(
        description="The coupon that it gave, `cpn_…`, which tills take; null where it gives none."
    )
    value_minor: Long = strawberry.field(description="What it was worth, in minor units.")
    state: RedemptionState | None = strawberry.field(description="How far it is.")
    created_time: datetime | None = strawberry.field(
        description="When it was asked for, by the program's clock."
    )
    due_time: datetime | None = strawberry.field(
        description="Until when it waits for the member; null while a grant is pending."
    )
    fulfilled_time: datetime | None = strawberry.field(description="When the member got it.")
    ended_time: datetime | None = strawberry.field(description="When it was cancelled, rejected or expired.")
    granted: bool = strawberry.field(description="Given by the staff, without points.")

    @loaded(
        Reward | None,
        lambda context: context.rewards.reward,
        one(reward_of),
        description="The reward as it is now, in the catalogue or out of it.",
    )
    def reward(self) -> str:
        return self.reward_id


@strawberry.type(description="A redemption in a list.")
class RedemptionEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Redemption = strawberry.field(description="The redemption.")
    grant: RewardGrant | None = strawberry.field(description="Who gave it and why, where it was granted.")


@strawberry.type(description="A page of redemptions.")
class RedemptionConnection:
    edges: list[RedemptionEdge] = strawberry.field(description="The redemptions with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def redemption_of(redemption: pb.Redemption) -> Redemption:
    """A redemption as the graph shows it."""
    return Redemption(
        id=strawberry.ID(redemption.redemption_id),
        member_id=strawberry.ID(redemption.member_id),
        reward_id=strawberry.ID(redemption.reward_id),
        reward_version=redemption.reward_version,
        kind=known(RewardKind, redemption.kind),
        name=LocalName(zh=redemption.name_zh, en=redemption.name_en),
        price_points=Long(redemption.price_points),
        point_type=redemption.point_type or None,
        coupon_id=strawberry.ID(redemption.coupon_id) if redemption.coupon_id else None,
        value_minor=Long(redemption.value_minor),
        state=known(RedemptionState, redemption.state),
        created_time=time_of(redemption, "created_time"),
        due_time=time_of(redemption, "due_time"),
        fulfilled_time=time_of(redemption, "fulfilled_time"),
        ended_time=time_of(redemption, "ended_time"),
        granted=redemption.granted,
    )


def page_of_redemptions(
    page: pb.ListRedemptionsResponse, page_token: str, after: str | None
) -> RedemptionConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.redemptions))
    return RedemptionConnection(
        edges=[
            RedemptionEdge(
                cursor=cursor,
                node=redemption_of(each),
                grant=_grant(each.grant) if each.HasField("grant") else None,
            )
            for cursor, each in zip(places, page.redemptions, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def _grant(grant: pb.RewardGrant) -> RewardGrant:
    return RewardGrant(
        granted_by=grant.granted_by,
        explanation=grant.explanation,
        decided_by=grant.decided_by or None,
        decision=grant.decision or None,
    )
