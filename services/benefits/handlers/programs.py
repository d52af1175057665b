"""Use cases around programs: publish a version, know the live one."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.errors import ProgramUnknown
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.programs import Version, next_version
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

# A version that another replica published decides here after so long at most.
LIVE_SECONDS = 1.0


class ProgramHandlers:
    """Publishes programs, and remembers the live version of each for a second."""

    def __init__(self, store: BenefitsStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._live: dict[str, tuple[float, Version]] = {}

    async def publish(
        self, program_id: str, document: bytes, request: Request[M], answer: Callable[[Version], M]
    ) -> M:
        draft = Program.parse(document)

        async def attempt(benefits: BenefitsStore) -> M:
            live = (await benefits.live_programs([program_id])).get(program_id)
            version = next_version(program_id, draft, live, now=self._now())
            if live is None or version != live:
                await benefits.add_program(version, self._now())
            act = Act(request, [program_id], before=_of_version(live), after=_of_version(version))
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(version)

        published = await self._store.once(request, attempt, now=self._now)
        self._live.pop(program_id, None)
        return published

    async def live(self, program_id: str) -> Version:
        """The live version, or ProgramUnknown."""
        version = await self.find(program_id)
        if version is None:
            raise ProgramUnknown(program_id=program_id)
        return version

    async def find(self, program_id: str) -> Version | None:
        """The live version, None where there is no such program."""
        read, version = self._live.get(program_id, (float("-inf"), None))
        if version is None or time.monotonic() - read > LIVE_SECONDS:
            version = (await self._store.live_programs([program_id])).get(program_id)
            if version is not None:
                self._live[program_id] = (time.monotonic(), version)
        return version

    async def all_live(self, program_ids: Sequence[str]) -> dict[str, Version]:
        """The live versions of those programs that there are."""
        return await self._store.live_programs(program_ids)


def _of_version(version: Version | None) -> Mapping[str, object] | None:
    """What an audit record says of a version; the document is found by its digest."""
    return None if version is None else {"version": version.program.version, "digest": version.digest}
