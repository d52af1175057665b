"""Walks of members over dates: their facts from members as columns, and where they stand from scoring."""

import math
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.scoring.v1 import walks_pb2, walks_pb2_grpc
from libs.common.errors import Contention
from libs.common.rpc.client import calling, channel
from libs.common.rpc.time import timestamp
from libs.common.tls import Certificates
from services.benefits.domain.programs import Version

_MEMBERS = members_pb2.DESCRIPTOR.services_by_name["MembersService"]
_WALKS = walks_pb2.DESCRIPTOR.services_by_name["WalkService"]

FACTS_MAX = 50
FRAME_ROWS_MAX = 2_000
FRAME_NUMBERS_MAX = 400_000
ANSWER_BYTES_MAX = 8_000_000
PART_SECONDS = 120.0


Regions = Mapping[tuple[int, str], Mapping[str, str]]
"""The variant by whose rules a member is decided on: by the place of a version, and by tier set."""


@dataclass(slots=True)
class Facts:
    """Members, and by date and fact a column of little-endian float64, NaN where there is none."""

    member_ids: list[str]
    names: Sequence[str]
    columns: list[list[bytes]]

    def with_fact(self, name: str, told: Mapping[str, int]) -> "Facts":
        """The same with a fact more, which members have at all dates alike; NaN of whom none is told."""
        column = array("d", [told.get(each, math.nan) for each in self.member_ids]).tobytes()
        return Facts(self.member_ids, [*self.names, name], [[*each, column] for each in self.columns])

    def column(self, date: int, name: str) -> list[int]:
        """A fact of all members at a date; 0 where there is none."""
        numbers = array("d", self.columns[date][list(self.names).index(name)])
        return [int(each) if each == each else 0 for each in numbers]  # noqa: PLR0124 - NaN

    def frames(self, rows_max: int, regions: Regions) -> Iterator[walks_pb2.WalkFrame]:
        """The members as frames of so many at most, with the regions that they are of."""
        for number, start in enumerate(range(0, len(self.member_ids), rows_max)):
            ids = self.member_ids[start : start + rows_max]
            rows = len(ids)
            yield walks_pb2.WalkFrame(
                frame_id=number,
                rows_count=rows,
                dates=[
                    walks_pb2.WalkFacts(columns=[each[8 * start : 8 * (start + rows)] for each in columns])
                    for columns in self.columns
                ],
                regions=[
                    _regions(place, tier_set, [found.get(each, "") for each in ids])
                    for (place, tier_set), found in regions.items()
                ],
            )


@dataclass(slots=True)
class Standings:
    """Where members stand in a tier set by a version: by date their ranks, a byte each."""

    ranks: list[bytearray]
    between: int = 0

    def add(self, ladder: walks_pb2.WalkedLadder) -> None:
        """Those of one more frame."""
        for ranks, places in zip(self.ranks, ladder.places, strict=True):
            ranks.extend(places)
        self.between += ladder.between_count


