"""What a program holds, counted from what its services answer member by member."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.common.conditions import METRICS
from libs.common.program import Program

PAGE = 500
SPEND = METRICS["spend"]


@dataclass
class Figures:
    """Sums over the members of a program."""

    members: int = 0
    spend_minor: int = 0
    points_issued: int = 0
    tier_of_member: dict[str, str] = field(default_factory=dict)
    spend_of_member: dict[str, int] = field(default_factory=dict)

    def top_spenders(self, count: int = 5) -> list[str]:
        """Ids of the members who spent most."""
        return self._by_spend()[:count]

    def with_a_tier_to_reach(self, highest: str) -> str | None:
        """Id of the member who spent most and does not hold the highest tier."""
        return next(
            (member for member in self._by_spend() if self.tier_of_member.get(member) != highest), None
        )

    def members_by_tier(self, tiers: Iterable[str]) -> dict[str, int]:
        """How many members hold each tier."""
        held = Counter(self.tier_of_member.values())
        return {tier: held[tier] for tier in tiers}

    def _by_spend(self) -> list[str]:
        return sorted(self.spend_of_member, key=lambda member: -self.spend_of_member[member])


async def count(clients: Clients, program: Program) -> Figures:
    """Read every member of a program, page by page. Tiers are those of its first tier set."""
    tier_set = program.tier_sets[0]
    figures = Figures()
    async for ids in _pages(clients, program.key):
        figures.members += len(ids)
        spent = await _spend(clients, program.key, ids)
        figures.spend_of_member |= spent
        figures.spend_minor += sum(spent.values())
        figures.tier_of_member |= await _tiers(clients, program.key, tier_set.key, ids)
        figures.points_issued += await _points(clients, program.key, ids)
    return figures


async def _pages(clients: Clients, program_id: str) -> AsyncIterator[list[str]]:
    request = members_pb2.ListMembersRequest(program_id=program_id, page_size=PAGE)
    while True:
        page = await patiently(lambda: clients.members.ListMembers(request))
        if page.members:
            yield [member.member_id for member in page.members]
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def _spend(clients: Clients, program_id: str, ids: Sequence[str]) -> dict[str, int]:
    request = members_pb2.BatchGetFactsRequest(
        program_id=program_id,
        keys=[members_pb2.FactsKey(member_id=member_id) for member_id in ids],
        names=[SPEND],
    )
    results = (await patiently(lambda: clients.members.BatchGetFacts(request))).results
    return {
        member_id: sum(fact.value for fact in result.facts)
        for member_id, result in zip(ids, results, strict=True)
    }


async def _tiers(clients: Clients, program_id: str, tier_set: str, ids: Sequence[str]) -> dict[str, str]:
    request = benefits_pb2.BatchGetMembershipsRequest(program_id=program_id, member_ids=ids)
    results = (await patiently(lambda: clients.benefits.BatchGetMemberships(request))).results
    return {
        membership.member_id: membership.tier
        for result in results
        for membership in result.memberships
        if membership.tier_set == tier_set
    }


async def _points(clients: Clients, program_id: str, ids: Sequence[str]) -> int:
    request = benefits_pb2.BatchGetPointsAccountsRequest(program_id=program_id, member_ids=ids)
    results = (await patiently(lambda: clients.benefits.BatchGetPointsAccounts(request))).results
    return sum(result.account.balance_points for result in results)
