"""The use case of mixes: divide what is given back to a member between cash and service."""

from libs.common.earning_policy import PURCHASE
from libs.common.homes import is_visible
from libs.common.program import Program
from services.benefits.domain.earning_situations import Situation
from services.benefits.domain.errors import MemberUnknown, MixUnknown
from services.benefits.domain.mixes import Split, split
from services.benefits.handlers.earning import earners
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore


class MixHandlers:
    """Divides values, without changing anything; conditions read the member as those of earning do."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def split(self, program_id: str, member_id: str, value_minor: int) -> tuple[Program, Split]:
        """What a member would get now of a value."""
        if not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        program = (await self._programs.live(program_id)).program
        if program.mix is None:
            raise MixUnknown
        at = await self._times.of(program)
        before = (await earners(self._store, program, [(member_id, at)]))[member_id, at]
        situation = Situation(
            program=program,
            event_kind=PURCHASE,
            amount_minor=value_minor,
            tier=before.tier,
            tiers=before.tiers,
            occurred_time=at,
            metrics=before.metrics,
            birthday=before.birthday,
        )
        return program, split(program.mix, situation)
