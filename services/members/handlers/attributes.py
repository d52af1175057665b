"""The use case that tells attributes of all members of a program, some thousand at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from libs.common.mongo import Database
from services.members.domain.attributes import ATTRIBUTES
from services.members.handlers.programs import ProgramHandlers
from services.members.repository import attributes

MEMBERS_PER_ANSWER = 10_000
# Whoever asks for them: reading whole programs leaves room for all else.
ANSWERS_AT_ONCE_MAX = 2


@dataclass(frozen=True, slots=True)
class Column:
    """The values that occur, each once, and per member the place of theirs."""

    values: Sequence[str]
    places: Sequence[int]

    @classmethod
    def of(cls, values: Sequence[str]) -> "Column":
        """Of the value of each member."""
        places: dict[str, int] = {}
        found = [places.setdefault(each, len(places)) for each in values]
        return cls(list(places), found)


class AttributeHandlers:
    """Answers for whole programs."""

    def __init__(self, database: Database, programs: ProgramHandlers) -> None:
        self._database, self._programs = database, programs
        self._turns = asyncio.Semaphore(ANSWERS_AT_ONCE_MAX)

    async def stream(
        self, program_id: str, names: Sequence[str]
    ) -> AsyncIterator[tuple[Sequence[str], Sequence[Column]]]:
        """The members of one answer after another, with a column per attribute."""
        zone = (await self._programs.program(program_id)).time_zone
        asked, after = [ATTRIBUTES[name] for name in names], ""
        while True:
            async with self._turns:
                found = await attributes.traits(
                    self._database, program_id, after=after, limit=MEMBERS_PER_ANSWER
                )
                columns = [Column.of([value(each, zone) for each in found.values()]) for value in asked]
            if found:
                yield list(found), columns
            if len(found) < MEMBERS_PER_ANSWER:
                return
            after = next(reversed(found))
