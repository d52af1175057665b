"""What the store promises to those who decide at the same moment."""

import asyncio

from services.risk.repository.store import RiskStore
from tests.risk.conftest import RiskWorld
from tests.support.builders import PROGRAM


async def test_two_who_decide_from_the_same_profile_meet_even_where_neither_changes_it(
    risk: RiskWorld,
) -> None:
    member = await risk.a_member()
    both_have_read, attempts = asyncio.Barrier(2), 0

    async def decide(store: RiskStore) -> None:
        nonlocal attempts
        attempts += 1
        standing = await store.standing(PROGRAM, member)
        assert standing is not None
        if attempts <= 2:
            await both_have_read.wait()
        await store.keep([standing.profile], [], [], [])

    store = RiskStore(risk.database)
    await asyncio.gather(store.transaction(decide), store.transaction(decide))

    assert attempts == 3


async def test_a_profile_from_before_there_were_reports_is_read_and_can_be_reported(risk: RiskWorld) -> None:
    member = await risk.a_member()
    newer = {"cause": "", "restrictions": "", "next_change_time": "", "version": ""}
    await risk.database.profiles.update_one({"_id": member}, {"$unset": newer})

    before = await risk.profile(member)
    await risk.report(member)

    assert (before.integrity, len(before.restrictions)) == (60, 0)
    assert (await risk.profile(member)).integrity == 45
