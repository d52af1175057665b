"""What members hold at a time: the tiers that they earned or that contracts grant, and all their benefits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.program import Program
from services.benefits.domain.contracts import Contract
from services.benefits.domain.entitlements import Entitlement
from services.benefits.domain.memberships import Membership
from services.benefits.domain.standing import HeldTier, entitlements_at, in_force, standing
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import contracts as kept
from services.benefits.repository.store import BenefitsStore

ORDERS = "orders"
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """The memberships of a member, and the contracts that grant them something at a time or offer it."""

    program: Program
    at: datetime
    memberships: Sequence[Membership] = ()
    contracts: Sequence[Contract] = ()

    @property
    def tiers(self) -> Mapping[str, HeldTier]:
        """What they hold of each tier set."""
        return standing(self.program, self.memberships, in_force(self.contracts, self.at))

    @property
    def orders(self) -> int:
        """How often the member has ordered, as far as their events have been decided on."""
        return max((each.metrics.get(ORDERS, 0) for each in self.memberships), default=0)

    @property
    def entitlements(self) -> list[Entitlement]:
        """All that they may have."""
        return entitlements_at(self.program, self.memberships, self.contracts, self.at)


async def standings(
    store: BenefitsStore, program: Program, member_ids: Iterable[str], at: datetime
) -> dict[str, MemberStanding]:
    """The standing of those of the members who hold anything, in the transaction of the store."""
    wanted = sorted(set(member_ids))
    memberships: dict[str, list[Membership]] = {}
    for membership in (await store.memberships(wanted)).values():
        if membership.program_id == program.key:
            memberships.setdefault(membership.member_id, []).append(membership)
    granting = await contracts_of(store, program, wanted, since=at, until=at)
    return {
        member_id: MemberStanding(
            program,
            at,
            sorted(memberships.get(member_id, ()), key=lambda each: each.tier_set),
            granting.get(member_id, ()),
        )
        for member_id in wanted
        if member_id in memberships or member_id in granting
    }


async def standing_now(
    store: BenefitsStore, program: Program, member_ids: Iterable[str], times: ProgramTimes
) -> dict[str, MemberStanding]:
    """As `standings`, at the program's time, which is asked for only where anything depends on it."""
    at = await times.of(program) if program.contracts.plans else NEVER
    return await standings(store, program, member_ids, at)


async def contracts_of(
    store: BenefitsStore, program: Program, member_ids: Iterable[str], *, since: datetime, until: datetime
) -> dict[str, list[Contract]]:
    """By member, the contracts that may grant something between two times."""
    if not program.contracts.plans:
        return {}
    return await kept.granting(store, program.key, member_ids, since=since, until=until)
