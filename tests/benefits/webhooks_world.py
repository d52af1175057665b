"""Webhooks in a database of their own: real receivers, real sending, and a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases, renewing
from libs.common.mongo import Database
from libs.common.program import Program, preset
from libs.common.sealing import Sealing
from services.benefits.domain.notices import Notice, NoticeCode, NoticeStatus
from services.benefits.domain.program_changes import change_of
from services.benefits.domain.programs import next_version
from services.benefits.domain.webhooks import Delivery, Endpoint, Secret
from services.benefits.handlers.deliveries import Delivering
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.webhook_channel import WebhookChannel
from services.benefits.handlers.webhook_upkeep import WebhookUpkeep
from services.benefits.handlers.webhooks import about
from services.benefits.outgoing import Poster, tls_context
from services.benefits.repository import deliveries, program_versions, webhooks
from services.benefits.repository.store import BenefitsStore
from services.benefits.sender import WEBHOOKS, WebhookSender
from tests.support.builders import PROGRAM

SECRET = b"s" * 32
KEY = b"k" * 32


@dataclass
class Clock:
    """The machine's clock, as far as webhooks see it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead

    def moves(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class WebhooksWorld:
    """One program with endpoints, and what sends to them."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    sealing: Sealing = field(default_factory=lambda: Sealing([KEY]))

    @cached_property
    def store(self) -> BenefitsStore:
        return BenefitsStore(self.database)

    @cached_property
    def programs(self) -> ProgramHandlers:
        return ProgramHandlers(self.store, self.clock)

    async def an_endpoint(self, url: str, **fields: Any) -> Endpoint:
        """A new endpoint of the program."""
        endpoint_id = new_id("whk")
        common = {
            "endpoint_id": endpoint_id,
            "program_id": PROGRAM,
            "place": len(await webhooks.endpoints_of(self.store, PROGRAM)) + 1,
            "url": url,
            "codes": (),
            "enabled": True,
            "created_time": self.clock(),
            "secrets": (Secret(self.sealing.seal(SECRET, about(endpoint_id))),),
        }
        endpoint = Endpoint(**{**common, **fields})
        await webhooks.keep_endpoint(self.store, endpoint)
        return endpoint

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        return await webhooks.known_endpoint(self.store, endpoint_id)

    async def tells(self, *notices: Notice) -> None:
        """Have notices taken by the channel, in one transaction."""

        async def take(store: BenefitsStore) -> None:
            await WebhookChannel(new_id).take(store, notices, now=self.clock())

        await self.store.transaction(take)

    async def told(self, *member_ids: str) -> list[Notice]:
        """Notices to these members, taken in turn."""
        notices = [a_notice(member_id) for member_id in member_ids]
        for notice in notices:
            await self.tells(notice)
        return notices

    async def queued(self, endpoint: Endpoint) -> list[Delivery]:
        """The deliveries of an endpoint, oldest first."""
        found = await deliveries.page(
            self.store, PROGRAM, endpoint_id=endpoint.endpoint_id, status=None, after=None, limit=1_000
        )
        return found[::-1]

    async def statuses(self, endpoint: Endpoint) -> list[str]:
        return [each.status for each in await self.queued(endpoint)]

    def delivering(self, *, seconds: float = 5.0, **others: Any) -> Delivering:
        """What one replica sends with."""
        outside = Poster(tls=tls_context(None), now=self.clock, loopback=True, seconds=seconds)
        common: dict[str, Any] = {
            "store": self.store,
            "sealing": self.sealing,
            "outside": outside,
            "now": self.clock,
            "new_id": new_id,
            "jitter": lambda: 0.0,
        }
        return Delivering(**{**common, **others})

    async def delivered(self, endpoint: Endpoint, **others: Any) -> int:
        """Send what is due to an endpoint, one by one; gives how many attempts that took."""
        delivering, attempts = self.delivering(**others), 0
        while (await self.endpoint(endpoint.endpoint_id)).enabled:
            claim = await delivering.claim(endpoint.endpoint_id)
            if claim is None:
                break
            await delivering.deliver(claim)
            attempts += 1
        return attempts

    def upkeep(self) -> WebhookUpkeep:
        async def time_of(program: Program) -> datetime:
            return self.clock()

        return WebhookUpkeep(self.store, self.sealing, self.programs, time_of, now=self.clock, new_id=new_id)

    @asynccontextmanager
    async def sending(self, holder: str = "one", **others: Any) -> AsyncIterator[WebhookSender]:
        """A sender at work. Each has a lease of its own, as if all of them had lost sight of each other."""
        leases = Leases(self.database, [WEBHOOKS], group=f"jobs of {holder}", holder=holder, now=now)
        sender = WebhookSender(self.delivering(**others), self.upkeep(), leases)
        tasks = [asyncio.create_task(each) for each in (renewing([leases]), sender.run())]
        try:
            yield sender
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def a_notice(member_id: str = "", **fields: Any) -> Notice:
    """A notice to a member who was away."""
    common: dict[str, Any] = {
        "program_id": PROGRAM,
        "member_id": member_id,
        "code": NoticeCode.WAKE_UP,
        "cause": new_id("cause"),
        "params": {"days": "30"},
        "occurred_time": now(),
        "notice_id": new_id("ntc"),
        "created_time": now(),
        "due_time": now(),
        "status": NoticeStatus.SENT,
    }
    return Notice(**{**common, **fields})


@asynccontextmanager
async def webhooks_world(database: Database) -> AsyncIterator[WebhooksWorld]:
    """A world with the program in it, without anybody's endpoints."""
    world = WebhooksWorld(database)
    version = next_version(PROGRAM, preset(PROGRAM), None, number=1, now=now())
    if not await world.store.live_programs([PROGRAM]):
        await program_versions.keep(world.store, change_of(version), now())
    yield world
    for name in ("webhook_endpoints", "webhook_lanes", "webhook_deliveries", "notices"):
        await database[name].delete_many({})


async def until(holds: Any, seconds: float = 30.0) -> None:
    """Wait until an asynchronous condition holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)


def ids(requests: Sequence[Any]) -> list[str]:
    """The deliveries that requests were about."""
    return [each.headers["webhook-id"] for each in requests]
