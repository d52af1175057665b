"""What the graph shows of a basket with coupons: what it costs, and why a coupon does not count."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import coupons_pb2 as pb
from services.gateway.benefits.types.coupons import CouponKind
from services.gateway.languages import InLocale, language_of
from services.gateway.values import AmountMinor, LocalName, Long, NamedText, known, texts_of, time_of


@strawberry.enum(description="Why a coupon does not count.")
class CouponRefusal(Enum):
    UNKNOWN = strawberry.enum_value(
        pb.COUPON_REFUSAL_UNKNOWN, description="There is no such coupon, or it is another member's."
    )
    VOID = strawberry.enum_value(pb.COUPON_REFUSAL_VOID, description="Somebody took it out of use.")
    USED_UP = strawberry.enum_value(pb.COUPON_REFUSAL_USED_UP, description="Its uses are taken.")
    NOT_STARTED = strawberry.enum_value(
        pb.COUPON_REFUSAL_NOT_STARTED, description="The campaign begins later."
    )
    ENDED = strawberry.enum_value(pb.COUPON_REFUSAL_ENDED, description="The campaign is over.")
    PAUSED = strawberry.enum_value(pb.COUPON_REFUSAL_PAUSED, description="The campaign is stopped.")
    CAMPAIGN_USED_UP = strawberry.enum_value(
        pb.COUPON_REFUSAL_CAMPAIGN_USED_UP, description="The campaign's uses are taken."
    )
    BUDGET_SPENT = strawberry.enum_value(
        pb.COUPON_REFUSAL_BUDGET_SPENT, description="The campaign's budget does not suffice any more."
    )
    MEMBER_LIMIT = strawberry.enum_value(
        pb.COUPON_REFUSAL_MEMBER_LIMIT, description="The member has used it as often as they may."
    )
    WRONG_TIER = strawberry.enum_value(pb.COUPON_REFUSAL_WRONG_TIER, description="Not for the member's tier.")
    BASKET_TOO_SMALL = strawberry.enum_value(
        pb.COUPON_REFUSAL_BASKET_TOO_SMALL, description="The goods cost too little; `missing` says how much."
    )
    NOT_FIRST_ORDER = strawberry.enum_value(
        pb.COUPON_REFUSAL_NOT_FIRST_ORDER, description="For first orders only."
    )
    NOT_BIRTHDAY = strawberry.enum_value(
        pb.COUPON_REFUSAL_NOT_BIRTHDAY, description="It is for the member's birthday, the day itself."
    )
    NOT_BIRTHDAY_MONTH = strawberry.enum_value(
        pb.COUPON_REFUSAL_NOT_BIRTHDAY_MONTH, description="It is for the month of the member's birthday."
    )
    BIRTHDAY_USED = strawberry.enum_value(
        pb.COUPON_REFUSAL_BIRTHDAY_USED, description="The member has used it for this year's birthday."
    )
    SAME_CAMPAIGN = strawberry.enum_value(
        pb.COUPON_REFUSAL_SAME_CAMPAIGN, description="Another coupon of the campaign counts."
    )
    EXCLUSIVE = strawberry.enum_value(
        pb.COUPON_REFUSAL_EXCLUSIVE, description="It goes with no other coupon, and others count."
    )
    EXCLUDED = strawberry.enum_value(
        pb.COUPON_REFUSAL_EXCLUDED, description="A coupon counts that goes with no other."
    )
    TOO_MANY = strawberry.enum_value(
        pb.COUPON_REFUSAL_TOO_MANY, description="As many coupons count as a check may have."
    )
    NOTHING_LEFT = strawberry.enum_value(
        pb.COUPON_REFUSAL_NOTHING_LEFT, description="Nothing is left that it could take off."
    )


@strawberry.input(description="A line of a basket.")
class BasketLineInput:
    line: int = strawberry.field(description="Its number, each once.")
    amount_minor: AmountMinor = strawberry.field(description="What it costs in all, before any discount.")


@strawberry.input(description="A basket, and the coupons that it is to be paid with.")
class QuoteCouponsInput:
    member_id: strawberry.ID = strawberry.field(
        description="Who buys: the global id, or the platform's own `mem_…`."
    )
    currency: str = strawberry.field(description="ISO 4217, which must be the program's.")
    lines: list[BasketLineInput] = strawberry.field(description="The goods, 1 to 100 lines.")
    shipping_minor: AmountMinor = strawberry.field(
        default=AmountMinor(0), description="What shipping costs, besides the goods."
    )
    codes: list[str] = strawberry.field(
        default_factory=list, description="Codes as they were typed, up to 20 with the ids."
    )
    coupon_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Coupons that the member was given."
    )

    def basket(self) -> pb.CouponBasket:
        """The basket as benefits takes it."""
        lines = [pb.BasketLine(line=each.line, amount_minor=each.amount_minor) for each in self.lines]
        return pb.CouponBasket(currency=self.currency, lines=lines, shipping_minor=self.shipping_minor)

    def names(self) -> list[pb.CouponKey]:
        """The coupons as benefits takes them, codes first."""
        codes = [pb.CouponKey(code=each) for each in self.codes]
        return [*codes, *(pb.CouponKey(coupon_id=each) for each in self.coupon_ids)]


@strawberry.type(description="A part of a discount.")
class LineDiscount:
    line: int = strawberry.field(description="The line of the basket.")
    off_minor: Long = strawberry.field(description="What is taken off it, or given back for it.")


@strawberry.type(description="A discount that counts: of a coupon, or of the member's tier.")
class CouponDiscount:
    place: int = strawberry.field(
        description="Which coupon: codes as they were asked for, from 1, then ids; 0 for the tier's discount."
    )
    tier: str | None = strawberry.field(description="Key of the tier, of its discount.")
    coupon_id: strawberry.ID | None = strawberry.field(description="The coupon, of its discount.")
    campaign_key: str | None = strawberry.field(description="Key of its campaign.")
    name: LocalName = strawberry.field(description="Name of the campaign, or of the tier.")
    kind: CouponKind | None = strawberry.field(description="What kind it is.")
    off_minor: Long = strawberry.field(description="What it takes off the goods.")
    shipping_off_minor: Long = strawberry.field(description="What it takes off the shipping.")
    cashback_minor: Long = strawberry.field(description="What is given back later.")
    lines: list[LineDiscount] = strawberry.field(
        description="How it is made up of the lines, by which one that is returned is refunded."
    )


@strawberry.type(description="A coupon that does not count.")
class RefusedCoupon:
    zh: strawberry.Private[str]
    en: strawberry.Private[str]
    place: int = strawberry.field(description="Which coupon: codes as they were asked for, from 1, then ids.")
    campaign_key: str | None = strawberry.field(description="Key of its campaign, if it is known.")
    why: CouponRefusal | None = strawberry.field(description="Why.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")

    @strawberry.field(description="Why, as a sentence for people.")
    def text(self, locale: InLocale = None) -> str:
        return self.zh if language_of(locale) == "zh" else self.en


@strawberry.type(description="What a basket costs. Nothing is taken: a till reserves what is to be used.")
class CouponQuote:
    currency: str = strawberry.field(description="ISO 4217.")
    goods_minor: Long = strawberry.field(description="The goods before any discount.")
    shipping_minor: Long = strawberry.field(description="The shipping before any discount.")
    off_minor: Long = strawberry.field(description="Taken off the goods in all.")
    shipping_off_minor: Long = strawberry.field(description="Taken off the shipping.")
    pay_minor: Long = strawberry.field(description="To be paid for both.")
    cashback_minor: Long = strawberry.field(description="Given back later.")
    discounts: list[CouponDiscount] = strawberry.field(
        description="What counts, in the order in which it was counted."
    )
    refused: list[RefusedCoupon] = strawberry.field(description="What does not count, and why.")
    lines: list[LineDiscount] = strawberry.field(description="What is taken off each line in all.")
    quoted_time: datetime | None = strawberry.field(description="The program's time of it.")


def quote_of(quote: pb.CouponQuote) -> CouponQuote:
    """What a basket costs as the graph shows it."""
    return CouponQuote(
        currency=quote.currency,
        goods_minor=Long(quote.goods_minor),
        shipping_minor=Long(quote.shipping_minor),
        off_minor=Long(quote.off_minor),
        shipping_off_minor=Long(quote.shipping_off_minor),
        pay_minor=Long(quote.pay_minor),
        cashback_minor=Long(quote.cashback_minor),
        discounts=[_discount(each) for each in quote.discounts],
        refused=[_refused(each) for each in quote.refused],
        lines=_lines(quote.lines),
        quoted_time=time_of(quote, "quoted_time"),
    )


def _discount(discount: pb.CouponDiscount) -> CouponDiscount:
    return CouponDiscount(
        place=discount.place,
        tier=discount.tier or None,
        coupon_id=strawberry.ID(discount.coupon_id) if discount.coupon_id else None,
        campaign_key=discount.campaign or None,
        name=LocalName(zh=discount.name_zh, en=discount.name_en),
        kind=known(CouponKind, discount.kind),
        off_minor=Long(discount.off_minor),
        shipping_off_minor=Long(discount.shipping_off_minor),
        cashback_minor=Long(discount.cashback_minor),
        lines=_lines(discount.lines),
    )


def _refused(refused: pb.RefusedCoupon) -> RefusedCoupon:
    return RefusedCoupon(
        zh=refused.text_zh,
        en=refused.text_en,
        place=refused.place,
        campaign_key=refused.campaign or None,
        why=known(CouponRefusal, refused.why),
        params=texts_of(refused.params),
    )


def _lines(lines: Iterable[pb.LineDiscount]) -> list[LineDiscount]:
    return [LineDiscount(line=each.line, off_minor=Long(each.off_minor)) for each in lines]
