"""The use case that follows the chain: it verifies what was chained, and counts it to its month."""

from collections.abc import Callable, Mapping
from datetime import datetime

from libs.common import mongo
from libs.common.chains.chain import origin
from services.benefits.domain.cohorts import Cell, changes
from services.benefits.domain.following import Followed, stretch_faults
from services.benefits.domain.leaves import LEDGER
from services.benefits.domain.roots import Place
from services.benefits.domain.verification import Fault
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import cohorts, following, roots
from services.benefits.repository.chaining import CHAINED
from services.benefits.repository.store import BenefitsStore

# Entries at a time. The checking of these keeps the process from answering for about 10 ms.
STRETCH = 100


class FollowHandlers:
    """Follows the chains of programs, a bounded stretch at each turn; whoever is next goes on from there."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, *, service: str, now: Callable[[], datetime]
    ) -> None:
        self._store, self._programs = store, programs
        self._service, self._now = service, now

    async def follow(self, program_id: str) -> tuple[int, list[Fault]]:
        """Verify the next stretch of a program's chain: how many entries that were, and what is broken."""
        start = await self._place(program_id)
        program = (await self._programs.live(program_id)).program
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            found = await following.stretch(store, program_id, start.position, STRETCH)
            if not found:
                return 0, []
            neighbours = await following.neighbours(store, found)
            posted = await cohorts.posted(store, found, neighbours, program.points.currency)
            lots, origins = await cohorts.lots_with_origins(store, posted)
        faults = list(stretch_faults(start, found, neighbours))
        counted = changes(posted, lots, origins, program.time_zone)
        return (len(found), faults) if await self._keep(program_id, start, found[-1], counted) else (0, [])

    async def behind_seconds(self, program_id: str) -> float:
        """How long the oldest entry that is chained waits to be verified, 0 where none does."""
        place = await self._place(program_id)
        recorded = await roots.first_behind(self._store, CHAINED, program_id, place.position)
        return 0.0 if recorded is None else max(0.0, (self._now() - recorded).total_seconds())

    async def _keep(self, program_id: str, start: Place, last: Followed, counted: Mapping[Cell, int]) -> bool:
        """Keep the place and what was counted together, so that nothing counts twice."""
        reached = Place(last.chained.position, last.chained.chain_hash)

        async def attempt(benefits: BenefitsStore) -> bool:
            kept = await following.keep_place(benefits, program_id, start, reached)
            if kept:
                await cohorts.add(benefits, program_id, counted)
            return kept

        return await self._store.transaction(attempt)

    async def _place(self, program_id: str) -> Place:
        found = await following.place(self._store, program_id)
        if found is None:
            found = Place(0, origin(service=self._service, program_id=program_id, chain=LEDGER))
            await following.begin(self._store, program_id, found)
        return found
