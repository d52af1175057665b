"""Recalculation: a version took effect, and all members are decided on again by its rules, with receipts."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from libs.common.errors import Contention
from services.benefits.clients import MembersClient
from services.benefits.domain.effects import Effect
from services.benefits.domain.memberships import Look, Membership, Step
from services.benefits.domain.program_changes import Change, Recalculation
from services.benefits.domain.programs import Version
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.known_facts import known_facts
from services.benefits.handlers.runs import Run, decided_alone, keep_run, run_of
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.unmoved import Moved
from services.benefits.repository import program_versions as kept
from services.benefits.repository.store import BenefitsStore

MEMBERS_AT_ONCE = 200
# So many are decided while one is stored: scoring, the database and we have each something to do.
BATCHES_AHEAD = 2
TRIES_MAX = 20


@dataclass(frozen=True, slots=True)
class _Batch:
    """Memberships that follow one another, and what becomes of them; none at the end."""

    memberships: Sequence[Membership] = ()
    run: Run | None = None


class _Ahead:
    """Batches one after another, of which some are made beforehand: read in order, decided side by side."""

    def __init__(
        self,
        after: str,
        read: Callable[[str], Awaitable[Sequence[Membership]]],
        decide: Callable[[Sequence[Membership]], Awaitable[Run]],
    ) -> None:
        self._read, self._decide = read, decide
        self._latest = asyncio.ensure_future(read(after))
        self._coming = deque([asyncio.ensure_future(self._batch(self._latest))])

    async def next(self) -> _Batch:
        """The next batch; those that follow it are begun."""
        while len(self._coming) <= BATCHES_AHEAD:
            self._latest = asyncio.ensure_future(self._following(self._latest))
            self._coming.append(asyncio.ensure_future(self._batch(self._latest)))
        return await self._coming.popleft()

    async def end(self) -> None:
        """Let go of what was begun."""
        begun = [self._latest, *self._coming]
        for each in begun:
            each.cancel()
        await asyncio.gather(*begun, return_exceptions=True)

    async def _following(self, before: Awaitable[Sequence[Membership]]) -> Sequence[Membership]:
        memberships = await before
        return await self._read(memberships[-1].membership_id) if memberships else []

    async def _batch(self, reading: Awaitable[Sequence[Membership]]) -> _Batch:
        memberships = await reading
        return _Batch(memberships, await self._decide(memberships)) if memberships else _Batch()


class RecalculationHandlers:
    """Decides members on again, some at a time and in the order of their memberships.

    How far a run is stands with the version, and is moved in the transaction
    of what it did: so each membership is decided once in a run, whoever is at
    it and however often it is interrupted. All of it is as of one time.
    """

    def __init__(
        self,
        store: BenefitsStore,
        deciding: Deciding,
        members: MembersClient,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._deciding, self._members, self._times = store, deciding, members, times
        self._now, self._new_id = now, new_id

    async def running(self) -> list[Change]:
        """The versions that not all members have been decided on by."""
        return await kept.recalculating(self._store)

    async def through(self, change: Change, told: Callable[[Change], bool]) -> Change | None:
        """Decide all that are left by a version; gives how far that is in the end, None if another is at it.

        The next ones are decided while those before are stored. `told` hears how
        far it is after each and says whether to go on.
        """
        version = Version(
            change.program, change.digest, change.effective_time or self._now(), change.document
        )
        tries, ahead = 0, self._ahead(version, change)
        try:
            while True:
                batch = await ahead.next()
                try:
                    after = await self._kept(change, batch)
                except Moved:
                    if (tries := tries + 1) == TRIES_MAX:
                        raise Contention from None
                    await ahead.end()
                    ahead = self._ahead(version, change)
                    continue
                tries = 0
                if after is None or not batch.memberships or not told(after):
                    return after
                change = after
        finally:
            await ahead.end()

    def _ahead(self, version: Version, change: Change) -> _Ahead:
        run = change.recalculation
        assert run is not None
        read = partial(self._store.memberships_after, version.program_id, limit=MEMBERS_AT_ONCE)
        return _Ahead(run.after, read, partial(self._run, version, run))

    async def _kept(self, change: Change, batch: _Batch) -> Change | None:
        run = change.recalculation
        assert run is not None
        if batch.run is None:
            done = replace(run, end_time=self._now())
            moved = await kept.advance(self._store, change, done)
            return replace(change, recalculation=done) if moved else None
        outcomes = [each.tier.outcome for effect in batch.run.effects for each in effect.decisions]
        further = replace(
            run,
            after=batch.memberships[-1].membership_id,
            memberships=run.memberships or await self._store.memberships_count(change.program_id),
            decided=run.decided + len(batch.memberships),
            upgraded=run.upgraded + outcomes.count("UPGRADED"),
            downgraded=run.downgraded + outcomes.count("DOWNGRADED"),
        )
        moved = await self._store.transaction(partial(self._keep, change, further, batch.run))
        return replace(change, recalculation=further) if moved else None

    async def _run(self, version: Version, run: Recalculation, memberships: Sequence[Membership]) -> Run:
        effects = await self.decided(version, run, memberships)
        return run_of(
            version.program,
            effects,
            announced=[each for each in effects if any(decision.changed for decision in each.decisions)],
            time=await self._times.of(version.program),
            now=self._now(),
            told_since=run.as_of,
        )

    async def decided(
        self, version: Version, run: Recalculation, memberships: Sequence[Membership]
    ) -> list[Effect]:
        """What a version makes of memberships; nothing is kept."""
        facts = await known_facts(self._members, version, memberships, run.as_of)
        steps = [
            (each, Step(Look.NEW_VERSION, run.as_of, facts[each.membership_id], run_id=run.run_id))
            for each in memberships
        ]
        return await decided_alone(self._deciding, version, steps, self._new_id)

    async def _keep(self, change: Change, further: Recalculation, run: Run, benefits: BenefitsStore) -> bool:
        # First in the transaction: of two at it, one meets the other here.
        if not await kept.advance(benefits, change, further):
            return False
        await keep_run(benefits, run, new_id=self._new_id)
        return True
