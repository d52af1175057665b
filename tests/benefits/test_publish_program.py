"""PublishProgram: which version a document becomes, whoever publishes it again and however many at once."""

import asyncio
import json
from hashlib import sha256
from typing import Any

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from libs.common.caller import PrincipalKind
from libs.common.canonical import canonical
from libs.common.ids import new_id
from libs.common.program import Program, preset
from services.benefits.domain.program_changes import change_of
from services.benefits.domain.programs import Version
from services.benefits.repository import program_versions
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import told
from tests.benefits.refusals import refusal
from tests.benefits.stories import Story
from tests.support.builders import NOON, PROGRAM


def a_key() -> str:
    return f"store_{new_id('x')[-12:]}"


def a_document(key: str, **changes: Any) -> dict[str, Any]:
    return {**preset(PROGRAM).document(), "key": key, **changes}


def a_request(
    program_id: str, document: dict[str, Any] | None = None, *, request_id: str | None = None, **changes: Any
) -> pb.PublishProgramRequest:
    content = document if document is not None else a_document(program_id, **changes)
    return pb.PublishProgramRequest(
        program_id=program_id, request_id=request_id or new_id("req"), document=json.dumps(content).encode()
    )


def named(name: str) -> dict[str, str]:
    return {"zh": name, "en": name}


async def versions(benefits: BenefitsWorld, program_id: str) -> list[tuple[int, str]]:
    stored = benefits.database.programs.find({"program_id": program_id}).sort("version", 1)
    return [(each["version"], each["status"]) async for each in stored]


async def test_the_first_document_becomes_version_one_and_is_live(benefits: BenefitsWorld) -> None:
    key = a_key()
    staff = benefits.caller("staff", "ann", key)

    published = (await staff.PublishProgram(a_request(key))).program

    read = await staff.BatchGetPrograms(pb.BatchGetProgramsRequest(program_ids=[key]))
    assert (published.program_id, published.version) == (key, 1)
    assert read.results[0].program == published
    assert json.loads(published.document) == a_document(key, version=1)


async def test_the_same_request_twice_in_a_row_has_the_same_answer_byte_for_byte(
    benefits: BenefitsWorld,
) -> None:
    key = a_key()
    first_request = a_request(key)
    first = await benefits.staff_of(key).PublishProgram(first_request)
    await benefits.staff_of(key).PublishProgram(a_request(key, name=named("Second")))

    again = await benefits.staff_of(key).PublishProgram(first_request)

    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    assert await versions(benefits, key) == [(1, "retired"), (2, "live")]


async def test_the_same_document_under_another_request_id_is_the_same_version(
    benefits: BenefitsWorld,
) -> None:
    key = a_key()

    answers = [await benefits.staff_of(key).PublishProgram(a_request(key)) for _ in range(2)]

    assert answers[0] == answers[1]
    assert await versions(benefits, key) == [(1, "live")]


@pytest.mark.parametrize("same_request", [True, False], ids=["one request id", "a request id each"])
async def test_the_same_document_eight_times_at_once_is_one_version(
    benefits: BenefitsWorld, same_request: bool
) -> None:
    key = a_key()
    requests = [a_request(key, request_id="once" if same_request else None) for _ in range(8)]

    answers = await asyncio.gather(*(benefits.staff_of(key).PublishProgram(each) for each in requests))

    assert all(answer == answers[0] for answer in answers)
    assert await versions(benefits, key) == [(1, "live")]


async def test_different_documents_at_once_become_versions_one_after_another_and_one_is_live(
    benefits: BenefitsWorld,
) -> None:
    key = a_key()
    requests = [a_request(key, name=named(f"Name {number}")) for number in range(4)]

    answers = await asyncio.gather(*(benefits.staff_of(key).PublishProgram(each) for each in requests))

    assert sorted(answer.program.version for answer in answers) == [1, 2, 3, 4]
    assert [status for _, status in await versions(benefits, key)] == ["retired"] * 3 + ["live"]


async def test_another_payload_under_the_same_request_id_is_refused(benefits: BenefitsWorld) -> None:
    key = a_key()
    await benefits.staff_of(key).PublishProgram(a_request(key, request_id="once"))

    code, reason, _ = await refusal(
        benefits.staff_of(key).PublishProgram(a_request(key, request_id="once", name=named("Second")))
    )

    assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert await versions(benefits, key) == [(1, "live")]


async def test_a_refused_request_may_succeed_later_under_its_request_id(benefits: BenefitsWorld) -> None:
    key = a_key()
    await refusal(benefits.staff_of(key).PublishProgram(a_request(key, request_id="once", currency="XXQ")))

    answer = await benefits.staff_of(key).PublishProgram(a_request(key, request_id="once"))

    assert answer.program.version == 1


