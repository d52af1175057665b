"""The attributes of a program's members, looked up while their memberships are walked through in order."""

from collections.abc import AsyncGenerator, Iterable
from typing import Self

from laurel.members.v1 import members_pb2


class Attributes:
    """Values by member, of answers that come in the order of ids; one answer at a time is held."""

    def __init__(
        self, answers: AsyncGenerator[members_pb2.StreamMemberAttributesResponse, None] | None
    ) -> None:
        """`answers` is None where no attribute is permitted: then everybody is known, by nothing."""
        self._answers = answers
        self._held: dict[str, tuple[str, ...]] = {}
        self._last = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._answers is not None:
            await self._answers.aclose()

    async def of(self, member_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The values of those members that are known, in order of their ids, above all asked for before."""
        if self._answers is None:
            return dict.fromkeys(member_ids, ())
        found = {}
        for member_id in member_ids:
            while member_id > self._last and (answer := await anext(self._answers, None)) is not None:
                self._held, self._last = _rows(answer), answer.member_ids[-1]
            if (values := self._held.get(member_id)) is not None:
                found[member_id] = values
        return found


def _rows(answer: members_pb2.StreamMemberAttributesResponse) -> dict[str, tuple[str, ...]]:
    columns = [[column.values[place] for place in column.places] for column in answer.columns]
    return dict(zip(answer.member_ids, zip(*columns, strict=True), strict=True))
