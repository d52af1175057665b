"""What members learns from benefits: the tiers held, kept for filtering, and whose birthday was used."""

from datetime import datetime

from laurel.benefits.v1 import events_pb2
from libs.common.redis import StreamMessage
from libs.common.rpc.time import moment
from services.members.repository.store import MembersStore

STREAM = "benefits.events"


class BenefitsProjection:
    """Keeps on the member what was announced last; older announcements change nothing."""

    def __init__(self, store: MembersStore) -> None:
        self._store = store

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition; only the last of each matters."""
        await self._store.set_birthdays_used(_birthdays_used(messages))
        latest: dict[tuple[str, str], events_pb2.MembershipChanged] = {}
        for message in messages:
            if message.type == events_pb2.MembershipChanged.DESCRIPTOR.name:
                changed = events_pb2.MembershipChanged.FromString(message.payload)
                key = (changed.member_id, changed.tier_set)
                if key not in latest or latest[key].seq_to < changed.seq_to:
                    latest[key] = changed
        await self._store.set_tiers(
            [(each.member_id, each.tier_set, each.tier, each.seq_to) for each in latest.values()]
        )


def _birthdays_used(messages: list[StreamMessage]) -> dict[str, datetime]:
    """By member, when they got something for their birthday last."""
    used: dict[str, datetime] = {}
    for message in messages:
        if message.type == events_pb2.BirthdayUsed.DESCRIPTOR.name:
            announced = events_pb2.BirthdayUsed.FromString(message.payload)
            time = moment(announced.used_time)
            used[announced.member_id] = max(time, used.get(announced.member_id, time))
    return used
