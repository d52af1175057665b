"""The use case that closes days of a chain: of each one's records a root is made, signed and kept apart."""

from collections.abc import Callable
from datetime import datetime

from libs.common.chains.anchors import Anchors
from libs.common.chains.chain import Root, origin
from libs.common.chains.keys import ChainSigner
from libs.common.chains.sequencer import Chained
from services.benefits.domain.roots import Day, Place, closed_date, end_of
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import roots
from services.benefits.repository.store import BenefitsStore

SUBTREES_AT_ONCE = 16


class RootHandlers:
    """Makes the roots of days that are over, one after the other, a bounded part at each turn."""

    def __init__(
        self,
        chain: Chained,
        store: BenefitsStore,
        programs: ProgramHandlers,
        signer: ChainSigner,
        anchors: Anchors,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._chain, self._store, self._programs = chain, store, programs
        self._signer, self._anchors, self._now = signer, anchors, now

    async def close(self, program_id: str) -> bool:
        """Go on with a program's next day that is over; whether there is more to do at once.

        ChainBroken where the chain is not whole: it is never signed, and the
        day stays open until somebody has looked.
        """
        root, day = await roots.last(self._store, self._chain, program_id)
        if day is None:
            return await self._begin(program_id, root)
        for _ in range(SUBTREES_AT_ONCE):
            if day.done:
                break
            first, last = day.following()
            grown = day.grown(await roots.chained(self._store, self._chain, program_id, first, last))
            if not await roots.grow(self._store, self._chain, day, grown):
                return True
            day = grown
        if day.done:
            await roots.sign(self._store, self._chain, self._root(day))
            await self._anchors.keep()
        return True

    async def late_seconds(self, program_id: str) -> float:
        """How long ago the day ended that has no root yet, 0 where none is over."""
        root, day = await roots.last(self._store, self._chain, program_id)
        date = day.date if day is not None else await self._next_date(program_id, root)
        if date is None:
            return 0.0
        ended = end_of(date, await self._time_zone(program_id))
        return max(0.0, (self._now() - ended).total_seconds())

    async def _begin(self, program_id: str, root: Root | None) -> bool:
        """Begin the next day that is over, once nothing of it waits for its place."""
        if root is not None:
            await self._anchors.keep()  # of a root that a crash has kept from it
            await roots.drop_heads(self._store, self._chain, root)
        date = await self._next_date(program_id, root)
        if date is None:
            return False
        end = end_of(date, await self._time_zone(program_id))
        if await roots.waits(self._store, self._chain, program_id, end):
            return False
        before = self._end_of(program_id, root)
        last = await roots.last_before(self._store, self._chain, program_id, before.position, end)
        if last == before.position:
            return False
        await roots.begin(self._store, self._chain, Day(program_id, date, before.position + 1, last, before))
        return True

    async def _next_date(self, program_id: str, root: Root | None) -> str | None:
        recorded = await roots.first_behind(
            self._store, self._chain, program_id, root.last_position if root else 0
        )
        if recorded is None:
            return None
        after = root.date if root else ""
        return closed_date(recorded, after, await self._time_zone(program_id), self._now())

    async def _time_zone(self, program_id: str) -> str:
        return (await self._programs.live(program_id)).program.time_zone

    def _end_of(self, program_id: str, root: Root | None) -> Place:
        """Where the day before ended, or the place before the first record."""
        if root is not None:
            return Place(root.last_position, root.chain_hash)
        return Place(0, origin(service=self._signer.service, program_id=program_id, chain=self._chain.chain))

    def _root(self, day: Day) -> Root:
        return self._signer.signed(
            Root(
                service=self._signer.service,
                program_id=day.program_id,
                chain=self._chain.chain,
                date=day.date,
                first_position=day.first_position,
                last_position=day.last_position,
                root_hash=day.root_hash(),
                chain_hash=day.reached.chain_hash,
                signed_time=self._now(),
            )
        )
