"""Discounts: what each takes off a basket, in whole minor units, and how that is made up of the lines.

Every share is floored, so that no discount gives more than it says; and each
counts by what those before it have left, so that all of them together never
take more than there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.documents import WHOLE_BP
from services.benefits.domain.coupons import CouponKind, Terms


@dataclass(frozen=True, slots=True)
class Basket:
    """What somebody is about to buy: the price of each line, and of the shipping."""

    lines: tuple[tuple[int, int], ...]
    shipping_minor: int = 0

    @property
    def goods_minor(self) -> int:
        return sum(amount for _, amount in self.lines)


@dataclass(frozen=True, slots=True)
class Off:
    """What one discount takes off the goods, line by line, off the shipping, or gives back later."""

    goods_minor: int = 0
    shipping_minor: int = 0
    cashback_minor: int = 0
    lines: tuple[int, ...] = ()

    @property
    def total_minor(self) -> int:
        """What it costs whoever pays for it."""
        return self.goods_minor + self.shipping_minor + self.cashback_minor


@dataclass(slots=True)
class Left:
    """What is left of a basket while discounts are taken off it.

    `lines` is what is to be paid for each line, `unreturned` what of it no
    cashback gives back, and `room_minor` the most that discounts may still take.
    """

    basket: Basket
    room_minor: int
    lines: list[int]
    unreturned: list[int]
    shipping_minor: int

    @classmethod
    def of(cls, basket: Basket, off_max_bp: int) -> "Left":
        """All of a basket, of whose goods discounts take such a share at most."""
        amounts = [amount for _, amount in basket.lines]
        room = share(basket.goods_minor, off_max_bp)
        return cls(basket, room, amounts, list(amounts), basket.shipping_minor)

    @property
    def goods_minor(self) -> int:
        return sum(self.lines)

    def tier_off(self, discount_bp: int) -> Off:
        """What a tier takes off whose members pay `discount_bp` of a price."""
        return self._of_goods(share(self.goods_minor, WHOLE_BP - discount_bp))

    def off(self, terms: Terms) -> Off:
        """What a coupon takes off what is left."""
        bound = terms.off_max_minor or self.basket.goods_minor + self.basket.shipping_minor
        match terms.kind:
            case CouponKind.FREE_SHIPPING:
                return Off(shipping_minor=min(self.shipping_minor, bound))
            case CouponKind.CASHBACK:
                wanted = terms.off_minor or share(self.goods_minor, terms.off_bp)
                return self._cashback(min(wanted, bound))
            case CouponKind.PERCENTAGE:
                return self._of_goods(min(share(self.goods_minor, terms.off_bp), bound))
            case CouponKind.AMOUNT:
                return self._of_goods(min(terms.off_minor, bound))
            case CouponKind.THRESHOLD:
                return self._of_goods(min(step_off(terms, self.basket.goods_minor), bound))

    def take(self, off: Off) -> None:
        """Take a discount off what is left."""
        if off.goods_minor:
            self.lines = _less(self.lines, off.lines)
        if off.goods_minor or off.cashback_minor:
            self.unreturned = _less(self.unreturned, off.lines)
        self.shipping_minor -= off.shipping_minor
        self.room_minor -= off.goods_minor + off.cashback_minor

    def _of_goods(self, wanted: int) -> Off:
        off = min(wanted, self.goods_minor, self.room_minor)
        return Off(goods_minor=off, lines=tuple(allocated(off, self.lines)))

    def _cashback(self, wanted: int) -> Off:
        off = min(wanted, sum(self.unreturned), self.room_minor)
        return Off(cashback_minor=off, lines=tuple(allocated(off, self.unreturned)))


def _less(amounts: Sequence[int], parts: Sequence[int]) -> list[int]:
    return [amount - part for amount, part in zip(amounts, parts, strict=True)]


def share(amount_minor: int, bp: int) -> int:
    """A share of an amount, floored to whole minor units."""
    return amount_minor * bp // WHOLE_BP


def step_off(terms: Terms, goods_minor: int) -> int:
    """What the highest step takes off that the goods reach; nothing below the first."""
    return max((each.off_minor for each in terms.steps if goods_minor >= each.from_minor), default=0)


def allocated(off: int, amounts: Sequence[int]) -> list[int]:
    """An amount divided by others, in whole units, by largest remainder; of equal ones the first goes first.

    No part is larger than what it is a part of, as long as the whole is not.
    """
    total = sum(amounts)
    if not total:
        return [0] * len(amounts)
    parts = [off * each // total for each in amounts]
    remainders = [off * each % total for each in amounts]
    largest = sorted(range(len(amounts)), key=lambda place: -remainders[place])
    for place in largest[: off - sum(parts)]:
        parts[place] += 1
    return parts
