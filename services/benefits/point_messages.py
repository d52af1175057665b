"""Between the proto messages of tills and of points in use, and their domain."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from laurel.benefits.v1 import points_pb2, tills_pb2
from libs.common.errors import Refusal
from libs.common.rpc.time import timestamp
from services.benefits.domain.adjustments import Adjustment
from services.benefits.domain.earning import redeemable
from services.benefits.domain.holds import Hold
from services.benefits.domain.quotes import Quote
from services.benefits.earning_messages import earning_message, tier_ahead_message


def hold_message(held: Hold) -> tills_pb2.PointsHold:
    """A hold, as it is now."""
    charge = held.charge
    return tills_pb2.PointsHold(
        hold_id=held.hold_id,
        member_id=charge.member_id,
        source=charge.source,
        external_ref=charge.external_ref,
        line=charge.line,
        points=held.points,
        money_minor=charge.money_minor,
        state=tills_pb2.HoldState.Value(f"HOLD_STATE_{held.state.upper()}"),
        captured_points=held.captured,
        returned_points=held.returned,
        kept_minor=held.kept_minor,
        since_time=timestamp(held.held_time),
        expires_time=_optional(held.expires_time),
        point_type=charge.point_type,
    )


def quote_message(quote: Quote) -> tills_pb2.QuoteResponse:
    """What a basket would come to."""
    return tills_pb2.QuoteResponse(
        lines=[
            tills_pb2.LineQuote(
                ref=line.ref,
                points=redeemable(given),
                earnings=map(earning_message, given),
            )
            for line, given in quote.lines
        ],
        earned_points=quote.earned_points,
        tier=quote.tier,
        available_points=quote.available_points,
        redeemable_points=quote.offer.points,
        redeemable_minor=quote.offer.money_minor,
        reasons=map(_reason_message, quote.offer.reasons),
        tiers=map(tier_ahead_message, quote.tiers),
    )


def _reason_message(refusal: Refusal) -> tills_pb2.QuoteReason:
    """Why no more may be redeemed, as the refusal would say it."""
    facts = {name: str(fact) for name, fact in refusal.facts.items()}
    return tills_pb2.QuoteReason(reason=refusal.reason, facts=facts)


def adjustment_message(adjustment: Adjustment) -> points_pb2.Adjustment:
    """An adjustment, as it is now."""
    return points_pb2.Adjustment(
        adjustment_id=adjustment.adjustment_id,
        member_id=adjustment.member_id,
        points=adjustment.points,
        reason=adjustment.reason,
        state=points_pb2.AdjustmentState.Value(f"ADJUSTMENT_STATE_{adjustment.state.upper()}"),
        asked_by=adjustment.asked_by,
        decided_by=adjustment.decided_by,
        asked_time=timestamp(adjustment.asked_time),
        decided_time=_optional(adjustment.decided_time),
        transaction_id=adjustment.transaction_id,
    )


def _optional(time: datetime | None) -> Timestamp | None:
    return None if time is None else timestamp(time)
