"""Use case of walks: find the versions, and walk the members of each frame by all their ladders."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from libs.common.caller import Principal
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.moves import Look
from services.scoring.domain.tiers import Ladder
from services.scoring.domain.walks import JOINS, Walked, Walker, WalkFrame, matrices
from services.scoring.programs import HeldPrograms, NamedProgram

# Places and outcomes of a frame, a byte each: what one answer may hold.
ANSWER_BYTES_MAX = 8_000_000


@dataclass(frozen=True, slots=True)
class WalkTiers:
    """Walk members over dates by several versions of a program."""

    principal: Principal
    programs: Sequence[NamedProgram]
    facts: Sequence[str]
    dates: Sequence[datetime]
    look: Look


@dataclass(frozen=True, slots=True)
class WalkedLadder:
    """Where members stand by the ladder of a program, which is named by its place."""

    program: int
    ladder: Ladder
    walked: Walked


class Walking:
    """The walks of one stream."""

    def __init__(self, command: WalkTiers, ladders: Sequence[tuple[int, Ladder]]) -> None:
        self._facts, self._dates = command.facts, command.dates
        self._walkers = [
            (place, ladder, Walker(ladder, command.facts, command.dates, command.look))
            for place, ladder in ladders
        ]

    async def walk(self, frame: WalkFrame) -> list[WalkedLadder]:
        """Where the members of a frame stand by each ladder; others are answered between."""
        bytes_count = 2 * frame.rows_count * len(self._dates) * len(self._walkers)
        if bytes_count > ANSWER_BYTES_MAX:
            problem = f"the answer has {bytes_count} bytes, {ANSWER_BYTES_MAX} are allowed: send fewer rows"
            raise FrameInvalid(frame_id=frame.frame_id, problem=problem)
        numbers = matrices(frame, self._facts, len(self._dates))
        found = []
        for place, ladder, walker in self._walkers:
            walked = Walked()
            standings = frame.standings.get(ladder.tier_set, [JOINS] * frame.rows_count)
            regions = frame.regions.get((place, ladder.tier_set), [""] * frame.rows_count)
            for _ in walker.walk(numbers, standings, regions, walked):
                await asyncio.sleep(0)
            found.append(WalkedLadder(place, ladder, walked))
        return found


@dataclass(frozen=True, slots=True)
class WalkingHandlers:
    """What walks members, for the facts in the stream and nothing else."""

    programs: HeldPrograms

    def walking(self, command: WalkTiers) -> Walking:
        """What walks the frames of a stream."""
        if any(one >= other for one, other in pairwise(command.dates)):
            raise FrameInvalid(problem="the dates do not ascend")
        ladders = [
            (place, ladder)
            for place, named in enumerate(command.programs)
            for ladder in self.programs.find(named, command.principal).ladders.values()
        ]
        return Walking(command, ladders)
