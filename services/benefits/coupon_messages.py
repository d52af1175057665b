"""Between the proto messages of coupons and their domain."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.common.birthdays import Care
from libs.common.rpc.time import moment, timestamp
from services.benefits.domain.coupon_quotes import CouponName, Discount, Quote, Refused
from services.benefits.domain.coupon_reservations import Reservation
from services.benefits.domain.coupon_texts import coupon_text
from services.benefits.domain.coupons import Campaign, CouponKind, Shown, Step, Terms
from services.benefits.domain.discounts import Basket

_KINDS = MappingProxyType({pb.CouponKind.Value(f"COUPON_KIND_{kind}"): kind for kind in CouponKind})

_CARES: Mapping[pb.CouponBirthday.ValueType, Care] = MappingProxyType(
    {pb.COUPON_BIRTHDAY_DAY: "day", pb.COUPON_BIRTHDAY_MONTH: "month"}
)
_BIRTHDAYS: Mapping[Care | None, pb.CouponBirthday.ValueType] = MappingProxyType(
    {care: birthday for birthday, care in _CARES.items()} | {None: pb.COUPON_BIRTHDAY_UNSPECIFIED}
)


def terms_of(message: pb.CouponTerms) -> Terms:
    """Terms as they were asked for; a coupon is used once where they do not say."""
    return Terms(
        kind=_KINDS[message.kind],
        off_bp=message.off_bp,
        off_minor=message.off_minor,
        steps=tuple(Step(each.from_minor, each.off_minor) for each in message.steps),
        off_max_minor=message.off_max_minor,
        start_time=moment(message.start_time),
        end_time=moment(message.end_time),
        uses_per_coupon_max=message.uses_per_coupon_max or 1,
        uses_per_member_max=message.uses_per_member_max,
        uses_max=message.uses_max,
        budget_minor=message.budget_minor,
        exclusive=message.stacking == pb.COUPON_STACKING_EXCLUSIVE,
        priority=message.priority,
        tiers=tuple(message.tiers),
        basket_min_minor=message.basket_min_minor,
        first_order_only=message.first_order_only,
        birthday=_CARES.get(message.birthday),
        returnable=message.returnable,
    )


def basket_of(message: pb.CouponBasket) -> Basket:
    """A basket, its lines in the order of their numbers."""
    lines = sorted((each.line, each.amount_minor) for each in message.lines)
    return Basket(tuple(lines), message.shipping_minor)


def name_of(message: pb.CouponKey) -> CouponName:
    """A coupon as somebody names it."""
    return CouponName(code=message.code, coupon_id=message.coupon_id)


def campaign_message(campaign: Campaign, open_uses: tuple[int, int] | None = None) -> pb.CouponCampaign:
    """A campaign; with counts where it is known how many uses, and how much, are not paid yet."""
    paused = pb.COUPON_CAMPAIGN_STATUS_PAUSED
    return pb.CouponCampaign(
        campaign=campaign.key,
        name_zh=campaign.name.zh,
        name_en=campaign.name.en,
        terms=_terms_message(campaign.terms),
        status=paused if campaign.paused else pb.COUPON_CAMPAIGN_STATUS_LIVE,
        created_time=timestamp(campaign.created_time),
        counts=None if open_uses is None else _counts(campaign, *open_uses),
    )


def _counts(campaign: Campaign, reserved_count: int, reserved_minor: int) -> pb.CouponCounts:
    return pb.CouponCounts(
        codes_count=campaign.codes_count,
        issued_count=campaign.issued_count,
        void_count=campaign.void_count,
        reserved_count=reserved_count,
        used_count=campaign.taken_count - reserved_count,
        reserved_minor=reserved_minor,
        used_minor=campaign.taken_minor - reserved_minor,
    )


def _terms_message(terms: Terms) -> pb.CouponTerms:
    stacking = pb.COUPON_STACKING_EXCLUSIVE if terms.exclusive else pb.COUPON_STACKING_STACKABLE
    return pb.CouponTerms(
        kind=_kind(terms.kind),
        off_bp=terms.off_bp,
        off_minor=terms.off_minor,
        steps=[pb.CouponStep(from_minor=each.from_minor, off_minor=each.off_minor) for each in terms.steps],
        off_max_minor=terms.off_max_minor,
        start_time=timestamp(terms.start_time),
        end_time=timestamp(terms.end_time),
        uses_per_coupon_max=terms.uses_per_coupon_max,
        uses_per_member_max=terms.uses_per_member_max,
        uses_max=terms.uses_max,
        budget_minor=terms.budget_minor,
        stacking=stacking,
        priority=terms.priority,
        tiers=terms.tiers,
        basket_min_minor=terms.basket_min_minor,
        first_order_only=terms.first_order_only,
        birthday=_BIRTHDAYS[terms.birthday],
        returnable=terms.returnable,
    )


def shown_message(shown: Shown) -> pb.Coupon:
    """A coupon as it is now."""
    coupon = shown.coupon
    return pb.Coupon(
        coupon_id=coupon.coupon_id,
        campaign=shown.campaign.key,
        member_id=coupon.member_id,
        ending=coupon.ending,
        status=pb.CouponStatus.Value(f"COUPON_STATUS_{shown.status}"),
        reserved_count=shown.reserved_count,
        used_count=coupon.taken_count - shown.reserved_count,
        created_time=timestamp(coupon.created_time),
    )


def quote_message(quote: Quote, currency: str) -> pb.CouponQuote:
    """What a basket costs."""
    numbers = [line for line, _ in quote.basket.lines]
    return pb.CouponQuote(
        currency=currency,
        goods_minor=quote.basket.goods_minor,
        shipping_minor=quote.basket.shipping_minor,
        off_minor=quote.goods_off_minor,
        shipping_off_minor=quote.shipping_off_minor,
        pay_minor=quote.pay_minor,
        cashback_minor=quote.cashback_minor,
        discounts=[_discount(each, quote, numbers) for each in quote.discounts],
        refused=[_refused(each, currency) for each in quote.refused],
        lines=_lines(numbers, quote.line_offs()),
        quoted_time=timestamp(quote.time),
    )


def _discount(discount: Discount, quote: Quote, numbers: Sequence[int]) -> pb.CouponDiscount:
    message = pb.CouponDiscount(
        place=discount.place,
        off_minor=discount.off.goods_minor,
        shipping_off_minor=discount.off.shipping_minor,
        cashback_minor=discount.off.cashback_minor,
        lines=_lines(numbers, discount.off.lines),
    )
    if discount.coupon is not None and discount.campaign is not None:
        message.coupon_id, message.campaign = discount.coupon.coupon_id, discount.campaign.key
        message.name_zh, message.name_en = discount.campaign.name.zh, discount.campaign.name.en
        message.kind = _kind(discount.campaign.terms.kind)
    elif quote.tier is not None:
        message.tier, message.kind = quote.tier.tier, pb.COUPON_KIND_PERCENTAGE
        message.name_zh, message.name_en = quote.tier.name.zh, quote.tier.name.en
    return message


def _refused(refused: Refused, currency: str) -> pb.RefusedCoupon:
    coupon, campaign = refused.candidate.coupon, refused.candidate.campaign
    return pb.RefusedCoupon(
        place=refused.candidate.place,
        coupon_id="" if coupon is None else coupon.coupon_id,
        campaign="" if campaign is None else campaign.key,
        why=pb.CouponRefusal.Value(f"COUPON_REFUSAL_{refused.why}"),
        params=refused.params,
        text_zh=coupon_text(refused, currency, "zh"),
        text_en=coupon_text(refused, currency, "en"),
    )


def _lines(numbers: Iterable[int], offs: Iterable[int]) -> list[pb.LineDiscount]:
    """The lines that something is taken off; discounts on the shipping have none."""
    return [
        pb.LineDiscount(line=line, off_minor=off) for line, off in zip(numbers, offs, strict=False) if off
    ]


def reservation_message(reservation: Reservation) -> pb.CouponReservation:
    """Coupons of a check."""
    return pb.CouponReservation(
        reservation_id=reservation.reservation_id,
        check_ref=reservation.check_ref,
        source=reservation.source,
        member_id=reservation.member_id,
        status=pb.CouponReservationStatus.Value(f"COUPON_RESERVATION_STATUS_{reservation.status.name}"),
        quote=pb.CouponQuote.FromString(reservation.quote),
        reserved_time=timestamp(reservation.reserved_time),
        expire_time=timestamp(reservation.expire_time),
        returned_coupon_ids=reservation.returned_coupon_ids,
    )


def _kind(kind: CouponKind) -> pb.CouponKind.ValueType:
    return pb.CouponKind.Value(f"COUPON_KIND_{kind}")
