"""What the graph shows of earning: how a rule counted points or why it gave none, also of what may happen."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import date, datetime

import strawberry

from laurel.benefits.v1 import benefits_pb2, earning_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.texts import render
from services.gateway.benefits.earning_loaders import PreviewKey
from services.gateway.benefits.types.tier_previews import TierPreview, tier_preview_of
from services.gateway.errors import InvalidInput
from services.gateway.languages import InLocale, language_of
from services.gateway.members.inputs import EventKind, NamedTextInput, by_name
from services.gateway.values import (
    AmountMinor,
    Long,
    NamedText,
    checked_time,
    texts_of,
    time_of,
    wire,
)

QUANTITY_MAX = 1_000_000


@strawberry.type(
    description=(
        "Why an earning rule gave nothing or less than it counted, or why the condition of a multiplier or "
        "of a segment does not hold."
    )
)
class EarningReason:
    code: str = strawberry.field(description="Code for programs, such as `EARNING_CAP_TIMES`.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")

    @strawberry.field(description="The reason as a sentence for people.")
    def text(self, locale: InLocale = None) -> str:
        language = language_of(locale)
        return render(self.code, {each.name: each.value for each in self.params}, language)


@strawberry.type(description="A multiplier of points.")
class EarningFactor:
    key: str = strawberry.field(description="Key of the multiplier; `tier` is the tier's own.")
    kind: str = strawberry.field(
        description="`multiplier`, where 13000 gives 30 % more, or `bonus`, where 3000 does."
    )
    bp: int = strawberry.field(description="How much, in basis points.")


@strawberry.type(
    description=(
        "How one earning rule counted points: floor(amountMinor / unitMinor) × pointsPerUnit, or else "
        "pointsPerEvent, times the multiplier, rounded once, and no more than the caps of the day left."
    )
)
class Earning:
    rule: str = strawberry.field(description="Key of the earning rule.")
    amount_minor: Long = strawberry.field(description="What was spent, in minor units.")
    unit_minor: Long = strawberry.field(
        description="Minor units that count as one; 0 where points are given for the event."
    )
    points_per_unit: Long = strawberry.field(description="Points for each unit.")
    points_per_event: Long = strawberry.field(description="Points for the event itself.")
    min_amount_minor: Long = strawberry.field(description="Below it the rule gives nothing.")
    multiplier_bp: int = strawberry.field(
        description="What multiplied the points; 10000 is 1. Rounded down where a product is no whole number."
    )
    tier: str = strawberry.field(description="Key of the tier held before the event.")
    points: Long = strawberry.field(description="What the rule gave.")
    factors: list[EarningFactor] = strawberry.field(
        description="The multipliers that held, where more than the tier's did."
    )
    stacking: str = strawberry.field(description="How these were joined: `max`, `sum` or `product`.")
    rounding: str = strawberry.field(description="How points were rounded: `floor` or `half_up`.")
    reason: EarningReason | None = strawberry.field(
        description="Why it gave nothing, or less than it counted; null where it gave all."
    )
    point_type: str | None = strawberry.field(
        description="Key of the type of the points; null where they are those that members redeem."
    )


@strawberry.type(description="A multiplier, and whether it would hold.")
class TriedMultiplier:
    factor: EarningFactor = strawberry.field(description="The multiplier.")
    reason: EarningReason | None = strawberry.field(description="Why it does not hold; null where it does.")


@strawberry.type(
    description=(
        "What an event would earn that did not happen, counted as events that do are. "
        "It is what the next event earns: the one after it may find another tier, or a cap that is reached."
    )
)
class PointsPreview:
    points: Long = strawberry.field(description="To redeem, by all rules together.")
    tier: str = strawberry.field(description="Key of the tier by which it is counted.")
    business_date: date = strawberry.field(description="The business day whose caps count.")
    active_time: datetime | None = strawberry.field(description="From when on the points could be spent.")
    expire_time: datetime | None = strawberry.field(description="When they would expire, if ever.")
    rules: list[Earning] = strawberry.field(
        description="Each earning rule of the program in their order, with why it would give nothing."
    )
    multipliers: list[TriedMultiplier] = strawberry.field(
        description="The tier's multiplier, and each of the program's with whether it would hold."
    )
    tiers: list[TierPreview] = strawberry.field(
        description=(
            "What it would do to each tier; empty where that cannot be told now: when what decides does not "
            "answer in time, or a review falls due before the event."
        )
    )


@strawberry.input(description="An event that did not happen, such as it would be recorded.")
class PointsPreviewInput:
    kind: EventKind = strawberry.field(description="What would happen; refunds earn nothing.")
    amount_minor: AmountMinor | None = strawberry.field(
        default=None, description="Minor units of the program's currency; of purchases only."
    )
    quantity: int | None = strawberry.field(
        default=None, description="How many pieces, 0 to 1,000,000; of purchases."
    )
    occurred_time: datetime | None = strawberry.field(
        default=None, description="When, with its zone; now, by the program's clock, when null."
    )
    store_id: str | None = strawberry.field(
        default=None, description="Store of the program where it would happen, if any."
    )
    source: str | None = strawberry.field(
        default=None,
        description="The partner that would tell of it; who asks, when that is one and this null.",
    )
    attributes: list[NamedTextInput] | None = strawberry.field(
        default=None, description="What else it would say, up to 20."
    )

    def key(self, member_id: str) -> PreviewKey:
        """What is loaded for a member."""
        if self.kind is EventKind.REFUND:
            raise InvalidInput("refunds earn nothing")
        if not 0 <= (self.quantity or 0) <= QUANTITY_MAX:
            raise InvalidInput(f"quantity must be between 0 and {QUANTITY_MAX}")
        return PreviewKey(
            member_id=member_id,
            kind=wire(self.kind),
            amount_minor=self.amount_minor or 0,
            occurred_time=checked_time(self.occurred_time),
            store_id=self.store_id or "",
            source=self.source or "",
            quantity=self.quantity or 0,
            attributes=tuple(sorted(by_name(self.attributes or []).items())),
        )


def earning_of(earning: benefits_pb2.EarningExplanation) -> Earning:
    """How a rule counted points, as the graph shows it."""
    return Earning(
        rule=earning.rule,
        amount_minor=Long(earning.amount_minor),
        unit_minor=Long(earning.unit_minor),
        points_per_unit=Long(earning.points_per_unit),
        points_per_event=Long(earning.points_per_event),
        min_amount_minor=Long(earning.min_amount_minor),
        multiplier_bp=earning.multiplier_bp,
        tier=earning.tier,
        points=Long(earning.points),
        factors=[_factor(each) for each in earning.factors],
        stacking=earning.stacking,
        rounding=earning.rounding,
        reason=reason_of(earning.reason) if earning.HasField("reason") else None,
        point_type=earning.point_type or None,
    )


def preview_of(preview: earning_pb2.PointsPreview) -> PointsPreview:
    """What an event would earn, as the graph shows it."""
    return PointsPreview(
        points=Long(preview.points),
        tier=preview.tier,
        business_date=date.fromisoformat(preview.business_date),
        active_time=time_of(preview, "active_time"),
        expire_time=time_of(preview, "expire_time"),
        rules=[earning_of(each) for each in preview.rules],
        multipliers=[
            TriedMultiplier(
                factor=_factor(each.factor),
                reason=reason_of(each.reason) if each.HasField("reason") else None,
            )
            for each in preview.multipliers
        ],
        tiers=[tier_preview_of(each) for each in preview.tiers],
    )


def reason_of(reason: receipts_pb2.Reason) -> EarningReason:
    """A reason as the graph shows it."""
    return EarningReason(code=reason.code, params=texts_of(reason.params))


def _factor(factor: benefits_pb2.EarningFactor) -> EarningFactor:
    return EarningFactor(key=factor.key, kind=factor.kind, bp=factor.bp)
