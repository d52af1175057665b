"""What the graph shows of a member; what other services know of them is loaded when asked for."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import relay

from laurel.members.v1 import members_pb2 as pb
from services.gateway.benefits.earning_loaders import PreviewKey
from services.gateway.benefits.types.badges import Badge, badge_of
from services.gateway.benefits.types.contracts import Contract, contract_of
from services.gateway.benefits.types.coupons import MemberCoupon, member_coupon_of
from services.gateway.benefits.types.earning import PointsPreview, PointsPreviewInput, preview_of
from services.gateway.benefits.types.entitlements import Benefit, LockedBenefit, benefit_of, locked_of
from services.gateway.benefits.types.growth import GrowthPath, growth_path_of
from services.gateway.benefits.types.memberships import Membership, membership_of
from services.gateway.benefits.types.notices import Notice, NoticePreferences, notice_of, preferences_of
from services.gateway.benefits.types.points import PointsAccount, account_of
from services.gateway.benefits.types.redemptions import Redemption, redemption_of
from services.gateway.members.loaders import FactsAsked, FactsKey
from services.gateway.risk.types import Risk, risk_of
from services.gateway.scoring.types import Score, score_of
from services.gateway.sources import each, loaded, one
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

First = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]
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


def _facts_shown(facts: pb.FactsResult) -> Facts:
    return Facts(as_of=time_of(facts, "as_of"), facts=facts_of(facts.facts))


@strawberry.type(
    description=(
        "A member of a program. What another service knows of them is null when that service cannot be "
        "reached, and the errors of the answer say so; the rest of the answer stands."
    )
)
class Member(relay.Node):
    key: relay.NodeID[str]
    message: strawberry.Private[pb.Member]

    @strawberry.field(description="Who they are.")
    def profile(self) -> Profile:
        member = self.message
        return Profile(
            registered_time=time_of(member, "registered_time"),
            store_id=member.store_id or None,
            verification=known(Verification, member.verification),
            identities=[
                Identity(source=each.source, external_id=each.external_id) for each in member.identities
            ],
            last_activity_time=time_of(member, "last_activity_time"),
            birthday=member.birthday or None,
        )

    @strawberry.field(description="Whether they are about.")
    def activity(self) -> Activity:
        return Activity(
            state=known(ActivityState, self.message.activity_state),
            since=time_of(self.message, "activity_since_time"),
        )

    @strawberry.field(description="The platform's id of the member, as in calls of partners: `mem_…`.")
    def member_id(self) -> strawberry.ID:
        return strawberry.ID(self.key)

    @loaded(
        Facts | None,
        lambda context: context.members.facts,
        one(_facts_shown),
        description="What they did, counted.",
    )
    def facts(
        self,
        as_of: AsOf = None,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Names wanted; all when null.")
        ] = None,
    ) -> tuple[str, FactsAsked]:
        return self.key, (checked_time(as_of), tuple(names or ()))

    @loaded(
        list[Score] | None,
        lambda context: context.scoring.scores,
        each(score_of),
        description="Scores by the policies of the program and by its models, with what they are made of.",
    )
    def scores(self, as_of: AsOf = None) -> FactsKey:
        return FactsKey(member_id=self.key, as_of=checked_time(as_of))

    @loaded(
        list[Membership] | None,
        lambda context: context.benefits.memberships,
        each(membership_of),
        description="Their standing in each tier set of the program.",
    )
    def memberships(self) -> str:
        return self.key

    @loaded(
        PointsAccount | None,
        lambda context: context.benefits.account,
        one(account_of),
        description="Their redeemable points; null when none were ever posted.",
    )
    def points(self) -> str:
        return self.key

    @loaded(
        PointsPreview | None,
        lambda context: context.earning.previews,
        one(preview_of),
        description="What an event would earn now that did not happen, and why each rule would give or not.",
    )
    def points_preview(
        self,
        input: Annotated[  # noqa: A002 - as mutations name it
            PointsPreviewInput, strawberry.argument(description="What might happen.")
        ],
    ) -> PreviewKey:
        return input.key(self.key)

    @loaded(
        list[Benefit] | None,
        lambda context: context.benefits.entitlements,
        lambda member, found: [benefit_of(each, member.key) for each in found],
        description="The benefits of their tiers first, then those inherited from lower tiers.",
    )
    def benefits(self) -> str:
        return self.key

    @loaded(
        list[LockedBenefit] | None,
        lambda context: context.entitlements.locked,
        each(locked_of),
        description="The benefits that higher tiers would add, those of the next tier first.",
    )
    def locked_benefits(self) -> str:
        return self.key

    @loaded(
        list[GrowthPath] | None,
        lambda context: context.entitlements.growth_paths,
        each(growth_path_of),
        description="The growth paths that are for who holds their tier.",
    )
    def growth_paths(self) -> str:
        return self.key

    @loaded(
        list[Contract] | None,
        lambda context: context.contracts.contracts,
        each(contract_of),
        description="What they bought for a time or for life, latest sale first.",
    )
    def contracts(self, first: First = 20) -> tuple[str, int]:
        return self.key, checked_first(first)

    @loaded(
        list[MemberCoupon] | None,
        lambda context: context.coupons.coupons,
        each(member_coupon_of),
        description="The coupons that they were given, latest first.",
    )
    def coupons(self, first: First = 20) -> tuple[str, int]:
        return self.key, checked_first(first)

    @loaded(
        list[Badge] | None,
        lambda context: context.badges.badges,
        each(badge_of),
        description="The badges that they were given, latest first; revoked ones, too.",
    )
    def badges(self, first: First = 20) -> tuple[str, int]:
        return self.key, checked_first(first)

    @loaded(
        list[Redemption] | None,
        lambda context: context.rewards.redemptions,
        each(redemption_of),
        description="What they have of rewards, or had, latest first.",
    )
    def redemptions(self, first: First = 20) -> tuple[str, int]:
        return self.key, checked_first(first)

    @loaded(
        list[Notice] | None,
        lambda context: context.notices.notices,
        each(notice_of),
        description="What there is to tell them, latest first; what was withheld, too.",
    )
    def notices(self, first: First = 20) -> tuple[str, int]:
        return self.key, checked_first(first)

    @loaded(
        NoticePreferences | None,
        lambda context: context.notices.preferences,
        one(preferences_of),
        description="What they want to be told.",
    )
    def notice_preferences(self) -> str:
        return self.key

    @loaded(
        Risk | None,
        lambda context: context.risk.profile,
        one(risk_of),
        description="How far they can be trusted, and why.",
    )
    def risk(self) -> str:
        return self.key


def member_of(member: pb.Member) -> Member:
    """A member as the graph shows them."""
    return Member(key=member.member_id, message=member)