class WalkClient:
    """Asks members for facts of the past, and scoring where those who had them would have stood."""

    def __init__(
        self,
        members_address: str,
        scoring_address: str,
        *,
        tls: Certificates | None = None,
        token: Callable[[], str] | None = None,
    ) -> None:
        """By certificate; where there is none, in development, with a token."""
        self._to_members = channel(members_address, _MEMBERS, tls=tls, token=token)
        self._to_scoring = channel(scoring_address, _WALKS, tls=tls, token=token)
        self._members = members_pb2_grpc.MembersServiceStub(self._to_members)
        self._walks = walks_pb2_grpc.WalkServiceStub(self._to_scoring)

    async def divide(self, program_id: str, parts: int) -> tuple[list[str], int]:
        """The last member of each part but the last one, and how many members there are."""
        request = members_pb2.DivideMembersRequest(program_id=program_id, parts_count=parts)
        with calling("members"):
            response = await self._members.DivideMembers(request, timeout=PART_SECONDS)
        return list(response.through_member_ids), response.members_total

    async def facts(
        self,
        program_id: str,
        part: tuple[str, str],
        names: Sequence[str],
        dates: Sequence[datetime],
    ) -> Facts:
        """Facts of the members of a part at each date."""
        found: Facts | None = None
        for start in range(0, len(names), FACTS_MAX):
            more = await self._facts(program_id, part, names[start : start + FACTS_MAX], dates)
            if found is None:
                found = more
            elif found.member_ids != more.member_ids:
                raise Contention  # somebody joined meanwhile: ask again
            else:
                found.columns = [
                    [*one, *other] for one, other in zip(found.columns, more.columns, strict=True)
                ]
        assert found is not None
        return Facts(found.member_ids, names, found.columns)

    async def _facts(
        self, program_id: str, part: tuple[str, str], names: Sequence[str], dates: Sequence[datetime]
    ) -> Facts:
        first, *more = map(timestamp, dates)
        request = members_pb2.StreamFactColumnsRequest(
            program_id=program_id,
            as_of=first,
            facts=names,
            after_member_id=part[0],
            through_member_id=part[1],
            more_dates=more,
        )
        found = Facts([], names, [[b""] * len(names) for _ in dates])
        with calling("members"):
            async for answer in self._members.StreamFactColumns(request, timeout=PART_SECONDS):
                found.member_ids += answer.member_ids
                told = [answer.columns, *(each.columns for each in answer.more_dates)]
                found.columns = [
                    [one + other for one, other in zip(before, columns, strict=True)]
                    for before, columns in zip(found.columns, told, strict=True)
                ]
        return found

    async def walk(
        self, versions: Sequence[Version], facts: Facts, dates: Sequence[datetime], regions: Regions
    ) -> Mapping[tuple[int, str], Standings]:
        """Where members stand by each version, which is named by its place, and tier set."""
        with calling("scoring"):
            return await self._walked(versions, facts, dates, regions)

    async def _walked(
        self, versions: Sequence[Version], facts: Facts, dates: Sequence[datetime], regions: Regions
    ) -> Mapping[tuple[int, str], Standings]:
        # With documents, small beside the frames: gRPC's client loses refusals that come while it writes.
        header = walks_pb2.WalkHeader(
            programs=[
                walks_pb2.WalkProgram(program_digest=each.digest, program_document=each.document)
                for each in versions
            ],
            facts=facts.names,
            dates=map(timestamp, dates),
        )
        ladders = sum(len(each.program.tier_sets) for each in versions)
        rows_max = min(
            FRAME_ROWS_MAX,
            FRAME_NUMBERS_MAX // (len(dates) * len(facts.names)),
            ANSWER_BYTES_MAX // (2 * len(dates) * ladders),
        )

        async def requests() -> AsyncIterator[walks_pb2.WalkTiersRequest]:
            yield walks_pb2.WalkTiersRequest(header=header)
            for frame in facts.frames(max(1, rows_max), regions):
                yield walks_pb2.WalkTiersRequest(frame=frame)

        found = {
            (place, tier_set.key): Standings([bytearray() for _ in dates])
            for place, version in enumerate(versions)
            for tier_set in version.program.tier_sets
        }
        async for answer in self._walks.WalkTiers(requests(), timeout=PART_SECONDS):
            for ladder in answer.ladders:
                found[ladder.program, ladder.tier_set].add(ladder)
        return found

    async def close(self) -> None:
        await self._to_members.close()
        await self._to_scoring.close()


def _regions(place: int, tier_set: str, variants: Sequence[str]) -> walks_pb2.WalkRegions:
    known = sorted(set(variants) - {""})
    places = {"": -1, **{key: number for number, key in enumerate(known)}}
    return walks_pb2.WalkRegions(
        program=place,
        tier_set=tier_set,
        variants=known,
        places=array("b", [places[each] for each in variants]).tobytes(),
    )
