"""Badges: granted with the next number, revoked, listed and verified, by whom the table lets."""

import asyncio
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import badges_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from tests.benefits.badges_world import FOUNDER, BadgesWorld, badges_world
from tests.benefits.proof_world import ProofWorld
from tests.benefits.refusals import refusal

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
NOT_FOUND, PRECONDITION = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
PASSES = {"CONTENTION", "REQUEST_IN_FLIGHT", "OVERLOADED", "DEADLINE_EXCEEDED"}


@pytest.fixture
async def world(proofs: ProofWorld) -> BadgesWorld:
    return await badges_world(proofs)


async def settled(world: BadgesWorld, request: pb.GrantBadgeRequest) -> pb.Badge | str:
    """The badge or the reason, asked for again while it may pass."""
    met = ""
    for _ in range(40):
        try:
            badge: pb.Badge = (await world.as_().GrantBadge(request)).badge
        except grpc.aio.AioRpcError as error:
            met = reason_of(error) or error.code().name
            if met not in PASSES:
                return met
            await asyncio.sleep(0.1)
        else:
            return badge
    return met


async def listed(world: BadgesWorld, *members: str, first: int = 0, caller: Any = None) -> Any:
    request = pb.BatchListBadgesRequest(program_id=world.program_id, member_ids=members, first=first)
    return (await (caller or world.as_()).BatchListBadges(request)).results


# Granting


async def test_badges_of_a_key_are_numbered_one_after_the_other(world: BadgesWorld) -> None:
    member = await world.a_member()

    first, second = await world.granted(member_id=member), await world.granted()
    founder = await world.granted("founder", member)

    assert [each.serial for each in (first, second, founder)] == [1, 2, 1]
    assert (founder.key, founder.limit, founder.member_id) == ("founder", 20, member)
    assert (founder.name_zh, founder.name_en) == ("创始会员", "Founding member")
    assert (founder.state, first.limit) == (pb.BADGE_STATE_HELD, 0)
    assert founder.HasField("issued_time")
    assert not founder.HasField("revoked_time")


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in a row"])
async def test_the_same_request_gives_one_badge(world: BadgesWorld, at_once: bool) -> None:
    request = world.granting(await world.a_member())
    calls = [settled(world, request) for _ in range(6)]

    answers = await asyncio.gather(*calls) if at_once else [await call for call in calls]

    assert len({each if isinstance(each, str) else each.badge_id for each in answers}) == 1
    assert (await world.granted()).serial == 2


@pytest.mark.parametrize("key", ["founder", "emperor"], ids=["another badge", "no badge"])
async def test_another_payload_under_the_same_id_is_refused(world: BadgesWorld, key: str) -> None:
    request = world.granting(await world.a_member())
    await world.as_().GrantBadge(request)

    other = world.granting(request.member_id, key, request.request_id)

    _, reason, _ = await refusal(world.as_().GrantBadge(other))
    assert reason == "IDEMPOTENCY_KEY_REUSED"


async def test_sixty_at_once_get_the_twenty_that_there_are(world: BadgesWorld) -> None:
    members = [await world.a_member() for _ in range(60)]

    answers = await asyncio.gather(*(settled(world, world.granting(each, "founder")) for each in members))

    given = [each for each in answers if not isinstance(each, str)]
    assert sorted(each.serial for each in given) == list(range(1, 21))
    assert {each for each in answers if isinstance(each, str)} == {"BADGE_SOLD_OUT"}
    assert len(await world.records()) == 20


async def test_who_is_asked_for_twice_at_once_has_one_and_no_number_is_lost(world: BadgesWorld) -> None:
    member = await world.a_member()

    answers = await asyncio.gather(*(settled(world, world.granting(member)) for _ in range(8)))

    assert sorted(each if isinstance(each, str) else "" for each in answers) == ["", *["BADGE_HELD"] * 7]
    assert (await world.granted()).serial == 2


async def test_the_last_one_is_followed_by_a_refusal_with_the_limit(world: BadgesWorld) -> None:
    for _ in range(20):
        await world.granted("founder")

    code, reason, facts = await refusal(world.granted("founder"))

    assert (code, reason) == (PRECONDITION, "BADGE_SOLD_OUT")
    assert facts == {"badge": "founder", "limit": str(FOUNDER.limit)}


async def test_what_is_refused_takes_no_number(world: BadgesWorld) -> None:
    badge = await world.granted()

    held = await refusal(world.granted(member_id=badge.member_id))
    nobody = await refusal(world.granted(member_id=new_id("mem")))
    unknown = await refusal(world.granted("emperor"))

    assert held == (PRECONDITION, "BADGE_HELD", {"badge_id": badge.badge_id, "serial": "1"})
    assert nobody[:2] == (NOT_FOUND, "MEMBER_UNKNOWN")
    assert unknown[:2] == (NOT_FOUND, "BADGE_UNKNOWN")
    assert (await world.granted()).serial == 2


@pytest.mark.parametrize(
    ("kind", "claims"),
    [("member", {}), ("partner", {}), ("staff", {"roles": ["store_manager"], "stores": ["online"]})],
    ids=["a member", "a partner", "a store's manager"],
)
async def test_managers_of_the_program_alone_grant(
    world: BadgesWorld, kind: PrincipalKind, claims: dict[str, Any]
) -> None:
    member = await world.a_member()
    caller = world.as_(kind, member if kind == "member" else "shop", **claims)

    code, reason, _ = await refusal(caller.GrantBadge(world.granting(member)))

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


