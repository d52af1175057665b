"""Programs: the live version of each, as far as others need to know it."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from libs.common.errors import ProgramUnknown
from services.benefits.domain.programs import Version
from services.benefits.repository.store import BenefitsStore

# A version that another replica published decides here after so long at most.
LIVE_SECONDS = 1.0


class ProgramHandlers:
    """Remembers the live version of each program for a second."""

    def __init__(self, store: BenefitsStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._live: dict[str, tuple[float, Version]] = {}

    def forget(self, program_id: str) -> None:
        """Read the live version anew when it is asked for next."""
        self._live.pop(program_id, None)

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
