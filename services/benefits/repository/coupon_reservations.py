"""How reservations of coupons are kept; each function works in the transaction of its store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from services.benefits.domain.coupon_reservations import Item, Reservation, ReservationStatus, Taker
from services.benefits.repository import coupon_campaigns, coupons
from services.benefits.repository.store import BenefitsStore


async def of_check(store: BenefitsStore, program_id: str, source: str, check_ref: str) -> Reservation | None:
    """The reservation of a check of this partner."""
    key = {"program_id": program_id, "source": source, "check_ref": check_ref}
    found = await store.database.coupon_reservations.find_one(key, session=store.session)
    return None if found is None else _reservation_from(found)


async def add(store: BenefitsStore, reservation: Reservation) -> None:
    """Keep a new reservation; two of one check meet at its key, and the second finds the first."""
    fields = asdict(reservation)
    document = {"_id": fields.pop("reservation_id"), **fields, "status": reservation.status.value}
    await store.database.coupon_reservations.insert_one(document, session=store.session)


async def keep(store: BenefitsStore, reservations: Sequence[Reservation]) -> None:
    """Keep what became of reservations."""
    writes = []
    for each in reservations:
        changed = {"status": each.status.value, "returned_coupon_ids": list(each.returned_coupon_ids)}
        writes.append(UpdateOne({"_id": each.reservation_id}, {"$set": changed}))
    await store.database.coupon_reservations.bulk_write(writes, ordered=False, session=store.session)


async def give_back(store: BenefitsStore, items: Iterable[Item]) -> None:
    """Give back what was taken, that of many first: the campaigns."""
    items = list(items)
    uses = Counter(each.campaign_id for each in items)
    for campaign_id, count in sorted(uses.items()):
        off = sum(each.off_minor for each in items if each.campaign_id == campaign_id)
        await coupon_campaigns.give_back(store, campaign_id, count=count, off_minor=off)
    await coupons.give_back(store, (each.coupon_id for each in items))
    await coupons.give_back_as(store, (taker.key for each in items for taker in each.takers))


async def ending(store: BenefitsStore, program_id: str, until: datetime, limit: int) -> list[Reservation]:
    """Reservations whose time is over by then, the soonest first."""
    wanted = {"program_id": program_id, "status": "open", "expire_time": {"$lte": until}}
    found = store.database.coupon_reservations.find(wanted, session=store.session)
    page = found.sort([("expire_time", 1), ("_id", 1)]).limit(limit)
    return [_reservation_from(document) async for document in page]


async def still_open(store: BenefitsStore, reservation_ids: Sequence[str]) -> list[Reservation]:
    """Those of the reservations that nobody has used or given back."""
    wanted = {"_id": {"$in": list(reservation_ids)}, "status": "open"}
    found = store.database.coupon_reservations.find(wanted, session=store.session)
    return [_reservation_from(document) async for document in found]


def _reservation_from(document: Mapping[str, Any]) -> Reservation:
    fields = {name: value for name, value in document.items() if name != "_id"}
    fields["items"] = tuple(_item_from(each) for each in document["items"])
    fields["quote"] = bytes(document["quote"])
    fields["status"] = ReservationStatus(document["status"])
    fields["returned_coupon_ids"] = tuple(document["returned_coupon_ids"])
    return Reservation(reservation_id=document["_id"], **fields)


def _item_from(document: Mapping[str, Any]) -> Item:
    return Item(**{**document, "takers": tuple(Taker(**each) for each in document["takers"])})
