"""The gate with the risk service itself: what it says is asked for, and what it announces is heard."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from laurel.risk.v1 import risk_pb2_grpc
from libs.common.clock import now
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.redis import StreamMessage
from libs.common.service import Platform
from services.risk.consumers import MemberEvents
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.handlers.reports import ReportHandlers
from services.risk.repository.indexes import ensure_indexes
from services.risk.repository.store import RiskStore
from services.risk.server import servicer
from services.risk.settings import Settings
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.benefits.test_risk_gate import a_gated_program
from tests.benefits.tier_desk import decided, history
from tests.risk.conftest import SUSPECT, VERIFIED, changed, registered
from tests.support.services import dropped, serving

SILVER = 10_000


@pytest.fixture
async def risk(
    benefits: BenefitsWorld, mongodb_uri: str, redis_url: str
) -> AsyncIterator[tuple[str, Platform, MemberEvents]]:
    """A risk service: where it serves, what it runs on, and what it hears of members with."""
    platform = Platform.of("risk", Settings(**benefits.keys.settings(mongodb_uri, redis_url)))
    await ensure_indexes(platform.database)
    store = RiskStore(platform.database)
    profiles, reports = ProfileHandlers(store, now), ReportHandlers(store, now=now, new_id=new_id)
    served = servicer(platform, profiles, reports, LimitHandlers(platform.database, now))
    register = risk_pb2_grpc.add_RiskServiceServicer_to_server
    async with serving(platform.settings, register, served) as address:
        yield address, platform, MemberEvents(profiles, partial(keep_homes, platform.database))
    await dropped(platform)


async def announced(platform: Platform, member_id: str) -> list[StreamMessage]:
    """What risk announced of a member."""
    rows = platform.database.outbox.find({"subject": member_id}).sort("change_seq", 1)
    return [
        StreamMessage(str(each["_id"]), each["type"], bytes(each["payload"]), member_id)
        async for each in rows
    ]


async def test_who_is_suspect_to_risk_waits_and_goes_up_when_they_are_verified(
    benefits: BenefitsWorld, risk: tuple[str, Platform, MemberEvents]
) -> None:
    address, platform, hears = risk
    story = Story(await a_gated_program(benefits)).buys(SILVER)
    benefits.members.knows([story])
    suspect = registered(story.member_id, SUSPECT, story.program_id)
    await hears.apply(story.partition, [suspect])
    await benefits.consumer(address).apply(story.partition, [story.registration(), story.told()])

    await hears.apply(story.partition, [changed(story.member_id, 1, VERIFIED, story.program_id)])
    await benefits.risk_consumer(address).apply(story.partition, await announced(platform, story.member_id))

    assert [each[1:] for each in await history(benefits, story)] == [
        ("HELD", "normal"),
        ("UPGRADED", "silver"),
    ]
    facts = [{fact.name: fact.value for fact in each.facts} for each in await decided(benefits, story)]
    assert [each["risk.integrity"] for each in facts] == [2_000, 8_000]
