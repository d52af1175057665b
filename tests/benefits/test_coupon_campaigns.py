"""The staff make campaigns and coupons, stop them, and take coupons out of use."""

from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp
from libs.common.sealing import Sealing
from services.benefits.domain.coupon_codes import read
from services.benefits.handlers.coupon_keys import CouponKeys
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.coupons_world import OPENS, CouponsWorld, by_code, by_id, coupons_world, some_terms, whys
from tests.benefits.refusals import refusal

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
KEY, NEWER = b"k" * 32, b"n" * 32


@pytest.fixture(scope="module")
async def world(benefits: BenefitsWorld) -> CouponsWorld:
    return await coupons_world(benefits)


def a_void(world: CouponsWorld, coupon: pb.CouponKey, **fields: Any) -> pb.VoidCouponRequest:
    common = {
        "program_id": world.program_id,
        "request_id": new_id("req"),
        "coupon": coupon,
        "reason": "stolen",
    }
    return pb.VoidCouponRequest(**{**common, **fields})


async def test_a_campaign_is_as_it_was_asked_for(world: CouponsWorld) -> None:
    wanted = some_terms(
        kind=pb.COUPON_KIND_THRESHOLD,
        steps=[
            pb.CouponStep(from_minor=30_000, off_minor=5_000),
            pb.CouponStep(from_minor=60_000, off_minor=12_000),
        ],
        off_max_minor=20_000,
        uses_per_coupon_max=2,
        uses_per_member_max=3,
        uses_max=4,
        budget_minor=500_000,
        stacking=pb.COUPON_STACKING_EXCLUSIVE,
        priority=7,
        tiers=["gold"],
        basket_min_minor=100,
        first_order_only=True,
        birthday=pb.COUPON_BIRTHDAY_MONTH,
        returnable=True,
    )
    request = world.a_creation(f"c{new_id('x')[-12:]}")
    request.terms.CopyFrom(wanted)

    made = (await world.staff.CreateCouponCampaign(request)).campaign

    assert made == await world.campaign(request.campaign)
    assert made.terms == wanted
    assert (made.status, made.name_zh, made.counts) == (
        pb.COUPON_CAMPAIGN_STATUS_LIVE,
        "满减券",
        pb.CouponCounts(),
    )


async def test_the_same_campaign_again_is_the_one_that_there_is_and_another_is_refused(
    world: CouponsWorld,
) -> None:
    request = world.a_creation(f"c{new_id('x')[-12:]}")
    first = await world.staff.CreateCouponCampaign(request)
    request.request_id = new_id("req")

    again = await world.staff.CreateCouponCampaign(request)
    request.request_id, request.terms.off_minor = new_id("req"), 2_000
    other = await refusal(world.staff.CreateCouponCampaign(request))

    assert again == first
    assert other[:2] == (grpc.StatusCode.ALREADY_EXISTS, "COUPON_CAMPAIGN_EXISTS")


async def test_terms_that_make_no_sense_are_refused_by_field(world: CouponsWorld) -> None:
    request = world.a_creation("no_sense", tiers=["golden"], end_time=timestamp(OPENS))

    code, reason, facts = await refusal(world.staff.CreateCouponCampaign(request))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "COUPON_CAMPAIGN_INVALID")
    assert facts == {
        "end_time": "is not after start_time",
        "tiers": "are not in the program's first tier set: golden",
    }


async def test_campaigns_are_listed_by_key_in_pages(benefits: BenefitsWorld) -> None:
    world = await coupons_world(benefits)
    keys = [await world.a_campaign() for _ in range(3)]
    request = pb.ListCouponCampaignsRequest(program_id=world.program_id, page_size=2)

    first = await world.staff.ListCouponCampaigns(request)
    request.page_token = first.next_page_token
    second = await world.staff.ListCouponCampaigns(request)

    assert [each.campaign for page in (first, second) for each in page.campaigns] == sorted(keys)
    assert second.next_page_token == ""


# Codes


