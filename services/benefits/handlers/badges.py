"""Use cases that issue and revoke badges, each with its record for the chain."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.badge_policy import Badge
from libs.common.caller import caller
from libs.common.clock import milliseconds
from libs.common.homes import is_visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.badges import BadgeRecord, Deed, HeldBadge, issued, revoked
from services.benefits.domain.errors import BadgeHeld, BadgeSoldOut, BadgeUnknown, MemberUnknown
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.turns import Turns
from services.benefits.repository import badges
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[HeldBadge, Program], M]


class BadgeHandlers:
    """Issues badges and takes them back. All who do so with badges of one key meet at its counter."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        turns: Turns,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
        new_salt: Callable[[], str],
    ) -> None:
        self._store, self._programs, self._turns = store, programs, turns
        self._now, self._new_id, self._new_salt = now, new_id, new_salt

    async def grant(
        self,
        program_id: str,
        request: Request[M],
        answer: Answer[M],
        *,
        member_id: str,
        key: str,
        explanation: str,
    ) -> M:
        """Give a member the next badge of a key; BadgeSoldOut when all were issued, BadgeHeld who has one."""
        program = (await self._programs.live(program_id)).program

        async def attempt(benefits: BenefitsStore) -> M:
            terms = _known(program, key)
            serial = await badges.take(benefits, program_id, terms)
            if serial is None:
                raise BadgeSoldOut(badge=key, limit=terms.limit)
            if not await is_visible(benefits.database, program_id, member_id):
                raise MemberUnknown(member_id=member_id)
            if (has := await badges.held(benefits, program_id, member_id, key)) is not None:
                raise BadgeHeld(badge_id=has.issued.badge_id, serial=has.issued.serial)
            badge_id = self._new_id("bdg")
            record = issued(
                self._deed(explanation),
                terms,
                serial,
                program_id=program_id,
                badge_id=badge_id,
                member_id=member_id,
            )
            await self._keep(benefits, record, request)
            return answer(HeldBadge(record), program)

        async with self._turns.of([f"{program_id}/badges/{key}"]):
            return await self._store.once(request, attempt, now=self._now)

    async def revoke(
        self, program_id: str, request: Request[M], answer: Answer[M], *, badge_id: str, explanation: str
    ) -> M:
        """Take a badge back; its serial stays its own."""
        program = (await self._programs.live(program_id)).program

        async def attempt(benefits: BenefitsStore) -> M:
            badge = await badges.one(benefits, program_id, badge_id)
            if badge is None or not await is_visible(benefits.database, program_id, badge.issued.member_id):
                raise BadgeUnknown(badge_id=badge_id)
            record = revoked(self._deed(explanation), badge)
            await badges.count_revoked(benefits, record)
            await self._keep(benefits, record, request)
            return answer(HeldBadge(badge.issued, record), program)

        return await self._store.once(request, attempt, now=self._now)

    async def _keep(self, benefits: BenefitsStore, record: BadgeRecord, request: Request[M]) -> None:
        await badges.add(benefits, record)
        act = Act(
            request,
            [record.member_id, record.badge_id],
            reason=record.explanation,
            after={"badge": record.key, "serial": record.serial, "act": str(record.act)},
        )
        await trail.record(benefits.database, benefits.session, act, now=self._now())

    def _deed(self, explanation: str) -> Deed:
        """What the present caller does now."""
        return Deed(
            record_id=self._new_id("bdr"),
            recorded_time=milliseconds(self._now()),
            by=caller().subject,
            explanation=explanation,
            owner_salt=self._new_salt(),
            by_salt=self._new_salt(),
        )


def _known(program: Program, key: str) -> Badge:
    found = program.badge(key)
    if found is None:
        raise BadgeUnknown(badge=key)
    return found
