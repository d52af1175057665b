"""The use cases that prove entries, and read out what others recompute the chain from."""

from collections.abc import Sequence

from libs.common import mongo
from libs.common.caller import granted
from libs.common.chains.chain import Head, Root
from libs.common.chains.reading import Page, Place, Reading, heads_after
from libs.common.homes import visible
from services.benefits.domain.ledger import member_of
from services.benefits.domain.proofs import Content, Proof
from services.benefits.handlers.proving import proving
from services.benefits.repository import proofs, roots
from services.benefits.repository.badges import BADGES_CHAINED
from services.benefits.repository.chaining import CHAINED
from services.benefits.repository.store import BenefitsStore

CHAINS = {each.chain: each for each in (CHAINED, BADGES_CHAINED)}
"""The chains whose days have roots, by name."""


class ProofHandlers:
    """Proves what is chained, each answer from one moment."""

    def __init__(self, store: BenefitsStore, *, service: str) -> None:
        self._store, self._service = store, service

    async def prove(self, program_id: str, entry_ids: Sequence[str]) -> dict[str, Proof]:
        """The proofs of those of the entries that the caller may see."""
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            found = await self._seen(program_id, await proofs.entries(store, program_id, entry_ids))
            return {
                each.entry_id: Proof(
                    each, await proving(store, CHAINED, self._service, program_id, each.position)
                )
                for each in found
            }

    async def roots(
        self, program_id: str, chain: str, *, after_date: str, limit: int
    ) -> tuple[list[Root], bool]:
        """Roots of a chain in the order of their days, and whether there are more."""
        return await roots.roots_after(
            self._store, CHAINS[chain], program_id, after_date=after_date, limit=limit
        )

    async def heads(
        self, program_id: str, chain: str, *, after_position: int, limit: int
    ) -> tuple[list[Head], bool]:
        """Heads of a chain in the order of their positions, and whether there are more."""
        return await heads_after(
            self._store.database, CHAINS[chain].heads, program_id, after_position=after_position, limit=limit
        )

    async def chained(self, program_id: str, *, after: Place, limit: int) -> tuple[list[Content], Page]:
        """A page of all entries, and where it stands."""
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            wanted = {"program_id": program_id}
            page = await Reading.of(self._store.database, CHAINED.records, wanted, session).page(after, limit)
            return await proofs.contents(store, page.records), page

    async def _seen(self, program_id: str, found: dict[str, Content]) -> list[Content]:
        """Those of members whom the caller may see; those of the program for who may see all of it."""
        members = {each: member_of(one.account_id) for each, one in found.items()}
        seen = await visible(self._store.database, program_id, set(members.values()) - {""})
        if granted().scope in {"program", "all"}:
            seen |= {""}
        return [one for each, one in found.items() if members[each] in seen]