async def test_codes_are_told_once_and_kept_as_digests(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()

    codes = await world.codes(campaign, 50)

    stored = await world.benefits.database.coupons.find(
        {"campaign_id": f"{world.program_id}/{campaign}"}
    ).to_list(None)
    answers = await world.benefits.database.idempotency.find({}).to_list(None)
    kept = repr([*stored, *answers])
    assert len(set(codes)) == len(stored) == 50
    assert [each for each in codes if each in kept or read(each) in kept] == []
    assert {each["ending"] for each in stored} == {each[-4:] for each in codes}
    assert (await world.campaign(campaign)).counts.codes_count == 50


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_a_hundred_thousand_codes_are_each_told_once_listed_once_and_good(world: CouponsWorld) -> None:
    campaign, ann = await world.a_campaign(), await world.a_member()

    codes = [code for _ in range(100) for code in await world.codes(campaign, 1_000)]

    request = pb.ListCouponsRequest(program_id=world.program_id, campaign=campaign, page_size=1_000)
    listed: list[str] = []
    while not listed or request.page_token:
        page = await world.staff.ListCoupons(request)
        listed += [each.coupon_id for each in page.coupons]
        request.page_token = page.next_page_token
    assert len(set(codes)) == len(listed) == len(set(listed)) == 100_000
    assert (await world.campaign(campaign)).counts.codes_count == 100_000
    for code in codes[::20_000]:
        check_ref = new_id("chk")
        await world.reserved(ann, *by_code(code), check_ref=check_ref)
        await world.used(check_ref)
        assert whys((await world.quoted(ann, by_code(code))).refused) == {1: "USED_UP"}
    assert (await world.campaign(campaign)).counts.used_count == 5


async def test_the_same_request_gets_the_same_codes_and_makes_no_others(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()
    request = pb.GenerateCouponCodesRequest(
        program_id=world.program_id, request_id=new_id("req"), campaign=campaign, count=3
    )

    answers = [await world.staff.GenerateCouponCodes(request) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (await world.campaign(campaign)).counts.codes_count == 3


async def test_a_campaign_has_a_bound(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()
    found = {"_id": f"{world.program_id}/{campaign}"}
    await world.benefits.database.coupon_campaigns.update_one(found, {"$set": {"codes_count": 999_999}})
    request = pb.GenerateCouponCodesRequest(
        program_id=world.program_id, request_id=new_id("req"), campaign=campaign, count=2
    )

    refused = await refusal(world.staff.GenerateCouponCodes(request))

    assert refused == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "COUPONS_TOO_MANY",
        {"coupons": "999999", "most": "1000000"},
    )


async def test_codes_of_a_campaign_that_there_is_not_are_refused(world: CouponsWorld) -> None:
    request = pb.GenerateCouponCodesRequest(
        program_id=world.program_id, request_id=new_id("req"), campaign="none", count=2
    )

    refused = await refusal(world.staff.GenerateCouponCodes(request))

    assert refused[:2] == (grpc.StatusCode.NOT_FOUND, "COUPON_CAMPAIGN_UNKNOWN")


async def test_codes_outlive_a_change_of_the_key_that_seals(world: CouponsWorld) -> None:
    program_id, store = f"store_{new_id('x')[-12:]}", BenefitsStore(world.benefits.database)

    def keys(*sealing: bytes) -> CouponKeys:
        return CouponKeys(store, Sealing(sealing), lambda count: new_id("key")[-count:].encode())

    before = await keys(KEY).digests(program_id, ["CODE"])
    await keys(NEWER, KEY).reseal()

    assert await keys(NEWER).digests(program_id, ["CODE"]) == before


async def test_two_replicas_that_need_a_key_at_once_have_the_same(world: CouponsWorld) -> None:
    program_id, store = f"store_{new_id('x')[-12:]}", BenefitsStore(world.benefits.database)
    secrets = iter([b"1" * 32, b"2" * 32])
    replicas = [CouponKeys(store, Sealing([KEY]), lambda _: next(secrets)) for _ in range(2)]

    digests = [await each.digests(program_id, ["CODE"]) for each in replicas]

    assert digests[0] == digests[1]


# Members


async def test_members_are_given_one_coupon_each_whoever_asks_again(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()
    ann, bob = await world.members(2)
    first = await world.issued(campaign, ann)
    request = pb.IssueCouponsRequest(
        program_id=world.program_id,
        request_id=new_id("req"),
        campaign=campaign,
        member_ids=[ann, new_id("mem"), bob],
    )

    results = (await world.staff.IssueCoupons(request)).results

    assert [(each.status, each.had_before) for each in results] == [
        (FOUND, True),
        (MISSING, False),
        (FOUND, False),
    ]
    assert results[0].coupon_id == first[0]
    assert (await world.campaign(campaign)).counts.issued_count == 2


async def test_a_member_sees_their_coupons_the_latest_first_and_how_far_they_are(world: CouponsWorld) -> None:
    ann = await world.a_member()
    used, fresh = [await world.a_campaign() for _ in range(2)]
    (coupon_id,) = await world.issued(used, ann)
    await world.issued(fresh, ann)
    await world.reserved(ann, *by_id(coupon_id))
    request = pb.BatchListMemberCouponsRequest(program_id=world.program_id, member_ids=[ann, new_id("mem")])

    mine, nobodys = (await world.caller("member", ann).BatchListMemberCoupons(request)).results

    found = [(each.campaign.campaign, each.coupon.status) for each in mine.coupons]
    assert found == [(fresh, pb.COUPON_STATUS_ISSUED), (used, pb.COUPON_STATUS_RESERVED)]
    assert mine.coupons[0].campaign.terms.off_minor == 1_000
    assert (mine.status, nobodys.status) == (FOUND, MISSING)


# Stopping


async def test_a_campaign_that_is_stopped_reserves_nothing_until_it_goes_on(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()
    ann, (code,) = await world.a_member(), await world.codes(campaign)
    names = {"program_id": world.program_id, "campaign": campaign}

    paused = await world.staff.PauseCouponCampaign(
        pb.PauseCouponCampaignRequest(**names, request_id=new_id("req"))
    )
    stopped = await world.quoted(ann, by_code(code))
    await world.staff.ResumeCouponCampaign(pb.ResumeCouponCampaignRequest(**names, request_id=new_id("req")))
    live = await world.quoted(ann, by_code(code))

    assert paused.campaign.status == pb.COUPON_CAMPAIGN_STATUS_PAUSED
    assert (whys(stopped.refused), live.off_minor) == ({1: "PAUSED"}, 1_000)


@pytest.mark.parametrize("by", ["code", "id"])
async def test_a_void_coupon_is_good_for_nothing_and_stays_void(world: CouponsWorld, by: str) -> None:
    campaign, ann = await world.a_campaign(), await world.a_member()
    (name,) = (
        by_code(*await world.codes(campaign)) if by == "code" else by_id(*await world.issued(campaign, ann))
    )

    answers = [(await world.staff.VoidCoupon(a_void(world, name))).coupon for _ in range(2)]

    assert {each.status for each in answers} == {pb.COUPON_STATUS_VOID}
    assert whys((await world.quoted(ann, [name])).refused) == {1: "VOID"}
    assert (await world.campaign(campaign)).counts.void_count == 1


async def test_what_is_reserved_of_a_void_coupon_may_be_used(world: CouponsWorld) -> None:
    ann, code = await world.a_member(), await world.a_code()
    kept = await world.reserved(ann, *by_code(code))

    await world.staff.VoidCoupon(a_void(world, *by_code(code)))

    assert (await world.used(kept.check_ref)).status == pb.COUPON_RESERVATION_STATUS_USED


async def test_there_is_nothing_to_void_in_what_nobody_knows(world: CouponsWorld) -> None:
    refused = await refusal(world.staff.VoidCoupon(a_void(world, pb.CouponKey(code="none"))))

    assert refused == (grpc.StatusCode.NOT_FOUND, "COUPON_UNKNOWN", {})


async def test_coupons_of_a_campaign_are_listed_in_pages(world: CouponsWorld) -> None:
    campaign = await world.a_campaign()
    codes = await world.codes(campaign, 5)
    request = pb.ListCouponsRequest(program_id=world.program_id, campaign=campaign, page_size=2)
    endings: list[str] = []

    while True:
        page = await world.staff.ListCoupons(request)
        endings += [each.ending for each in page.coupons]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break

    assert sorted(endings) == sorted(each[-4:] for each in codes)


async def test_acts_of_the_staff_are_on_record_without_codes(world: CouponsWorld) -> None:
    campaign = await world.a_campaign(budget_minor=5_000)
    (code,) = await world.codes(campaign)
    await world.staff.VoidCoupon(a_void(world, *by_code(code)))

    found = world.benefits.database.audit.find({"objects": f"{world.program_id}/{campaign}"})
    records = await found.sort("_id", 1).to_list(None)

    assert [each["act"] for each in records] == ["CreateCouponCampaign", "GenerateCouponCodes", "VoidCoupon"]
    assert '"budget_minor":5000' in records[0]["after"]
    assert records[2]["reason"] == "stolen"
    assert code not in repr(records)
    assert read(code) not in repr(records)
