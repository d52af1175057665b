"""Badges of a program of its own: issued by the service or at a time of the past, chained and checked."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import badges_pb2 as pb
from laurel.benefits.v1 import badges_pb2_grpc
from libs.cli import badge_chain
from libs.cli.badge_chain import BadgesChecked
from libs.common.badge_policy import Badge
from libs.common.caller import PrincipalKind
from libs.common.documents import Text
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.mongo import Document
from services.benefits.domain.badges import BadgeRecord, Deed, HeldBadge, issued, revoked
from services.benefits.repository import badges
from services.benefits.repository.badges import BADGES_CHAINED
from services.benefits.repository.store import BenefitsStore
from tests.benefits.proof_world import HOME, Books, ProofWorld

CAPTAIN = Badge(key="captain", name=Text(zh="百人团长", en="Captain of a hundred"))
FOUNDER = Badge(key="founder", name=Text(zh="创始会员", en="Founding member"), limit=20)


@dataclass(frozen=True)
class BadgesWorld:
    """The badges of one program."""

    books: Books

    @property
    def program_id(self) -> str:
        return self.books.program_id

    def as_(self, kind: PrincipalKind = "staff", subject: str = "mia", **claims: Any) -> Any:
        """A stub of BadgesService for a principal of the program; staff without roles are managers of it."""
        claims = {"roles": ["operations_manager"]} | claims if kind == "staff" else claims
        opened = self.books.world.channel(self.program_id, kind, subject, **claims)
        return badges_pb2_grpc.BadgesServiceStub(opened)

    async def a_member(self) -> str:
        """A member of the shop, whom benefits has heard of."""
        member_id = new_id("mem")
        await keep_homes(self.books.database, [(self.program_id, member_id, HOME)])
        return member_id

    def granting(self, member_id: str, key: str = "captain", request_id: str = "") -> pb.GrantBadgeRequest:
        return pb.GrantBadgeRequest(
            program_id=self.program_id,
            request_id=request_id or new_id("req"),
            member_id=member_id,
            key=key,
            explanation="brought a hundred",
        )

    def revoking(self, badge_id: str, request_id: str = "") -> pb.RevokeBadgeRequest:
        return pb.RevokeBadgeRequest(
            program_id=self.program_id,
            request_id=request_id or new_id("req"),
            badge_id=badge_id,
            explanation="case 4711",
        )

    async def granted(self, key: str = "captain", member_id: str = "") -> pb.Badge:
        """A badge that a member was given."""
        request = self.granting(member_id or await self.a_member(), key)
        answer: pb.GrantBadgeResponse = await self.as_().GrantBadge(request)
        return answer.badge

    async def revoked(self, badge: pb.Badge) -> pb.Badge:
        """The same, taken back."""
        answer: pb.RevokeBadgeResponse = await self.as_().RevokeBadge(self.revoking(badge.badge_id))
        return answer.badge

    async def issued_then(self, terms: Badge = CAPTAIN) -> BadgeRecord:
        """A badge issued at the time of the books."""
        member_id = await self.a_member()

        async def work(store: BenefitsStore) -> BadgeRecord:
            serial = await badges.take(store, self.program_id, terms)
            assert serial is not None
            record = issued(
                self._deed(),
                terms,
                serial,
                program_id=self.program_id,
                badge_id=new_id("bdg"),
                member_id=member_id,
            )
            await badges.add(store, record)
            return record

        return await self.books.store.transaction(work)

    async def revoked_then(self, record: BadgeRecord) -> None:
        """A badge revoked at the time of the books."""

        async def work(store: BenefitsStore) -> None:
            await badges.add(store, revoked(self._deed(), HeldBadge(record)))

        await self.books.store.transaction(work)

    def _deed(self) -> Deed:
        return Deed(new_id("bdr"), self.books.time, "mia", "once upon a time", new_id("s"), new_id("s"))

    async def chain(self) -> None:
        """Give all records their places, under one head."""
        await self.books.chain(BADGES_CHAINED)

    async def close(self) -> None:
        """Make the roots of all days that are over."""
        await self.books.close(BADGES_CHAINED)

    async def records(self) -> list[Document]:
        """The documents in the order of the chain, those that wait last."""
        found = await self.books.database.badge_records.find({"program_id": self.program_id}).to_list(None)
        return sorted(found, key=lambda each: (each.get("position", 2**62), each["_id"]))

    async def verified(self) -> BadgesChecked:
        """What `laurel verify` finds."""
        return await badge_chain.verify(
            self.books.clients(), self.books.world.folder, self.program_id, lambda _, __: None
        )

    async def codes(self) -> set[str]:
        """The same by code."""
        found = await self.verified()
        return {each.code.name for each in found.chain.faults} | {each.split()[0] for each in found.faults}

    async def proved(self, *places: tuple[str, int], caller: Any = None) -> list[pb.VerifiedBadgeResult]:
        """What is said of badges by their numbers."""
        keys = [pb.BadgeKey(key=key, serial=serial) for key, serial in places]
        request = pb.BatchVerifyBadgesRequest(program_id=self.program_id, keys=keys)
        return list((await (caller or self.as_()).BatchVerifyBadges(request)).results)


async def badges_world(proofs: ProofWorld, **fields: Any) -> BadgesWorld:
    """A program with captains without end and twenty founders."""
    return BadgesWorld(await proofs.books((CAPTAIN, FOUNDER), **fields))
