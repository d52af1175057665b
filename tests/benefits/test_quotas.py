"""Benefits in use over RPC: taken once, never beyond the quota, given back once, seen by whom it concerns."""

import asyncio
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import entitlements_pb2 as pb
from laurel.benefits.v1 import entitlements_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.benefit_policy import BenefitGrant, Quota
from libs.common.documents import Text
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.errors import error_info, reason_of
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story

SERVICE = pb.DESCRIPTOR.services_by_name["EntitlementsService"]


def a_grant(benefit: str, amount: int | None = None, **fields: Any) -> BenefitGrant:
    rule = None if amount is None else Quota(amount=amount, period="day")
    return BenefitGrant(
        benefit=benefit, kind="service", name=Text(zh="服务", en="Service"), quota=rule, **fields
    )


def a_dating_site(key: str) -> Program:
    """The shop's ladder with benefits that are counted: profiles for all, a matchmaker for silver."""
    program = preset("ecommerce_five")
    (ladder,) = program.tier_sets
    normal, silver, *others = ladder.tiers
    counted = a_grant("profiles", 10)
    app_only, free = a_grant("app_chat", 5, channels=("app",)), a_grant("badge")
    tiers = (
        normal.model_copy(update={"benefits": (counted, app_only, free)}),
        silver.model_copy(update={"benefits": (a_grant("matchmaker", 60),)}),
        *others,
    )
    return program.model_copy(update={"key": key, "tier_sets": (ladder.model_copy(update={"tiers": tiers}),)})


def details_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    info = error_info(error)
    assert info is not None
    return dict(info.metadata)


class Site:
    """A program with benefits that are counted, and members of it."""

    def __init__(self, world: BenefitsWorld, key: str) -> None:
        self.world, self.key = world, key

    def stub(self, kind: Any, subject: str, **claims: Any) -> Any:
        return self.world.stub(
            SERVICE, entitlements_pb2_grpc.EntitlementsServiceStub, kind, subject, self.key, **claims
        )

    async def a_member(self) -> Story:
        return await self.world.a_member(100_00, program_id=self.key)

    def use(self, member_id: str, **fields: Any) -> pb.UseBenefitRequest:
        """A use of one profile, unless it says otherwise."""
        wanted: dict[str, Any] = {"benefit": "profiles", "amount": 1, "external_ref": new_id("ref")} | fields
        return pb.UseBenefitRequest(
            program_id=self.key, request_id=new_id("req"), member_id=member_id, **wanted
        )


@pytest.fixture(scope="module")
async def site(benefits: BenefitsWorld) -> Site:
    key = f"site_{new_id('x')[-12:]}"
    await benefits.publish(a_dating_site(key))
    return Site(benefits, key)


async def test_a_use_takes_from_what_there_is_today(site: Site) -> None:
    story = await site.a_member()
    member = site.stub("member", story.member_id)

    answer = await member.UseBenefit(site.use(story.member_id, amount=3))

    left = answer.allowance
    assert (left.benefit, left.limit, left.used, left.left, left.period) == ("profiles", 10, 3, 7, "day")
    assert left.HasField("reset_time")
    listed = await member.BatchListAllowances(
        pb.BatchListAllowancesRequest(program_id=site.key, member_ids=[story.member_id])
    )
    assert {each.benefit: each.left for each in listed.results[0].allowances} == {
        "profiles": 7,
        "app_chat": 5,
    }