@pytest.mark.parametrize("kind", ["member", "partner"])
async def test_who_is_not_staff_may_not_publish(benefits: BenefitsWorld, kind: PrincipalKind) -> None:
    code, reason, _ = await refusal(benefits.caller(kind, "eve").PublishProgram(a_request(PROGRAM)))

    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_foreign_program_answers_like_one_that_does_not_exist(benefits: BenefitsWorld) -> None:
    stranger = benefits.caller("staff", "eve", a_key())

    foreign = await refusal(stranger.PublishProgram(a_request(PROGRAM)))
    missing = await refusal(stranger.PublishProgram(a_request("no_such_store")))

    assert foreign[:2] == missing[:2] == (grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")


async def test_what_is_wrong_with_a_document_is_said_by_path(benefits: BenefitsWorld) -> None:
    key = a_key()
    document = a_document(key, currency="XXQ")
    document["tier_sets"][0]["tiers"][1]["multiplier_bp"] = 1.5
    document["tier_sets"][0]["tiers"][2]["entry"]["op"] = "about"
    document["points"]["colour"] = "gold"

    code, reason, facts = await refusal(benefits.staff_of(key).PublishProgram(a_request(key, document)))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PROGRAM_INVALID")
    assert set(facts) == {
        "currency",
        "points.colour",
        "tier_sets[0].tiers[1].multiplier_bp",
        "tier_sets[0].tiers[2].entry.op",
    }
    assert await versions(benefits, key) == []


@pytest.mark.parametrize("document", [b"{}", b"[]", b'{"key":', b"\xff\xfe"])
async def test_what_is_no_program_at_all_is_refused(benefits: BenefitsWorld, document: bytes) -> None:
    request = pb.PublishProgramRequest(program_id=a_key(), request_id=new_id("req"), document=document)

    code, reason, facts = await refusal(benefits.staff_of(request.program_id).PublishProgram(request))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PROGRAM_INVALID")
    assert facts


async def test_a_document_of_another_program_is_refused(benefits: BenefitsWorld) -> None:
    request = a_request(a_key(), a_document("some_other_key"))

    code, reason, facts = await refusal(benefits.staff_of(request.program_id).PublishProgram(request))

    assert (code, reason, set(facts)) == (grpc.StatusCode.INVALID_ARGUMENT, "PROGRAM_INVALID", {"key"})


async def test_a_fixed_field_stays_and_the_refusal_names_it(benefits: BenefitsWorld) -> None:
    key = await benefits.a_program()

    code, reason, facts = await refusal(
        benefits.staff_of(key).PublishProgram(a_request(key, currency="EUR", time_zone="Europe/Berlin"))
    )

    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROGRAM_FIELD_FIXED")
    assert facts == {"currency": "USD to EUR", "time_zone": "America/New_York to Europe/Berlin"}
    assert await versions(benefits, key) == [(1, "live")]


@pytest.mark.parametrize(
    "request_",
    [
        pb.PublishProgramRequest(program_id="Not a key", request_id="r", document=b"{}"),
        pb.PublishProgramRequest(program_id=PROGRAM, document=b"{}"),
        pb.PublishProgramRequest(program_id=PROGRAM, request_id="r"),
    ],
    ids=["no key", "no request id", "no document"],
)
async def test_a_request_that_breaks_the_rules_of_its_proto_is_refused(
    benefits: BenefitsWorld, request_: pb.PublishProgramRequest
) -> None:
    code, reason, _ = await refusal(benefits.staff.PublishProgram(request_))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_published_version_decides_what_comes_next_and_nothing_before(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    before = await benefits.a_member(5_000, program_id=key)
    document = a_document(key)
    document["tier_sets"][0]["tiers"][1]["entry"]["value"] = 4_000
    await benefits.staff_of(key).PublishProgram(a_request(key, document))

    after = await _decided_by_the_new_version(benefits, key)

    membership = await benefits.database.memberships.find_one({"member_id": before.member_id})
    assert membership is not None
    assert (membership["tier"], after) == ("normal", ("silver", 2))


async def _decided_by_the_new_version(benefits: BenefitsWorld, key: str) -> tuple[str, int]:
    # Another replica, which has not remembered the version before.
    story = await benefits.a_member(program_id=key)
    await benefits.consumer().apply(0, [story.buys(5_000).told()])
    staff = benefits.caller("staff", "ann", key)
    request = pb.BatchGetMembershipsRequest(program_id=key, member_ids=[story.member_id])
    (membership,) = (await staff.BatchGetMemberships(request)).results[0].memberships
    return membership.tier, membership.decision.receipt.program_version


async def test_a_version_of_before_there_were_some_fields_decides_under_its_own_digest(
    benefits: BenefitsWorld,
) -> None:
    key = a_key()
    document = a_document(key, version=1)
    for name in ("multipliers", "stacking", "multiplier_max_bp", "rounding", "caps"):
        del document["points"][name]
    stored = canonical(document)
    version = Version(Program.parse(stored), sha256(stored).hexdigest(), NOON, stored)
    await program_versions.keep(BenefitsStore(benefits.database), change_of(version), NOON)
    story = Story(key).buys(5_000)

    await told(benefits, story)

    decision = await benefits.database.decisions.find_one({"member_id": story.member_id, "event_seq": 1})
    assert decision is not None
    assert receipts_pb2.Receipt.FromString(decision["receipt"]).program_digest == version.digest
    staff = benefits.caller("staff", "ann", key)
    read = await staff.BatchGetPrograms(pb.BatchGetProgramsRequest(program_ids=[key]))
    assert (read.results[0].program.document, read.results[0].program.digest) == (stored, version.digest)
    again = (await staff.PublishProgram(a_request(key, document))).program
    assert (again.version, again.digest) == (1, version.digest), "it says the same"
