"""What a decision outside of a transaction was based on is compared inside of it."""

from collections.abc import Sequence

from services.benefits.domain.effects import Effect
from services.benefits.repository.store import BenefitsStore


class Moved(Exception):
    """Another has decided on these members meanwhile; what was decided here is out of date."""


async def require_unmoved(benefits: BenefitsStore, effects: Sequence[Effect]) -> None:
    """Read the versions of the memberships inside the transaction, and compare what the decisions knew."""
    known = {before.membership_id: before.version for each in effects for before in each.before}
    stored = await benefits.membership_versions(known)
    if any(stored.get(membership_id, 0) != version for membership_id, version in known.items()):
        raise Moved
