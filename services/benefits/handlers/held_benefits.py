"""Which benefits members hold at a time, each since when they have what grants it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from libs.common.program import Program
from services.benefits.domain.quotas import HeldBenefit
from services.benefits.handlers.standing import standings
from services.benefits.repository.birthdays import birthdays_of
from services.benefits.repository.store import BenefitsStore


async def held_benefits(
    store: BenefitsStore, program: Program, member_ids: Iterable[str], at: datetime
) -> dict[str, list[HeldBenefit]]:
    """The benefits of members, by member; of those who are members of anything, or have a contract."""
    found = await standings(store, program, member_ids, at)
    held = {
        member_id: [HeldBenefit(member_id, one, one.since_time) for one in each.entitlements]
        for member_id, each in found.items()
    }
    waiting = [each for each in held if any(one.entitlement.grant.birthday for one in held[each])]
    birthdays = await birthdays_of(store, waiting)
    return held | {
        member_id: [replace(one, birthday=birthdays[member_id]) for one in held[member_id]]
        for member_id in birthdays
    }
