"""Surroundings: what decisions depend on besides what members did: where they belong, and what risk says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from libs.common.documents import WHOLE_BP
from libs.common.homes import homes_of
from libs.common.program import Program
from libs.common.tier_policy import TierSet
from services.benefits.clients import RiskClient
from services.benefits.repository.store import BenefitsStore

INTEGRITY = "risk.integrity"
# Risk says 0 to 100, programs ask in basis points.
_INTEGRITY_BP = WHOLE_BP // 100


@dataclass(frozen=True, slots=True)
class Surrounding:
    """The home store of a member, and the facts that others tell of them."""

    store_id: str = ""
    facts: Mapping[str, int] = field(default_factory=dict)

    def variant(self, tier_set: TierSet) -> str:
        """The region by whose rules the member is decided on; empty where it is none."""
        return tier_set.variant_of(self.store_id)


class Surroundings:
    """Reads them anew for each decision, and only where the program asks for them.

    Without risk's word nobody of a program that asks for it is decided on:
    what needs it is unavailable, and tried again. Of one whom risk does not
    know, nothing is known against them.
    """

    def __init__(self, store: BenefitsStore, risk: RiskClient) -> None:
        self._store, self._risk = store, risk

    async def of(self, program: Program, member_ids: Iterable[str]) -> dict[str, Surrounding]:
        """Those of members of a program, five hundred at most."""
        wanted = sorted(set(member_ids))
        homes, integrity = {}, {}
        if any(each.variants for each in program.tier_sets):
            homes = await homes_of(self._store.database, program.key, wanted)
        if wanted and any(each.movement.review_gate for each in program.tier_sets):
            integrity = await self._risk.integrity(program.key, wanted)
        return {
            member_id: Surrounding(
                store_id=homes[member_id].store_id if member_id in homes else "",
                facts={INTEGRITY: integrity[member_id] * _INTEGRITY_BP} if member_id in integrity else {},
            )
            for member_id in wanted
        }
