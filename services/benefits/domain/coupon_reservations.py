"""Reservations: coupons that are kept for a check until it is paid, given up, or its time is over."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.benefits.domain.coupon_quotes import Quote
from services.benefits.domain.errors import CouponReservationEnded


class ReservationStatus(StrEnum):
    """What became of a reservation."""

    OPEN = "open"
    USED = "used"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Taker:
    """With whom a use is counted, and how many they may have."""

    key: str
    most: int


@dataclass(frozen=True, slots=True)
class Item:
    """A coupon that is kept: what is taken of its campaign, with whom it is counted, if for a birthday."""

    campaign_id: str
    coupon_id: str
    off_minor: int
    returnable: bool
    takers: tuple[Taker, ...]
    for_birthday: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Coupons of a check; `quote` is what its basket costs, as it is told."""

    reservation_id: str
    program_id: str
    source: str
    check_ref: str
    member_id: str
    asked_digest: str
    items: tuple[Item, ...]
    quote: bytes
    reserved_time: datetime
    expire_time: datetime
    status: ReservationStatus = ReservationStatus.OPEN
    returned_coupon_ids: tuple[str, ...] = ()

    @property
    def for_birthday(self) -> bool:
        """Whether the member gets something for their birthday."""
        return any(each.for_birthday for each in self.items)


def taker(campaign_id: str, member_id: str) -> str:
    """Under what a member's uses of a campaign are counted."""
    return f"{campaign_id}/{member_id}"


def first_order_taker(program_id: str, member_id: str) -> str:
    """Under what a member's first order is counted, once in all campaigns."""
    return f"{program_id}//{member_id}"


def birthday_taker(campaign_id: str, member_id: str, year: int) -> str:
    """Under what a member's use for the birthday of a year is counted."""
    return f"{taker(campaign_id, member_id)}/{year}"


def items_of(quote: Quote, program_id: str, member_id: str, year: int) -> Iterator[Item]:
    """What is taken for the coupons that count in a quote of a year, always in the same order.

    A check is one order, however many coupons of it are for a first one: it is
    counted with one of them, which is not given back as long as another is not.
    """
    counted = [
        (each.campaign, each.coupon, each.off) for each in quote.discounts if each.campaign and each.coupon
    ]
    counted.sort(key=lambda each: each[0].key)
    of_first_orders = [campaign for campaign, _, _ in counted if campaign.terms.first_order_only]
    first = min(of_first_orders, key=lambda each: each.terms.returnable, default=None)
    for campaign, coupon, off in counted:
        terms = campaign.terms
        takers = []
        if terms.uses_per_member_max:
            takers.append(Taker(taker(campaign.campaign_id, member_id), terms.uses_per_member_max))
        if campaign is first:
            takers.append(Taker(first_order_taker(program_id, member_id), 1))
        if terms.birthday:
            takers.append(Taker(birthday_taker(campaign.campaign_id, member_id, year), 1))
        yield Item(
            campaign_id=campaign.campaign_id,
            coupon_id=coupon.coupon_id,
            off_minor=off.total_minor,
            returnable=terms.returnable,
            takers=tuple(takers),
            for_birthday=terms.birthday is not None,
        )


def end_of(quote: Quote, minutes: int) -> datetime:
    """Until when coupons are kept: so many minutes, and no longer than all their campaigns last."""
    ends = [each.campaign.terms.end_time for each in quote.discounts if each.campaign is not None]
    return min([quote.time + timedelta(minutes=minutes), *ends])


def used(reservation: Reservation, time: datetime) -> Reservation:
    """The reservation of a check that was paid; from its end on it is too late."""
    match reservation.status:
        case ReservationStatus.USED:
            return reservation
        case ReservationStatus.OPEN if time < reservation.expire_time:
            return replace(reservation, status=ReservationStatus.USED)
        case ReservationStatus.OPEN:
            raise _ended(replace(reservation, status=ReservationStatus.EXPIRED))
    raise _ended(reservation)


def cancelled(reservation: Reservation) -> tuple[Reservation, tuple[Item, ...]]:
    """The reservation of a check that is not paid or was returned, and what is given back by that."""
    match reservation.status:
        case ReservationStatus.OPEN:
            return replace(reservation, status=ReservationStatus.CANCELLED), reservation.items
        case ReservationStatus.USED:
            back = tuple(each for each in reservation.items if each.returnable)
            if not back:
                raise _ended(reservation)
            ids = tuple(each.coupon_id for each in back)
            return replace(reservation, status=ReservationStatus.RETURNED, returned_coupon_ids=ids), back
    return reservation, ()


def _ended(reservation: Reservation) -> CouponReservationEnded:
    return CouponReservationEnded(
        reservation_id=reservation.reservation_id,
        status=reservation.status.name,
        check_ref=reservation.check_ref,
    )
