"""Queries around rewards: the catalogue, and redemptions for the staff."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.benefits.types.redemptions import (
    RedemptionConnection,
    RedemptionState,
    page_of_redemptions,
)
from services.gateway.benefits.types.rewards import (
    Reward,
    RewardConnection,
    RewardKind,
    page_of_rewards,
    reward_of,
)
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.pages import Cursor, page_token_at
from services.gateway.sources import loaded, one
from services.gateway.values import checked_first, wire

First = Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")]
After = Annotated[
    str | None, strawberry.argument(description="Cursor to go on after; with the same filters.")
]


@strawberry.type
class RewardsQuery:
    @loaded(
        Reward | None,
        lambda context: context.rewards.reward,
        one(reward_of),
        description="A reward of the program; null when there is none of this id.",
    )
    def reward(
        self,
        reward_id: Annotated[strawberry.ID, strawberry.argument(description="Its id in the program.")],
    ) -> str:
        return reward_id

    @strawberry.field(description="What members may redeem for points, by id.")
    async def rewards(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        kind: Annotated[
            RewardKind | None, strawberry.argument(description="Only rewards of this kind.")
        ] = None,
        include_archived: Annotated[
            bool, strawberry.argument(description="With those that are out of the catalogue.")
        ] = False,
    ) -> RewardConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListRewardsResponse:
            return await info.context.rewards.page(
                page_size=size, page_token=token, kind=wire(kind), archived=include_archived
            )

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_rewards(pb.ListRewardsResponse(), "", after)
        return page_of_rewards(await page(first, page_token), page_token, after)

    @strawberry.field(
        description="Redemptions of members, latest first; with `state: PENDING`, the grants to be decided."
    )
    async def redemptions(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        member_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of this member.")
        ] = None,
        reward_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of this reward.")
        ] = None,
        state: Annotated[
            RedemptionState | None, strawberry.argument(description="Only those in this state.")
        ] = None,
    ) -> RedemptionConnection | None:
        checked_first(first)
        member = "" if member_id is None else member_key(member_id)

        async def page(size: int, token: str) -> pb.ListRedemptionsResponse:
            request = pb.ListRedemptionsRequest(
                program_id=info.context.program_id,
                page_size=size,
                page_token=token,
                member_id=member,
                reward_id=reward_id or "",
                state=wire(state),
            )
            return await info.context.clients.rewards.ListRedemptions(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_redemptions(pb.ListRedemptionsResponse(), "", after)
        return page_of_redemptions(await page(first, page_token), page_token, after)
