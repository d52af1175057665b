"""BatchListEntitlements: what each member's tier grants, inherited benefits included."""

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.program import Program, preset
from tests.benefits.conftest import BenefitsWorld
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def listed(
    benefits: BenefitsWorld, *member_ids: str, program_id: str = PROGRAM
) -> list[pb.EntitlementsResult]:
    request = pb.BatchListEntitlementsRequest(program_id=program_id, member_ids=member_ids)
    return list((await benefits.service.BatchListEntitlements(request)).results)


async def test_a_tiers_own_benefits_stand_first_then_those_it_inherits(benefits: BenefitsWorld) -> None:
    story = await benefits.a_member(30_000)

    (result,) = await listed(benefits, story.member_id)

    held = [(each.benefit, each.granted_by_tier, each.inherited) for each in result.entitlements]
    assert held == [
        ("pre_order_priority", "gold", False),
        ("gold_badge", "gold", False),
        ("points_x2", "silver", True),
        ("free_shipping", "silver", True),
        ("new_release_letter", "normal", True),
        ("birthday_coupon", "normal", True),
    ]


async def test_a_benefit_has_a_kind_names_in_both_languages_and_its_numbers(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()
    document = preset(PROGRAM).document() | {"key": key}
    document["tier_sets"][0]["tiers"][0]["benefits"][1]["params"] = {"amount_minor": 500}
    await benefits.publish(Program.parse(document))
    story = await benefits.a_member(program_id=key)

    (result,) = await listed(benefits, story.member_id, program_id=key)

    assert result.entitlements[1] == pb.Entitlement(
        benefit="birthday_coupon",
        kind="consumption",
        name_zh="生日优惠券",
        name_en="Birthday coupon",
        tier_set="main",
        granted_by_tier="normal",
        params={"amount_minor": 500},
    )


async def test_each_member_is_answered_in_their_place_found_or_missing(benefits: BenefitsWorld) -> None:
    one, other = await benefits.a_member(), await benefits.a_member(10_000)
    stranger = await benefits.a_member(program_id=await benefits.a_program())

    results = await listed(
        benefits, other.member_id, "mem_" + "0" * 32, stranger.member_id, one.member_id, other.member_id
    )

    assert [result.status for result in results] == [FOUND, MISSING, MISSING, FOUND, FOUND]
    assert [len(result.entitlements) for result in results] == [4, 0, 0, 2, 4]
    assert results[1] == results[2]
