"""What the graph shows of a member; what other services know of them is loaded when asked for."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import relay

from laurel.members.v1 import members_pb2 as pb
from services.gateway.benefits.types.contracts import Contract, contract_of
from services.gateway.benefits.types.coupons import MemberCoupon, member_coupon_of
from services.gateway.benefits.types.earning import PointsPreview, PointsPreviewInput, preview_of
from services.gateway.benefits.types.entitlements import Benefit, LockedBenefit, benefit_of, locked_of
from services.gateway.benefits.types.memberships import Membership, membership_of
from services.gateway.benefits.types.notices import Notice, NoticePreferences, notice_of, preferences_of
from services.gateway.benefits.types.points import PointsAccount, account_of
from services.gateway.benefits.types.redemptions import Redemption, redemption_of
from services.gateway.context import Info
from services.gateway.members.loaders import FactsKey
from services.gateway.risk.types import Risk, risk_of
from services.gateway.scoring.types import Score, score_of
from services.gateway.values import (
    ActivityState,
    Fact,
    Verification,
    checked_first,
    checked_time,
    facts_of,
    known,
    time_of,
)

AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="At which time, with its zone; the program's now when null."),
]


@strawberry.type(description="The id of a member at a partner.")
class Identity:
    source: str = strawberry.field(description="The partner.")
    external_id: str = strawberry.field(description="Its id of the member.")


@strawberry.type(description="Who a member is, without personal data but for the birthday.")
class Profile:
    registered_time: datetime | None = strawberry.field(description="When they joined.")
    store_id: str | None = strawberry.field(description="Home store, if they have one.")
    verification: Verification | None = strawberry.field(description="What is known of their identity.")
    identities: list[Identity] = strawberry.field(description="Ids at the partners that know them.")
    last_activity_time: datetime | None = strawberry.field(
        description="When the last event happened, if any did."
    )
    birthday: str | None = strawberry.field(
        description="Month and day of their birthday, such as `05-17`, where they told it."
    )


@strawberry.type(description="Whether a member is about, by the program's clock.")
class Activity:
    state: ActivityState | None = strawberry.field(description="Whether they are about, or asleep.")
    since: datetime | None = strawberry.field(description="Since when they are in that state.")


@strawberry.type(description="The facts that hold for a member at a time.")
class Facts:
    as_of: datetime | None = strawberry.field(description="The time that they hold for.")
    facts: list[Fact] = strawberry.field(
        description="Sorted by name; one that is not there has never happened."
    )


@strawberry.type(
    description=(
        "A member of a program. What another service knows of them is null when that service cannot be "
        "reached, and the errors of the answer say so; the rest of the answer stands."
    )
)
class Member(relay.Node):
    key: relay.NodeID[str]
    profile: Profile = strawberry.field(description="Who they are.")
    activity: Activity = strawberry.field(description="Whether they are about.")

    @strawberry.field(description="The platform's id of the member, as in calls of partners: `mem_…`.")
    def member_id(self) -> strawberry.ID:
        return strawberry.ID(self.key)

    @strawberry.field(description="What they did, counted.")
    async def facts(
        self,
        info: Info,
        as_of: AsOf = None,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Names wanted; all when null.")
        ] = None,
    ) -> Facts | None:
        key = FactsKey(member_id=self.key, as_of=checked_time(as_of))
        facts = await info.context.members.facts.load((key, tuple(names or ())))
        return None if facts is None else Facts(as_of=time_of(facts, "as_of"), facts=facts_of(facts.facts))

    @strawberry.field(description="Scores by the policies of the program, with what they are made of.")
    async def scores(self, info: Info, as_of: AsOf = None) -> list[Score] | None:
        scores = await info.context.scoring.scores.load(
            FactsKey(member_id=self.key, as_of=checked_time(as_of))
        )
        return None if scores is None else [score_of(score) for score in scores]

    @strawberry.field(description="Their standing in each tier set of the program.")
    async def memberships(self, info: Info) -> list[Membership] | None:
        memberships = await info.context.benefits.memberships.load(self.key)
        return None if memberships is None else [membership_of(membership) for membership in memberships]

    @strawberry.field(description="Their redeemable points; null when none were ever posted.")
    async def points(self, info: Info) -> PointsAccount | None:
        account = await info.context.benefits.account.load(self.key)
        return None if account is None else account_of(account)

    @strawberry.field(
        description="What an event would earn now that did not happen, and why each rule would give or not."
    )
    async def points_preview(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - as mutations name it
            PointsPreviewInput, strawberry.argument(description="What might happen.")
        ],
    ) -> PointsPreview | None:
        preview = await info.context.earning.previews.load(input.key(self.key))
        return None if preview is None else preview_of(preview)

    @strawberry.field(description="The benefits of their tiers first, then those inherited from lower tiers.")
    async def benefits(self, info: Info) -> list[Benefit] | None:
        entitlements = await info.context.benefits.entitlements.load(self.key)
        return None if entitlements is None else [benefit_of(each, self.key) for each in entitlements]

    @strawberry.field(description="The benefits that higher tiers would add, those of the next tier first.")
    async def locked_benefits(self, info: Info) -> list[LockedBenefit] | None:
        benefits = await info.context.entitlements.locked.load(self.key)
        return None if benefits is None else [locked_of(benefit) for benefit in benefits]

    @strawberry.field(description="What they bought for a time or for life, latest sale first.")
    async def contracts(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 20,
    ) -> list[Contract] | None:
        contracts = await info.context.contracts.contracts.load((self.key, checked_first(first)))
        return None if contracts is None else [contract_of(contract) for contract in contracts]

    @strawberry.field(description="The coupons that they were given, latest first.")
    async def coupons(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 20,
    ) -> list[MemberCoupon] | None:
        coupons = await info.context.coupons.coupons.load((self.key, checked_first(first)))
        return None if coupons is None else [member_coupon_of(coupon) for coupon in coupons]

    @strawberry.field(description="What they have of rewards, or had, latest first.")
    async def redemptions(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 20,
    ) -> list[Redemption] | None:
        redemptions = await info.context.rewards.redemptions.load((self.key, checked_first(first)))
        return None if redemptions is None else [redemption_of(each) for each in redemptions]

    @strawberry.field(description="What there is to tell them, latest first; what was withheld, too.")
    async def notices(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 20,
    ) -> list[Notice] | None:
        notices = await info.context.notices.notices.load((self.key, checked_first(first)))
        return None if notices is None else [notice_of(notice) for notice in notices]

    @strawberry.field(description="What they want to be told.")
    async def notice_preferences(self, info: Info) -> NoticePreferences | None:
        preferences = await info.context.notices.preferences.load(self.key)
        return None if preferences is None else preferences_of(preferences)

    @strawberry.field(description="How far they can be trusted, and why.")
    async def risk(self, info: Info) -> Risk | None:
        profile = await info.context.risk.profile.load(self.key)
        return None if profile is None else risk_of(profile)


def member_of(member: pb.Member) -> Member:
    """A member as the graph shows them."""
    return Member(
        key=member.member_id,
        profile=Profile(
            registered_time=time_of(member, "registered_time"),
            store_id=member.store_id or None,
            verification=known(Verification, member.verification),
            identities=[
                Identity(source=each.source, external_id=each.external_id) for each in member.identities
            ],
            last_activity_time=time_of(member, "last_activity_time"),
            birthday=member.birthday or None,
        ),
        activity=Activity(
            state=known(ActivityState, member.activity_state),
            since=time_of(member, "activity_since_time"),
        ),
    )
