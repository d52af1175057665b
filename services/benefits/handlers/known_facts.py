"""What is known of members without an event: what their memberships hold, and what rules read besides."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from libs.common.conditions import METRICS, TOLD_BY_EVENTS
from services.benefits.clients import FactsKey, MembersClient
from services.benefits.domain.memberships import REGISTRATION_SEQ, Membership, point_facts
from services.benefits.domain.programs import Version


async def known_facts(
    members: MembersClient, version: Version, memberships: Sequence[Membership], as_of: datetime
) -> Mapping[str, Mapping[str, int]]:
    """The facts of memberships as of a time, by membership, of the events that have been decided on."""
    known = {
        each.membership_id: {
            **{METRICS[name]: value for name, value in each.metrics.items()},
            **point_facts(each.tier_points),
        }
        for each in memberships
    }
    names = sorted(version.program.member_facts - TOLD_BY_EVENTS)
    active = [each for each in memberships if each.applied_seq > REGISTRATION_SEQ]
    if not names or not active:
        return known
    keys = [FactsKey(each.member_id, max(as_of, each.as_of or as_of), each.applied_seq) for each in active]
    found = await members.facts(version.program_id, keys, names)
    return known | {
        each.membership_id: {**known[each.membership_id], **more}
        for each, more in zip(active, found, strict=True)
    }
