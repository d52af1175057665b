"""What falls due in the calendar with coupons: what is kept for a check that nobody paid is given back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from libs.common.calendar import Due
from services.benefits.domain.coupon_reservations import ReservationStatus
from services.benefits.repository import coupon_reservations
from services.benefits.repository.store import BenefitsStore


class ReservationEnds:
    """Gives back, in one transaction, what nobody used or cancelled in time. Nobody is told."""

    name = "coupon_reservation_end"

    def __init__(self, store: BenefitsStore) -> None:
        self._store = store

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The reservations whose time is over."""
        found = await coupon_reservations.ending(self._store, program_id, until, limit)
        return [Due(each.reservation_id, each.expire_time) for each in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Give these back; gives how many were still open."""

        async def attempt(benefits: BenefitsStore) -> int:
            found = await coupon_reservations.still_open(benefits, [item.key for item in items])
            if found:
                await coupon_reservations.give_back(benefits, (one for each in found for one in each.items))
                expired = [replace(each, status=ReservationStatus.EXPIRED) for each in found]
                await coupon_reservations.keep(benefits, expired)
            return len(found)

        return await self._store.transaction(attempt)
