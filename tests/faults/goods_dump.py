"""Reads what is kept of rewards, coupons and contracts, and which effects of what clients asked for it is."""

from collections.abc import AsyncIterator, Callable

from libs.common.mongo import Document
from services.benefits.domain.redemptions import SOURCE
from services.benefits.repository.contract_documents import contract_from
from tests.faults.final import Final
from tests.faults.operations.goods import (
    cancelled_effect,
    contract_effect,
    coupons_effect,
    given_up_effect,
    redemption_effect,
    used_effect,
)

Read = Callable[..., AsyncIterator[Document]]


async def read_goods(read: Read, program_id: str, final: Final) -> None:
    """Everything of benefits that is no event and no account."""
    goods = final.goods
    goods.rewards = [each async for each in read("benefits", "rewards")]
    goods.holds = [each async for each in read("benefits", "holds", program_id=program_id, source=SOURCE)]
    with_hold = {"$exists": True}
    goods.moves = [
        each async for each in read("benefits", "transactions", program_id=program_id, hold_id=with_hold)
    ]
    goods.campaigns = [each async for each in read("benefits", "coupon_campaigns")]
    goods.coupons = [each async for each in read("benefits", "coupons")]
    of_takers = {"$regex": f"^{program_id}/"}
    goods.takers = [each async for each in read("benefits", "coupon_takers", _id=of_takers)]
    goods.contracts = [contract_from(each) async for each in read("benefits", "contracts")]
    for contract in goods.contracts:
        final.effects[contract_effect(contract.sale.source, contract.sale.payment_reference)] += 1
    await _redemptions(read, program_id, final)
    await _reservations(read, final)


async def _redemptions(read: Read, program_id: str, final: Final) -> None:
    """Redemptions, each named by the request that its audit record says it was made by."""
    made: dict[str, str] = {}
    async for each in read("benefits", "audit", program_id=program_id, act="RedeemReward"):
        # Beside the member and the reward.
        (redemption_id,) = (name for name in each["objects"] if name.startswith("rdm_"))
        made[redemption_id] = each["request_id"]
    async for each in read("benefits", "redemptions"):
        final.goods.redemptions.append(each)
        final.effects[redemption_effect(made.get(str(each["_id"]), str(each["_id"])))] += 1
        if each["state"] == "cancelled":
            final.effects[cancelled_effect(each["_id"])] += 1


async def _reservations(read: Read, final: Final) -> None:
    async for each in read("benefits", "coupon_reservations"):
        final.goods.reservations.append(each)
        key = (each["source"], each["check_ref"])
        final.effects[coupons_effect(*key)] += 1
        if each["status"] == "used":
            final.effects[used_effect(*key)] += 1
        if each["status"] == "cancelled":
            final.effects[given_up_effect(*key)] += 1
