"""Use cases of tills: what a basket earns and may redeem; points are reserved, captured, cancelled, reversed.

A till repeats calls with new request ids. So each looks first what the line
of the check stands for, and answers that where it says the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.caller import caller
from libs.common.clock import milliseconds
from libs.common.homes import is_visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.errors import (
    BusinessKeyConflict,
    HoldStateWrong,
    HoldUnknown,
    MemberUnknown,
)
from services.benefits.domain.holds import Charge, Hold, HoldState
from services.benefits.handlers.drawing import worth_of
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.spending import Spending
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import holds
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Hold], M]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a check, in a program."""

    program_id: str
    check_ref: str
    line: int


@dataclass(frozen=True, slots=True)
class Reversing:
    """What is given back of a check, under the till's number of it: points by line, all of one where 0.

    Without lines it is all of the check.
    """

    program_id: str
    check_ref: str
    return_ref: str
    lines: dict[int, int]


class TillHandlers:
    """Answers tills. What they redeem is named by their partner, the check and its line, for ever."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        spending: Spending,
        limits: LimitRefusals,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._spending, self._limits, self._now = spending, limits, now

    async def reserve(
        self,
        line: Line,
        member_id: str,
        points: int,
        request: Request[M],
        answer: Answer[M],
        *,
        point_type: str = "",
    ) -> M:
        """Hold points, or say what became of those that were held for this line before."""
        if not await is_visible(self._store.database, line.program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        program, time = await self._program(line.program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            before = (await _of_check(benefits, line.program_id, line.check_ref, [line.line])).get(line.line)
            if before is not None:
                _require_same(before, member_id, points, point_type)
                return answer(before)
            worth = await worth_of(benefits, program, member_id, points, time=time, point_type=point_type)
            charge = Charge(
                member_id=member_id,
                points=points,
                money_minor=worth.minor(points),
                source=caller().subject,
                external_ref=line.check_ref,
                line=line.line,
                point_type=point_type,
            )
            until = self._now() + timedelta(minutes=program.points.redemption.hold_minutes)
            return answer(await self._spending.hold(benefits, program, charge, time=time, expires_time=until))

        async with self._limits.told(program, member_id, time):
            return await self._store.once(request, attempt, now=self._now)

    async def capture(self, line: Line, points: int, request: Request[M], answer: Answer[M]) -> M:
        """Spend what is held for a line, or so many points of it."""
        program, time = await self._program(line.program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            held = await _known(benefits, line)
            wanted = points or held.points
            if held.state is not HoldState.CAPTURED:
                held = await self._spending.capture(benefits, program, held.hold_id, points=wanted, time=time)
            elif held.captured != wanted:
                raise BusinessKeyConflict(captured_points=held.captured)
            return answer(held)

        return await self._store.once(request, attempt, now=self._now)

    async def cancel(self, line: Line, request: Request[M], answer: Answer[M]) -> M:
        """Give back what is held for a line."""
        program, time = await self._program(line.program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            held = await _known(benefits, line)
            if held.state is HoldState.CAPTURED:
                raise HoldStateWrong(state=str(held.state))
            if held.open:
                held = await self._spending.release(benefits, program, held.hold_id, time=time)
            return answer(held)

        return await self._store.once(request, attempt, now=self._now)

    async def reverse(
        self, reversing: Reversing, request: Request[M], answer: Callable[[Sequence[Hold]], M]
    ) -> M:
        """Give captured points back, all lines or none; a line that this return gave back already stays."""
        program, time = await self._program(reversing.program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            found = await _reversed(benefits, reversing)
            return answer(
                [
                    await self._given_back(benefits, program, reversing, held, time)
                    for _, held in sorted(found.items())
                ]
            )

        return await self._store.once(request, attempt, now=self._now)

    async def _given_back(
        self, benefits: BenefitsStore, program: Program, reversing: Reversing, held: Hold, time: datetime
    ) -> Hold:
        line, points = held.charge.line, reversing.lines.get(held.charge.line, 0)
        key = (caller().subject, reversing.return_ref, line)
        before = await holds.return_of(benefits, program.key, key)
        if before is None and not (reversing.lines or held.kept):
            return held  # all of it was given back under other numbers
        if before is None:
            wanted = points or None
            return await self._spending.give_back(
                benefits, program, held.hold_id, key=key, points=wanted, time=time
            )
        # Who asked for all of it left nothing.
        same = before.points == points if points else not held.kept
        if before.hold_id != held.hold_id or not same:
            raise BusinessKeyConflict(returned_points=before.points, line=line)
        return held

    async def _program(self, program_id: str) -> tuple[Program, datetime]:
        """The program as it is now, and what time it is there."""
        program = (await self._programs.live(program_id)).program
        return program, milliseconds(await self._times.of(program))


async def _of_check(
    benefits: BenefitsStore, program_id: str, check_ref: str, lines: Sequence[int] = ()
) -> dict[int, Hold]:
    """What the caller holds or held for a check, by line."""
    return await holds.of_keys(benefits, program_id, caller().subject, check_ref, lines)


async def _known(benefits: BenefitsStore, line: Line) -> Hold:
    found = await _of_check(benefits, line.program_id, line.check_ref, [line.line])
    if line.line not in found:
        raise HoldUnknown(check_ref=line.check_ref, line=line.line)
    return found[line.line]


def _require_same(before: Hold, member_id: str, points: int, point_type: str) -> None:
    charge = before.charge
    if (charge.member_id, charge.points, charge.point_type) != (member_id, points, point_type):
        typed = {"point_type": charge.point_type} if charge.point_type or point_type else {}
        raise BusinessKeyConflict(member_id=charge.member_id, points=charge.points, **typed)


async def _reversed(benefits: BenefitsStore, reversing: Reversing) -> dict[int, Hold]:
    """The lines that are given back; of a whole check those that were captured."""
    found = await _of_check(benefits, reversing.program_id, reversing.check_ref, list(reversing.lines))
    if not reversing.lines:
        found = {line: held for line, held in found.items() if held.state is HoldState.CAPTURED}
    missing = reversing.lines.keys() - found.keys()
    if missing or not found:
        raise HoldUnknown(check_ref=reversing.check_ref, lines=sorted(missing))
    return found