# Revoking


async def test_a_revoked_badge_keeps_its_number_and_the_member_may_get_another(world: BadgesWorld) -> None:
    badge = await world.granted("founder")

    gone = await world.revoked(badge)
    again = await world.granted("founder", badge.member_id)

    assert (gone.serial, gone.state) == (1, pb.BADGE_STATE_REVOKED)
    assert gone.HasField("revoked_time")
    assert (again.serial, again.state) == (2, pb.BADGE_STATE_HELD)


async def test_two_revoke_at_once_and_one_is_refused(world: BadgesWorld) -> None:
    badge = await world.granted()

    async def reason() -> str:
        try:
            await world.revoked(badge)
        except grpc.aio.AioRpcError as error:
            return reason_of(error) or error.code().name
        return ""

    answers = await asyncio.gather(*(reason() for _ in range(4)))

    assert sorted(answers) == ["", *["BADGE_REVOKED"] * 3]
    assert [each["act"] for each in await world.records()] == ["issued", "revoked"]


async def test_the_same_revocation_again_answers_the_same(world: BadgesWorld) -> None:
    request = world.revoking((await world.granted()).badge_id)

    first, second = [await world.as_().RevokeBadge(request) for _ in range(2)]

    assert first == second


async def test_a_badge_of_another_program_is_unknown(world: BadgesWorld, proofs: ProofWorld) -> None:
    other = await badges_world(proofs)

    code, reason, _ = await refusal(world.revoked(await other.granted()))

    assert (code, reason) == (NOT_FOUND, "BADGE_UNKNOWN")


async def test_granting_and_revoking_are_audited(world: BadgesWorld) -> None:
    badge = await world.granted("founder")
    await world.revoked(badge)

    wanted = {"program_id": world.program_id, "act": {"$in": ["GrantBadge", "RevokeBadge"]}}
    found = await world.books.database.audit.find(wanted).sort("_id", 1).to_list(None)

    assert [(each["act"], each["reason"]) for each in found] == [
        ("GrantBadge", "brought a hundred"),
        ("RevokeBadge", "case 4711"),
    ]
    assert all(each["objects"] == sorted([badge.member_id, badge.badge_id]) for each in found)


# Listing


async def test_badges_are_listed_latest_first_and_revoked_ones_too(world: BadgesWorld) -> None:
    member, nobody = await world.a_member(), await world.a_member()
    captain = await world.granted(member_id=member)
    await world.revoked(captain)
    await world.granted("founder", member)

    both, none = await listed(world, member, nobody)
    (first,) = await listed(world, member, first=1)

    assert [(each.key, each.state) for each in both.badges] == [
        ("founder", pb.BADGE_STATE_HELD),
        ("captain", pb.BADGE_STATE_REVOKED),
    ]
    assert (none.status, list(none.badges)) == (FOUND, [])
    assert [each.key for each in first.badges] == ["founder"]


@pytest.mark.parametrize(
    ("kind", "claims", "own", "others"),
    [
        ("member", {}, FOUND, MISSING),
        ("partner", {}, FOUND, FOUND),
        ("staff", {"roles": ["consultant"], "stores": ["online"]}, FOUND, FOUND),
        ("staff", {"roles": ["consultant"], "stores": ["elsewhere"]}, MISSING, MISSING),
    ],
    ids=["a member", "their partner", "their store's", "another store's"],
)
async def test_whose_a_badge_is_hears_who_sees_the_member(
    world: BadgesWorld, kind: PrincipalKind, claims: dict[str, Any], own: int, others: int
) -> None:
    mine, other = await world.granted(), await world.granted()
    subject = {"member": mine.member_id, "partner": "shop"}.get(kind, "ann")
    caller = world.as_(kind, subject, **claims)

    results = await listed(world, mine.member_id, other.member_id, caller=caller)
    proved = await world.proved(("captain", 1), ("captain", 2), caller=caller)

    assert [each.status for each in results] == [own, others]
    assert [each.status for each in proved] == [FOUND, FOUND]
    for met, badge, verified in zip((own, others), (mine, other), proved, strict=True):
        shown = verified.verified
        assert shown.badge.member_id == (badge.member_id if met == FOUND else "")
        assert (badge.member_id in shown.issue.content.owner) is (met == FOUND)
        assert bool(shown.issue.content.act) is (met == FOUND and kind == "staff")
        assert badge.member_id not in shown.issue.content.badge


async def test_a_number_that_was_never_issued_is_missing(world: BadgesWorld, proofs: ProofWorld) -> None:
    other = await badges_world(proofs)
    await other.granted()
    await world.granted("founder")

    results = await world.proved(("captain", 1), ("founder", 2), ("founder", 1), ("emperor", 1))

    assert [each.status for each in results] == [MISSING, MISSING, FOUND, MISSING]


async def test_all_records_are_for_few(world: BadgesWorld) -> None:
    badge = await world.granted()
    request = pb.ListBadgeRecordsRequest(program_id=world.program_id)
    officer = world.as_(roles=["compliance_officer"])

    code, reason, _ = await refusal(world.as_("member", badge.member_id).ListBadgeRecords(request))
    records = (await officer.ListBadgeRecords(request)).records

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    assert [badge.member_id in each.content.owner for each in records] == [True]
    assert "mia" in records[0].content.act
