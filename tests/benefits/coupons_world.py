"""A program of its own with campaigns of coupons, its tills and its staff; and what holds for all coupons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.benefits.v1 import coupons_pb2_grpc
from libs.common.caller import PrincipalKind
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.time import timestamp
from libs.common.visibility import Home
from services.benefits.handlers.coupon_ends import ReservationEnds
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.support.builders import DAY, NOON
from tests.support.goods import coupon_faults

if TYPE_CHECKING:
    from laurel.benefits.v1.coupons_pb2_grpc import CouponsServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["CouponsService"]
OPENS, ENDS = NOON - DAY, NOON + DAY


def some_terms(**fields: Any) -> pb.CouponTerms:
    """Ten off, from the day before noon until the day after."""
    common = {
        "kind": pb.COUPON_KIND_AMOUNT,
        "off_minor": 0 if {"off_bp", "steps"} & set(fields) or "kind" in fields else 1_000,
        "start_time": timestamp(OPENS),
        "end_time": timestamp(ENDS),
    }
    return pb.CouponTerms(**{**common, **fields})


def by_code(*codes: str) -> list[pb.CouponKey]:
    return [pb.CouponKey(code=each) for each in codes]


def by_id(*coupon_ids: str) -> list[pb.CouponKey]:
    return [pb.CouponKey(coupon_id=each) for each in coupon_ids]


def a_basket(*amounts: int, shipping_minor: int = 0, currency: str = "USD") -> pb.CouponBasket:
    """A basket with a line of each amount; of 100.00 unless told."""
    lines = [
        pb.BasketLine(line=line, amount_minor=each) for line, each in enumerate(amounts or (10_000,), start=1)
    ]
    return pb.CouponBasket(currency=currency, lines=lines, shipping_minor=shipping_minor)


@dataclass
class CouponsWorld:
    """A program whose clock stands at noon, with tills of a partner that registered its members."""

    benefits: BenefitsWorld
    program_id: str
    # Of another replica; where the service is without it.
    address: str = ""

    def caller(self, kind: PrincipalKind, subject: str, **claims: Any) -> "CouponsServiceAsyncStub":
        """A stub that calls as this principal."""
        at = replace(self.benefits, address=self.address) if self.address else self.benefits
        made = coupons_pb2_grpc.CouponsServiceStub
        stub: CouponsServiceAsyncStub = at.stub(SERVICE, made, kind, subject, self.program_id, **claims)
        return stub

    @cached_property
    def staff(self) -> "CouponsServiceAsyncStub":
        return self.caller("staff", "ann")

    @cached_property
    def till(self) -> "CouponsServiceAsyncStub":
        return self.caller("partner", "shop")

    async def members(self, count: int) -> list[str]:
        """Members who are known and have done nothing."""
        ids = [new_id("mem") for _ in range(count)]
        home = Home("online", "", "shop")
        await keep_homes(self.benefits.database, [(self.program_id, each, home) for each in ids])
        return ids

    async def a_member(self) -> str:
        return (await self.members(1))[0]

    async def a_campaign(self, **terms: Any) -> str:
        """The key of a new campaign."""
        key = f"c{new_id('x')[-12:]}"
        await self.staff.CreateCouponCampaign(self.a_creation(key, **terms))
        return key

    def a_creation(self, key: str, **terms: Any) -> pb.CreateCouponCampaignRequest:
        return pb.CreateCouponCampaignRequest(
            program_id=self.program_id,
            request_id=new_id("req"),
            campaign=key,
            name_zh="满减券",
            name_en="Ten off",
            terms=some_terms(**terms),
        )

    async def codes(self, campaign: str, count: int = 1) -> list[str]:
        """New codes of a campaign."""
        request = pb.GenerateCouponCodesRequest(
            program_id=self.program_id, request_id=new_id("req"), campaign=campaign, count=count
        )
        return list((await self.staff.GenerateCouponCodes(request)).codes)

    async def a_code(self, **terms: Any) -> str:
        """A code of a campaign of its own."""
        return (await self.codes(await self.a_campaign(**terms)))[0]

    async def issued(self, campaign: str, *member_ids: str) -> list[str]:
        """The coupons that these members are given."""
        request = pb.IssueCouponsRequest(
            program_id=self.program_id, request_id=new_id("req"), campaign=campaign, member_ids=member_ids
        )
        return [each.coupon_id for each in (await self.staff.IssueCoupons(request)).results]

    def a_quote(
        self, member_id: str, coupons: Iterable[pb.CouponKey], basket: pb.CouponBasket | None = None
    ) -> pb.QuoteCouponsRequest:
        return pb.QuoteCouponsRequest(
            program_id=self.program_id, member_id=member_id, basket=basket or a_basket(), coupons=coupons
        )

    async def quoted(
        self, member_id: str, coupons: Iterable[pb.CouponKey], basket: pb.CouponBasket | None = None
    ) -> pb.CouponQuote:
        return (await self.till.QuoteCoupons(self.a_quote(member_id, coupons, basket))).quote

    def a_reservation(
        self, member_id: str, *coupons: pb.CouponKey, **fields: Any
    ) -> pb.ReserveCouponsRequest:
        common = {
            "program_id": self.program_id,
            "request_id": new_id("req"),
            "check_ref": new_id("chk"),
            "member_id": member_id,
            "basket": a_basket(),
            "coupons": coupons,
        }
        return pb.ReserveCouponsRequest(**{**common, **fields})

    async def reserved(self, member_id: str, *coupons: pb.CouponKey, **fields: Any) -> pb.CouponReservation:
        request = self.a_reservation(member_id, *coupons, **fields)
        return (await self.till.ReserveCoupons(request)).reservation

    async def used(self, check_ref: str) -> pb.CouponReservation:
        request = pb.UseCouponsRequest(
            program_id=self.program_id, request_id=new_id("req"), check_ref=check_ref
        )
        return (await self.till.UseCoupons(request)).reservation

    async def cancelled(self, check_ref: str) -> pb.CouponReservation:
        request = pb.CancelCouponsRequest(
            program_id=self.program_id, request_id=new_id("req"), check_ref=check_ref
        )
        return (await self.till.CancelCoupons(request)).reservation

    async def campaign(self, key: str) -> pb.CouponCampaign:
        """A campaign with its counts."""
        request = pb.ListCouponCampaignsRequest(program_id=self.program_id, page_size=100)
        found = (await self.staff.ListCouponCampaigns(request)).campaigns
        return next(each for each in found if each.campaign == key)

    async def statuses(self, campaign: str) -> list[str]:
        """How far the coupons of a campaign are."""
        request = pb.ListCouponsRequest(program_id=self.program_id, campaign=campaign, page_size=1_000)
        found = (await self.staff.ListCoupons(request)).coupons
        return [pb.CouponStatus.Name(each.status).removeprefix("COUPON_STATUS_") for each in found]

    async def ended(self, until: datetime) -> int:
        """Have given back what is reserved until a time of the program; gives how many reservations."""
        kind = ReservationEnds(BenefitsStore(self.benefits.database))
        count = 0
        while items := await kind.due(self.program_id, until, 50):
            count += await kind.happen(self.program_id, items, NOON)
        return count

    async def broken(self) -> list[str]:
        """What is not as it must be: a counter is the sum of what is reserved or used, within its limit."""
        database, of_program = self.benefits.database, {"program_id": self.program_id}
        of_takers = {"_id": {"$regex": f"^{self.program_id}/"}}
        return list(
            coupon_faults(
                campaigns=await database.coupon_campaigns.find(of_program).to_list(None),
                coupons=await database.coupons.find(of_program).to_list(None),
                takers=await database.coupon_takers.find(of_takers).to_list(None),
                reservations=await database.coupon_reservations.find(of_program).to_list(None),
            )
        )


async def coupons_world(benefits: BenefitsWorld, **policy: Any) -> CouponsWorld:
    """A world in a program of its own, whose checks are bounded as said."""
    document = preset("music_store").document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["coupons"] |= policy
    program = Program.parse(document)
    benefits.members.times[program.key] = NOON
    await benefits.publish(program)
    return CouponsWorld(benefits, program.key)


def whys(refused: Sequence[pb.RefusedCoupon]) -> dict[int, str]:
    """Why coupons do not count, by their place."""
    return {each.place: pb.CouponRefusal.Name(each.why).removeprefix("COUPON_REFUSAL_") for each in refused}