async def test_forty_at_once_use_ten_and_thirty_hear_when_to_come_back(site: Site) -> None:
    story = await site.a_member()
    member = site.stub("member", story.member_id)

    uses = (member.UseBenefit(site.use(story.member_id)) for _ in range(40))
    outcomes = await asyncio.gather(*uses, return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert len(refused) == 30
    assert {reason_of(each) for each in refused} == {"QUOTA_USED_UP"}
    assert all(details_of(each)["left"] == "0" and details_of(each)["reset_time"] for each in refused)


async def test_the_same_reference_takes_once_whoever_repeats_it(site: Site) -> None:
    story = await site.a_member()
    till = site.stub("partner", "shop")
    first = site.use(story.member_id, amount=2, external_ref="booking 7")

    answers = await asyncio.gather(
        *(till.UseBenefit(site.use(story.member_id, amount=2, external_ref="booking 7")) for _ in range(5)),
        till.UseBenefit(first),
    )

    assert len({answer.use.use_id for answer in answers}) == 1
    assert {answer.allowance.left for answer in answers} == {8}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await till.UseBenefit(site.use(story.member_id, amount=3, external_ref="booking 7"))
    assert reason_of(refused.value) == "BUSINESS_KEY_CONFLICT"


async def test_what_is_given_back_is_there_again_and_is_given_back_once(site: Site) -> None:
    story = await site.a_member()
    till = site.stub("partner", "shop")
    used = (await till.UseBenefit(site.use(story.member_id, amount=10))).use

    cancels = await asyncio.gather(
        *(
            till.CancelBenefitUse(
                pb.CancelBenefitUseRequest(program_id=site.key, request_id=new_id("req"), use_id=used.use_id)
            )
            for _ in range(4)
        )
    )

    assert all(each.use.cancelled for each in cancels)
    assert (await till.UseBenefit(site.use(story.member_id))).allowance.left == 9


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"benefit": "a_yacht"}, "BENEFIT_UNKNOWN", {}),
        ({"benefit": "matchmaker"}, "BENEFIT_NOT_HELD", {"tier": "silver"}),
        ({"benefit": "app_chat"}, "BENEFIT_NOT_ON_CHANNEL", {"channels": "app"}),
        ({"amount": 11}, "QUOTA_USED_UP", {"left": "10"}),
        ({"member_id": f"mem_{0:032x}"}, "MEMBER_UNKNOWN", {}),
    ],
)
async def test_a_refused_use_says_why_and_takes_nothing(
    site: Site, fields: dict[str, Any], reason: str, detail: dict[str, str]
) -> None:
    story = await site.a_member()
    till = site.stub("partner", "shop")
    request = site.use(story.member_id)
    request.MergeFrom(pb.UseBenefitRequest(**fields))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await till.UseBenefit(request)

    assert reason_of(refused.value) == reason
    assert detail.items() <= details_of(refused.value).items()
    assert (await till.UseBenefit(site.use(story.member_id))).allowance.left == 9


async def test_a_benefit_on_its_channel_and_one_without_quota_are_used(site: Site) -> None:
    story = await site.a_member()
    member = site.stub("member", story.member_id)

    chat = await member.UseBenefit(site.use(story.member_id, benefit="app_chat", channel="app"))
    badge = await member.UseBenefit(site.use(story.member_id, benefit="badge"))

    assert chat.allowance.left == 4
    assert not badge.HasField("allowance")


async def test_a_member_sees_what_higher_tiers_would_add(site: Site) -> None:
    story = await site.a_member()

    found = await site.stub("member", story.member_id).BatchListLockedBenefits(
        pb.BatchListLockedBenefitsRequest(program_id=site.key, member_ids=[story.member_id])
    )

    nearest = found.results[0].benefits[0]
    assert (nearest.benefit, nearest.tier, nearest.steps) == ("matchmaker", "silver", 1)


async def test_nobody_sees_or_uses_what_another_member_has(site: Site) -> None:
    story, other = await site.a_member(), await site.a_member()
    stranger = site.stub("member", other.member_id)

    seen = await stranger.BatchListAllowances(
        pb.BatchListAllowancesRequest(program_id=site.key, member_ids=[story.member_id, other.member_id])
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stranger.UseBenefit(site.use(story.member_id))

    found = [each.status for each in seen.results]
    assert found == [lookup_pb2.LOOKUP_STATUS_MISSING, lookup_pb2.LOOKUP_STATUS_FOUND]
    assert reason_of(refused.value) == "MEMBER_UNKNOWN"
