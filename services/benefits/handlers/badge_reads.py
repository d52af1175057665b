"""Use cases that read badges: those of members, whether one is genuine, and all records of their chain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.common import mongo
from libs.common.caller import caller
from libs.common.chains.reading import Page, Place, Reading
from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.badges import BadgeContent, HeldBadge
from services.benefits.domain.proofs import Linked, Rooted
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.proving import proving
from services.benefits.repository import badges
from services.benefits.repository.badges import BADGES_CHAINED
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class BadgeProof:
    """What is proved of a badge, and by what; by nothing yet where it waits for its place, or for a head."""

    content: BadgeContent
    by: Rooted | Linked | None


@dataclass(frozen=True, slots=True)
class VerifiedBadge:
    """A badge with the proofs of its records; which of their parts the caller may see."""

    badge: HeldBadge
    proofs: Sequence[BadgeProof]
    shows_owner: bool
    shows_act: bool


class BadgeReads:
    """Answers what badges there are; whose they are, to who may see their members."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, *, service: str) -> None:
        self._store, self._programs, self._service = store, programs, service

    async def of_members(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> tuple[Program, dict[str, list[HeldBadge]]]:
        """The badges of each member whom the caller may see, latest first."""
        program = (await self._programs.live(program_id)).program
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[HeldBadge]:
            async with at_once:
                return await badges.of_member(self._store, program_id, member_id, first)

        seen = sorted(await visible(self._store.database, program_id, member_ids))
        return program, dict(zip(seen, await asyncio.gather(*map(latest, seen)), strict=True))

    async def verified(
        self, program_id: str, serials: Sequence[tuple[str, int]]
    ) -> tuple[Program, dict[tuple[str, int], VerifiedBadge]]:
        """Those of the badges that were issued, each with its proofs, all of one moment."""
        program = (await self._programs.live(program_id)).program
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            kept = await badges.several(store, program_id, serials)
            owners = {badge.issued.member_id for badge, _ in kept.values()}
            seen = await visible(self._store.database, program_id, owners)
            return program, {
                place: VerifiedBadge(
                    badge,
                    [await self._proof(store, program_id, each) for each in contents],
                    shows_owner=badge.issued.member_id in seen,
                    shows_act=badge.issued.member_id in seen and caller().kind in {"staff", "service"},
                )
                for place, (badge, contents) in kept.items()
            }

    async def chained(self, program_id: str, *, after: Place, limit: int) -> tuple[list[BadgeContent], Page]:
        """A page of all records, and where it stands."""
        async with mongo.snapshot(self._store.database.client) as session:
            wanted = {"program_id": program_id}
            reading = Reading.of(self._store.database, BADGES_CHAINED.records, wanted, session)
            page = await reading.page(after, limit)
            return [badges.content_from(each) for each in page.records], page

    async def _proof(self, store: BenefitsStore, program_id: str, content: BadgeContent) -> BadgeProof:
        by = await proving(store, BADGES_CHAINED, self._service, program_id, content.position)
        return BadgeProof(content, by)
