"""Use cases of changing programs: propose, approve, reject, publish, roll back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.calendar import Due
from libs.common.caller import caller
from libs.common.clock import milliseconds
from libs.common.errors import ProgramInvalid, ProgramUnknown
from libs.common.lint.check import lint
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.errors import ProgramMoved, ProgramVersionUnknown
from services.benefits.domain.program_changes import (
    Change,
    State,
    approved,
    change_of,
    in_effect,
    of_change,
    proposed,
    rejected,
    require_current,
    rolled_back,
    scheduled,
)
from services.benefits.domain.programs import Version, next_version
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import program_versions as kept
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Change], M]

PROBLEMS_MAX = 20


class ChangeHandlers:
    """Takes versions from the proposal to their effect, each step with its audit record."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id = now, new_id

    async def publish_directly(
        self, program_id: str, document: bytes, request: Request[M], answer: Callable[[Version], M]
    ) -> M:
        """Make a document the live version: the first one, or another one of a sandbox."""
        draft = Program.parse(document)

        async def attempt(benefits: BenefitsStore) -> M:
            live = (await benefits.live_programs([program_id])).get(program_id)
            number = await kept.next_number(benefits, program_id)
            version = next_version(program_id, draft, live, number=number, now=self._now())
            before = None if live is None else change_of(live)
            if version != live:
                await kept.keep(benefits, await self._in_effect(version, live), self._now())
            act = Act(request, [program_id], before=of_change(before), after=of_change(change_of(version)))
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(version)

        published = await self._store.once(request, attempt, now=self._now)
        self._programs.forget(program_id)
        return published

    async def _in_effect(self, version: Version, live: Version | None) -> Change:
        """The version as it is kept. Of the first there are no members to decide on again."""
        change = change_of(version)
        if live is None:
            return change
        time = milliseconds(await self._times.of(live.program))
        return in_effect(change, run_id=self._new_id("run"), time=time, now=self._now())

    async def propose(
        self, program_id: str, document: bytes, note: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Keep a document as the next version, in nobody's way."""
        draft = Program.parse(document)
        if draft.key != program_id:
            raise ProgramInvalid(key=f"is {draft.key}, the request says {program_id}")
        # A large program takes seconds, in which others are answered.
        await asyncio.to_thread(_require_sound, draft, self._now())

        async def attempt(benefits: BenefitsStore) -> M:
            live = await self._live(benefits, program_id)
            number = await kept.next_number(benefits, program_id)
            after = proposed(live, draft, number=number, by=caller().subject, note=note, now=self._now())
            return answer(await self._kept(benefits, request, None, after))

        return await self._store.once(request, attempt, now=self._now)

    async def approve(
        self, program_id: str, number: int, digest: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Approve what somebody else proposed."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, number)
            after = approved(before, digest=digest, by=caller().subject, now=self._now())
            return answer(await self._kept(benefits, request, before, after))

        return await self._store.once(request, attempt, now=self._now)

    async def reject(
        self, program_id: str, number: int, reason: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Let a version be."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, number)
            after = rejected(before, reason=reason, by=caller().subject, now=self._now())
            return answer(await self._kept(benefits, request, before, after))

        return await self._store.once(request, attempt, now=self._now)

    async def publish(
        self,
        program_id: str,
        number: int,
        effective_time: datetime | None,
        request: Request[M],
        answer: Answer[M],
    ) -> M:
        """Let an approved version take effect, now or later."""
        _, time = await self._times.now_in(program_id)
        at = max(time, effective_time or time)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, number)
            after = scheduled(before, await self._live(benefits, program_id), at=at)
            if at == time:
                after = in_effect(after, run_id=self._new_id("run"), time=time, now=self._now())
            return answer(await self._kept(benefits, request, before, after))

        published = await self._store.once(request, attempt, now=self._now)
        self._programs.forget(program_id)
        return published

    async def roll_back(
        self, program_id: str, to: int, reason: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Let the rules of an earlier version take effect again, at once."""
        _, time = await self._times.now_in(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            earlier, live = (
                await self._known(benefits, program_id, to),
                await self._live(benefits, program_id),
            )
            number = await kept.next_number(benefits, program_id)
            change = rolled_back(
                live, earlier, number=number, by=caller().subject, reason=reason, now=self._now()
            )
            after = in_effect(change, run_id=self._new_id("run"), time=time, now=self._now())
            return answer(await self._kept(benefits, request, None, after))

        changed = await self._store.once(request, attempt, now=self._now)
        self._programs.forget(program_id)
        return changed

    async def page(self, program_id: str, *, before: int | None, limit: int) -> tuple[list[Change], bool]:
        """Versions, the latest first, and whether there are more."""
        await self._programs.live(program_id)
        found = await kept.page(self._store, program_id, before=before, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def several(self, program_id: str, numbers: Sequence[int]) -> dict[int, Change]:
        """Those of some versions that there are."""
        return await kept.several(self._store, program_id, numbers)

    async def _live(self, benefits: BenefitsStore, program_id: str) -> Version:
        live = (await benefits.live_programs([program_id])).get(program_id)
        if live is None:
            raise ProgramUnknown(program_id=program_id)
        return live

    async def _known(self, benefits: BenefitsStore, program_id: str, number: int) -> Change:
        found = await kept.one(benefits, program_id, number)
        if found is None:
            raise ProgramVersionUnknown(version=number)
        return found

    async def _kept(
        self, benefits: BenefitsStore, request: Request[M], before: Change | None, after: Change
    ) -> Change:
        await kept.keep(benefits, after, self._now())
        act = Act(
            request,
            [after.program_id],
            reason=after.reason or after.note,
            before=of_change(before),
            after=of_change(after),
        )
        await trail.record(benefits.database, benefits.session, act, now=self._now())
        return after


def _require_sound(draft: Program, now: datetime) -> None:
    """Refuse what lint finds wrong (B-29); what it warns of is for people to weigh."""
    wrong = [each for each in lint(draft, now) if each.severity == "error"]
    if wrong:
        raise ProgramInvalid(**{each.path: each.text("en") for each in wrong[:PROBLEMS_MAX]})


class ScheduledVersions:
    """What falls due in the calendar with programs: versions take effect, each named by its number."""

    name = "program_versions"

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._now, self._new_id = store, programs, now, new_id

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The versions that take effect by a time."""
        found = await kept.due(self._store, program_id, until, limit)
        return [Due(str(each.number), each.effective_time or until) for each in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Let those take effect that are scheduled still, one after another."""
        done = 0
        for item in items:
            done += await self._store.transaction(partial(self._take_effect, program_id, item))
        self._programs.forget(program_id)
        return done

    async def _take_effect(self, program_id: str, item: Due, benefits: BenefitsStore) -> bool:
        """A version that others overtook meanwhile never does: it would undo what came between."""
        change = await kept.one(benefits, program_id, int(item.key))
        if change is None or change.state is not State.SCHEDULED:
            return False
        live = (await benefits.live_programs([program_id]))[program_id]
        now = self._now()
        try:
            require_current(change, live)
        except ProgramMoved as moved:
            over = rejected(change, reason=str(moved), by="", now=now)
            await kept.keep(benefits, over, now)
            return True
        after = in_effect(change, run_id=self._new_id("run"), time=item.due_time, now=now)
        await kept.keep(benefits, after, now)
        return True
