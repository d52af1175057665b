"""Whose tier, points and decisions a caller sees; those of all others are as if they were not there."""

from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import PROGRAM

FOUND = lookup_pb2.LOOKUP_STATUS_FOUND
HOMES = {
    "ann": Home("downtown", "east", "shop"),
    "bob": Home("uptown", "east", "shop"),
    "cai": Home("faraway", "", "rival"),
}


@pytest.fixture(scope="module")
async def stories(benefits: BenefitsWorld) -> dict[str, Story]:
    """Three members at home in different places, each of whom has bought something."""
    told = {name: Story(home=home).buys(9_900) for name, home in HOMES.items()}
    for story in told.values():
        await benefits.apply(story.partition, story.registration(), story.told())
    return told


def reads(member_id: str, decision_id: str) -> dict[str, Any]:
    """Every read of benefits that takes an id of a member or of what is theirs."""
    ids: dict[str, Any] = {"program_id": PROGRAM, "member_ids": [member_id]}
    return {
        "BatchGetMemberships": pb.BatchGetMembershipsRequest(**ids),
        "BatchGetDecisions": pb.BatchGetDecisionsRequest(program_id=PROGRAM, decision_ids=[decision_id]),
        "BatchListTierChanges": pb.BatchListTierChangesRequest(
            program_id=PROGRAM, keys=[pb.MembershipKey(member_id=member_id, tier_set="main")]
        ),
        "BatchGetPointsAccounts": pb.BatchGetPointsAccountsRequest(**ids),
        "BatchListEntries": pb.BatchListEntriesRequest(**ids),
        "BatchListEntitlements": pb.BatchListEntitlementsRequest(**ids),
    }


async def decision_of(benefits: BenefitsWorld, member_id: str) -> str:
    request = pb.BatchGetMembershipsRequest(program_id=PROGRAM, member_ids=[member_id])
    (result,) = (await benefits.service.BatchGetMemberships(request)).results
    return result.memberships[0].decision.decision_id


async def answers(stub: Any, member_id: str, decision_id: str) -> dict[str, Any]:
    asked = reads(member_id, decision_id).items()
    return {method: (await getattr(stub, method)(request)).results[0] for method, request in asked}


CASES: dict[str, tuple[PrincipalKind, str, dict[str, Any], set[str]]] = {
    "the partner who registered them": ("partner", "shop", {}, {"ann", "bob"}),
    "a consultant": ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}, {"ann"}),
    "a store manager": (
        "staff",
        "eve",
        {"roles": ["store_manager"], "stores": ["downtown"], "sharing_groups": ["east"]},
        {"ann", "bob"},
    ),
    "an operations manager": ("staff", "eve", {"roles": ["operations_manager"]}, set(HOMES)),
    "a compliance officer": ("staff", "eve", {"roles": ["compliance_officer"]}, set(HOMES)),
    "a service": ("service", "members", {}, set(HOMES)),
}


@pytest.mark.parametrize(("kind", "subject", "claims", "expected"), CASES.values(), ids=CASES)
async def test_each_read_gives_what_is_in_scope_and_all_else_like_what_is_not_there(
    benefits: BenefitsWorld,
    stories: dict[str, Story],
    kind: PrincipalKind,
    subject: str,
    claims: dict[str, Any],
    expected: set[str],
) -> None:
    stub = benefits.caller(kind, subject, None if kind == "service" else PROGRAM, **claims)
    nothing = await answers(stub, new_id("mem"), new_id("dec"))

    for name, story in stories.items():
        got = await answers(stub, story.member_id, await decision_of(benefits, story.member_id))
        if name in expected:
            assert {each.status for each in got.values()} == {FOUND}
        else:
            assert got == nothing


async def test_members_see_what_is_theirs(benefits: BenefitsWorld, stories: dict[str, Story]) -> None:
    ann, bob = stories["ann"].member_id, stories["bob"].member_id
    stub = benefits.caller("member", ann)

    own = await answers(stub, ann, await decision_of(benefits, ann))
    others = await answers(stub, bob, await decision_of(benefits, bob))

    assert {each.status for each in own.values()} == {FOUND}
    assert others == await answers(stub, new_id("mem"), new_id("dec"))


async def test_a_registration_that_comes_twice_does_not_move_a_member(
    benefits: BenefitsWorld, stories: dict[str, Story]
) -> None:
    moved = Story(member_id=stories["cai"].member_id, home=Home("downtown", "east", "shop"))
    await benefits.apply(moved.partition, moved.registration())

    kept = await benefits.database.homes.find_one({"_id": moved.member_id})

    assert kept is not None
    assert (kept["store_id"], kept["partner_id"]) == ("faraway", "rival")


@pytest.mark.parametrize("program_id", ["other_store", "nowhere"])
async def test_the_same_members_are_not_there_for_another_program(
    benefits: BenefitsWorld, stories: dict[str, Story], program_id: str
) -> None:
    stub = benefits.caller("staff", "eve", program_id)
    request = pb.BatchGetMembershipsRequest(program_id=program_id, member_ids=[stories["ann"].member_id])

    (result,) = (await stub.BatchGetMemberships(request)).results

    assert result == pb.MembershipsResult(status=lookup_pb2.LOOKUP_STATUS_MISSING)
