"""What members learns from others: the tiers that benefits decides, kept for filtering."""

from laurel.benefits.v1 import events_pb2
from libs.common.redis import StreamMessage
from services.members.repository.store import MembersStore

STREAM = "benefits.events"


class TierProjection:
    """Keeps the latest announced tier on the member; older announcements change nothing."""

    def __init__(self, store: MembersStore) -> None:
        self._store = store

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition; only the last of each membership matters."""
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
