"""Between the proto messages of earning and its domain."""

from collections.abc import Sequence
from types import MappingProxyType

from laurel.benefits.v1 import benefits_pb2, earning_pb2
from laurel.members.v1 import events_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import moment, timestamp
from services.benefits.domain.ahead import TierAhead
from services.benefits.domain.earning import Earning
from services.benefits.domain.earning_previews import PossibleEvent, Preview
from services.benefits.domain.earning_reasons import Params
from services.benefits.domain.earning_situations import Factor, TriedFactor

EVENT_KINDS = MappingProxyType(
    {number: name.removeprefix("EVENT_KIND_").lower() for name, number in events_pb2.EventKind.items()}
)


def possible_event(event: earning_pb2.PossibleEvent, source: str) -> PossibleEvent:
    """An event as it is asked about; of this source where it names none."""
    return PossibleEvent(
        member_id=event.member_id,
        kind=EVENT_KINDS[event.kind],
        amount_minor=event.amount_minor,
        occurred_time=moment(event.occurred_time) if event.HasField("occurred_time") else None,
        store_id=event.store_id,
        source=event.source or source,
        attributes=dict(event.attributes),
        quantity=event.quantity,
    )


def preview_message(preview: Preview, tiers: Sequence[TierAhead]) -> earning_pb2.PointsPreview:
    """What an event would earn, and do to tiers."""
    expires = preview.expire_time
    return earning_pb2.PointsPreview(
        points=preview.points,
        tier=preview.tier,
        business_date=preview.business_date.isoformat(),
        active_time=timestamp(preview.active_time),
        expire_time=None if expires is None else timestamp(expires),
        rules=[earning_message(each) for each in preview.rules],
        multipliers=[_tried_message(each) for each in preview.multipliers],
        tiers=map(tier_ahead_message, tiers),
    )


def tier_ahead_message(ahead: TierAhead) -> earning_pb2.TierPreview:
    """What events would do to a tier."""
    receipt = receipts_pb2.Receipt.FromString(ahead.decision.receipt)
    return earning_pb2.TierPreview(
        tier_set=ahead.tier_set,
        tier=ahead.tier,
        tier_after=ahead.tier_after,
        outcome=receipt.outcome,
        reasons=receipt.reasons,
        next=receipt.next if receipt.HasField("next") else None,
    )


def earning_message(earning: Earning) -> benefits_pb2.EarningExplanation:
    """How a rule counted points, or why it gave nothing."""
    return benefits_pb2.EarningExplanation(
        rule=earning.rule,
        amount_minor=earning.amount_minor,
        unit_minor=earning.unit_minor,
        points_per_unit=earning.points_per_unit,
        multiplier_bp=earning.multiplier_bp,
        tier=earning.tier,
        points=earning.points,
        points_per_event=earning.points_per_event,
        min_amount_minor=earning.min_amount_minor,
        factors=[_factor_message(each) for each in earning.factors],
        stacking=earning.stacking,
        rounding=earning.rounding,
        reason=reason_message(earning.reason, earning.params),
        point_type=earning.point_type,
    )


def _tried_message(tried: TriedFactor) -> earning_pb2.TriedMultiplier:
    return earning_pb2.TriedMultiplier(
        factor=_factor_message(tried.factor), reason=reason_message(tried.reason, tried.params)
    )


def _factor_message(factor: Factor) -> benefits_pb2.EarningFactor:
    return benefits_pb2.EarningFactor(key=factor.key, kind=factor.kind, bp=factor.bp)


def reason_message(code: str, params: Params) -> receipts_pb2.Reason | None:
    """Why something does not hold, or gave nothing; None where there is no such reason."""
    return receipts_pb2.Reason(code=code, params=dict(params)) if code else None
