"""What the graph shows of tiers held: the membership, what is missing for the next tier, the history."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2, events_pb2
from laurel.scoring.v1 import receipts_pb2
from services.gateway.benefits.decision_loaders import Target
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.loaders import MembershipKey
from services.gateway.benefits.types.decisions import (
    Decision,
    Reason,
    TierOutcome,
    decision_of,
    reasons_of,
)
from services.gateway.benefits.types.overrides import TierOverrideInForce, in_force_of
from services.gateway.benefits.types.paths import Keeping, TierPaths, keeping_of, paths_of
from services.gateway.benefits.types.tier_sets import Tier, tier_of
from services.gateway.context import Context
from services.gateway.sources import loaded
from services.gateway.values import Long, checked_first, checked_time, known, time_of


@strawberry.type(description="How far one condition of the next tier is from being met.")
class Gap:
    path: str = strawberry.field(description="Where it stands in the tier's rule.")
    metric: str = strawberry.field(description="What is measured, such as `spend`.")
    value: Long = strawberry.field(description="What there is.")
    threshold: Long = strawberry.field(description="What is asked.")
    missing: Long = strawberry.field(description="What is missing; 0 when met.")


@strawberry.type(description="What is missing for the next tier.")
class Progress:
    tier_set: strawberry.Private[str]
    tier_key: str = strawberry.field(description="Key of the tier above.")
    gaps: list[Gap] = strawberry.field(
        description="One per condition of it; where the rule says `any`, one of them is enough."
    )

    @loaded(
        Tier | None,
        lambda context: context.benefits.program,
        lambda held, live: tier_of(parsed(live.document), tier_set=held.tier_set, tier=held.tier_key),
        description="The tier above; null when the live program does not have it.",
    )
    def tier(self, context: Context) -> str:
        return context.program_id


@strawberry.type(description="A tier that was held from a time on.")
class TierChange:
    from_tier: str | None = strawberry.field(
        name="from", description="Key of the tier before; null at registration."
    )
    to_tier: str = strawberry.field(name="to", description="Key of the tier after.")
    outcome: TierOutcome | None = strawberry.field(description="What the decision did.")
    valid_from: datetime | None = strawberry.field(description="Since when it was held.")
    valid_to: datetime | None = strawberry.field(description="Until when; null for the tier held now.")
    reasons: list[Reason] = strawberry.field(description="Why.")


@strawberry.type(description="A member's standing in one tier set.")
class Membership:
    message: strawberry.Private[pb.Membership]
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier_key: str = strawberry.field(
        description="Key of the tier held: the higher one of what they earned and what a contract grants."
    )

    @strawberry.field(description="Key of the tier that they earned, or that staff gave them by hand.")
    def earned_tier_key(self) -> str:
        return self.message.earned_tier

    @strawberry.field(description="The contract that grants the tier; null where they earned it.")
    def contract_id(self) -> strawberry.ID | None:
        return strawberry.ID(self.message.contract_id) if self.message.contract_id else None

    @strawberry.field(description="Since when the tier is held.")
    def since(self) -> datetime | None:
        return time_of(self.message, "since_time")

    @strawberry.field(description="When the earned tier is looked at again; null where it never is.")
    def review_time(self) -> datetime | None:
        return time_of(self.message, "review_time")

    @strawberry.field(
        description="The earned tier is held by grace until then: it was not met at the review before."
    )
    def in_grace(self) -> bool:
        return self.message.in_grace

    @strawberry.field(
        description="What staff decided of the earned tier by hand; null where nothing of it is in force."
    )
    def override(self) -> TierOverrideInForce | None:
        return in_force_of(self.message.override) if self.message.HasField("override") else None

    @strawberry.field(
        description="What is missing for the next tier; null where only a contract brings a higher one."
    )
    def progress(self) -> Progress | None:
        return progress_of(self.tier_set, self.message.decision.receipt.next)

    @loaded(
        Tier | None,
        lambda context: context.benefits.program,
        lambda held, live: tier_of(parsed(live.document), tier_set=held.tier_set, tier=held.tier_key),
        description="The tier held; null when the live program no longer has it.",
    )
    def tier(self, context: Context) -> str:
        return context.program_id

    @strawberry.field(description="The latest decision, which is about the earned tier.")
    def decision(self) -> Decision | None:
        return decision_of(self.message.decision) if self.message.HasField("decision") else None

    @loaded(
        list[TierChange] | None,
        lambda context: context.benefits.tier_changes,
        lambda held, changes: [tier_change_of(held.tier_set, change) for change in changes],
        description="The tiers earned, latest first.",
    )
    def history(
        self, first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20
    ) -> tuple[str, tuple[str, int]]:
        return self.message.member_id, (self.tier_set, checked_first(first))

    @loaded(
        TierPaths | None,
        lambda context: context.decisions.paths,
        lambda held, found: paths_of(held.tier_set, found),
        description=(
            "The cheapest ways to a tier by a time, each fed back to the decision; null where the ladder has "
            "no such tier, or none above. At most 20 of these and of `keeping` in one request."
        ),
    )
    def paths(
        self,
        target_tier: Annotated[
            str | None, strawberry.argument(description="Key of the tier; the next one above when null.")
        ] = None,
        by: Annotated[
            datetime | None,
            strawberry.argument(description="By when, ten years ahead at most; 90 days from now when null."),
        ] = None,
    ) -> tuple[MembershipKey, Target]:
        return self.key, (target_tier or "", checked_time(by))

    @loaded(
        Keeping | None,
        lambda context: context.decisions.keeping,
        lambda held, kept: keeping_of(held.tier_set, kept),
        description=(
            "What keeps the earned tier at its review, and what stops counting until then. "
            "At most 20 of these and of `paths` in one request."
        ),
    )
    def keeping(self) -> MembershipKey:
        return self.key

    @property
    def key(self) -> MembershipKey:
        """The member and the tier set."""
        return MembershipKey(member_id=self.message.member_id, tier_set=self.tier_set)


def membership_of(membership: pb.Membership) -> Membership:
    """A membership as the graph shows it."""
    return Membership(message=membership, tier_set=membership.tier_set, tier_key=membership.tier)


def progress_of(tier_set: str, following: receipts_pb2.NextTier) -> Progress | None:
    """What is missing for the next tier; None where there is none to be earned."""
    if not following.gaps:
        return None
    return Progress(tier_set=tier_set, tier_key=following.tier, gaps=gaps_of(following.gaps))


def gaps_of(gaps: Iterable[receipts_pb2.Gap | entitlements_pb2.GrowthGap]) -> list[Gap]:
    """Conditions that are not met as the graph shows them."""
    return [
        Gap(
            path=gap.path,
            metric=gap.metric,
            value=Long(gap.value),
            threshold=Long(gap.threshold),
            missing=Long(gap.missing),
        )
        for gap in gaps
    ]


def tier_change_of(tier_set: str, change: events_pb2.TierChange) -> TierChange:
    return TierChange(
        from_tier=change.from_tier or None,
        to_tier=change.to_tier,
        outcome=known(TierOutcome, change.outcome),
        valid_from=time_of(change, "valid_from"),
        valid_to=time_of(change, "valid_to"),
        reasons=reasons_of(tier_set, change.reasons),
    )
