"""What members may spend, read for many at once."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from services.benefits.domain.ledger import member_account
from services.benefits.repository import ledger
from services.benefits.repository.ledger import DRAWN, EXPIRING
from services.benefits.repository.store import BenefitsStore


async def spendable(
    store: BenefitsStore, program_id: str, currency: str, member_ids: Collection[str], time: datetime
) -> dict[str, int]:
    """What each may spend at a time: the balance, without lots that have ended and are still to expire."""
    owners = {member_account(program_id, each, currency).account_id: each for each in member_ids}
    accounts = await ledger.accounts(store, owners)
    overdue: list[dict[str, Any]] = [
        {"$match": {"account_id": {"$in": sorted(accounts)}, **EXPIRING, "expire_time": {"$lte": time}}},
        {"$group": {"_id": "$account_id", "points": {"$sum": "$remaining"}}},
    ]
    found = store.database.lots.aggregate(overdue, session=store.session, hint=DRAWN)
    ended = {each["_id"]: each["points"] async for each in found}
    return {owners[key]: max(0, account.balance - ended.get(key, 0)) for key, account in accounts.items()}
