"""What the graph shows of tiers ahead: where an event that did not happen would leave a member."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

import strawberry

from laurel.benefits.v1 import earning_pb2
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.decisions import Reason, TierOutcome, reasons_of
from services.gateway.benefits.types.memberships import Progress, progress_of
from services.gateway.benefits.types.tier_sets import Tier, tier_of
from services.gateway.context import Context
from services.gateway.sources import loaded
from services.gateway.values import known


@strawberry.type(description="What an event would do to a tier, decided by what decides when it comes.")
class TierPreview:
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier_key: str = strawberry.field(description="Key of the tier held before, earned or by contract.")
    tier_after_key: str = strawberry.field(description="Key of the tier held after.")
    outcome: TierOutcome | None = strawberry.field(
        description="What the decision would do to the tier that is earned."
    )
    reasons: list[Reason] = strawberry.field(description="Why, with what would still be missing.")
    progress: Progress | None = strawberry.field(
        description="What would be missing for the next tier; null where none is left to be earned."
    )

    @loaded(
        Tier | None,
        lambda context: context.benefits.program,
        lambda held, live: tier_of(parsed(live.document), tier_set=held.tier_set, tier=held.tier_after_key),
        description="The tier held after; null when the live program does not have it.",
    )
    def tier_after(self, context: Context) -> str:
        return context.program_id


def tier_preview_of(tier: earning_pb2.TierPreview) -> TierPreview:
    """What an event would do to a tier, as the graph shows it."""
    return TierPreview(
        tier_set=tier.tier_set,
        tier_key=tier.tier,
        tier_after_key=tier.tier_after,
        outcome=known(TierOutcome, tier.outcome),
        reasons=reasons_of(tier.tier_set, tier.reasons),
        progress=progress_of(tier.tier_set, tier.next),
    )
