"""Helpers for tests of notices: programs whose clock a test sets, and what their members are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.members.v1 import events_pb2
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.program import Program, preset
from libs.common.redis import StreamMessage
from libs.common.rpc.time import timestamp
from services.benefits.domain.notices import Notice
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.sending import Sending
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import NOON, PROGRAM


async def a_sandbox(
    benefits: BenefitsWorld, *, time: datetime = NOON, points: Document | None = None, **rules: Any
) -> Program:
    """The music store under a key of its own, at a time, with these rules for notices."""
    document = preset(PROGRAM).document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["notices"] |= {"quiet_hours": None, "marketing_per_day_max": 100, **rules}
    document["points"] |= points or {}
    program = Program.parse(document)
    await benefits.publish(program)
    benefits.members.times[program.key] = time
    return program


async def told(benefits: BenefitsWorld, member_id: str) -> list[Document]:
    """The notices of a member as they are kept, in the order in which they were made."""
    return await benefits.database.notices.find({"member_id": member_id}).sort("_id", 1).to_list(None)


async def codes(benefits: BenefitsWorld, member_id: str) -> list[str]:
    return [notice["code"] for notice in await told(benefits, member_id)]


async def announced(benefits: BenefitsWorld, member_id: str) -> list[tuple[int, str]]:
    """What was announced of a member, with its places."""
    rows = benefits.database.outbox.find({"subject": member_id}).sort("change_seq", 1)
    return [(row["change_seq"], row["type"]) async for row in rows]


def absent(
    story: Story, spell: int = 1, *, wake_up: bool = True, back: bool = False, at: datetime = NOON
) -> StreamMessage:
    """The announcement that a member fell asleep, or is back."""
    state = events_pb2.ACTIVITY_STATE_ACTIVE if back else events_pb2.ACTIVITY_STATE_DORMANT
    changed = events_pb2.ActivityChanged(
        program_id=story.program_id,
        member_id=story.member_id,
        change=events_pb2.ActivityChange(
            state=state, since_time=timestamp(at), spell=spell, wake_up=wake_up and not back
        ),
        home=story.home.message(),
    )
    payload = changed.SerializeToString(deterministic=True)
    return StreamMessage("0-1", changed.DESCRIPTOR.name, payload, story.member_id)


@dataclass
class Heard:
    """A channel that writes down what it takes, in the transaction, as any other."""

    name: str = "heard"
    fails: bool = False

    async def take(self, store: BenefitsStore, notices: Sequence[Notice], *, now: datetime) -> None:
        if self.fails:
            raise ValueError("a channel with a defect")
        last = await store.database.heard.count_documents({}, session=store.session)
        rows = [
            {
                "_id": f"{self.name}/{each.notice_id}",
                "channel": self.name,
                "member": each.member_id,
                "place": last + place,
            }
            for place, each in enumerate(notices)
        ]
        await store.database.heard.insert_many(rows, session=store.session)

    async def heard(self, benefits: BenefitsWorld, member_id: str) -> list[str]:
        """The notices of a member in the order in which they came."""
        rows = benefits.database.heard.find({"channel": self.name, "member": member_id}).sort("place", 1)
        return [row["_id"].removeprefix(f"{self.name}/") async for row in rows]


def sending(benefits: BenefitsWorld, *channels: Heard) -> Sending:
    """What sends in one replica."""
    store = BenefitsStore(benefits.database)
    return Sending(store, ProgramHandlers(store, now), channels, now=now)
