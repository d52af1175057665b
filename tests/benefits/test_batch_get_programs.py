"""BatchGetPrograms: the live version of each program, in the order of the keys."""

import grpc
import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.ids import new_id
from libs.common.program import Program, preset
from tests.benefits.conftest import OTHER_PROGRAM, BenefitsWorld
from tests.benefits.refusals import refusal
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def test_each_program_is_answered_in_its_place_found_or_missing(benefits: BenefitsWorld) -> None:
    asked = [OTHER_PROGRAM, "no_such_store", PROGRAM, OTHER_PROGRAM, ""]

    answer = await benefits.service.BatchGetPrograms(pb.BatchGetProgramsRequest(program_ids=asked))

    assert [result.status for result in answer.results] == [FOUND, MISSING, FOUND, FOUND, MISSING]
    assert [result.program.program_id for result in answer.results] == [
        OTHER_PROGRAM,
        "",
        PROGRAM,
        OTHER_PROGRAM,
        "",
    ]


async def test_a_foreign_program_answers_like_a_missing_one(benefits: BenefitsWorld) -> None:
    asked = [PROGRAM, OTHER_PROGRAM, "no_such_store"]

    answer = await benefits.staff.BatchGetPrograms(pb.BatchGetProgramsRequest(program_ids=asked))

    assert [result.status for result in answer.results] == [FOUND, MISSING, MISSING]
    assert answer.results[1] == answer.results[2]


async def test_the_latest_version_is_given_and_its_digest_is_that_of_its_document(
    benefits: BenefitsWorld,
) -> None:
    key = await benefits.a_program()
    renamed = preset(PROGRAM).document() | {"key": key, "name": {"zh": "二", "en": "Two"}}
    await benefits.publish(Program.parse(renamed))

    answer = await benefits.service.BatchGetPrograms(pb.BatchGetProgramsRequest(program_ids=[key]))

    program = answer.results[0].program
    assert program.version == 2
    assert program.digest == Program.parse(program.document).digest()
    assert program.HasField("effective_time")


@pytest.mark.parametrize("count", [0, 501], ids=["none", "one too many"])
async def test_one_to_five_hundred_programs_are_asked_for(benefits: BenefitsWorld, count: int) -> None:
    request = pb.BatchGetProgramsRequest(program_ids=[new_id("p")] * count)

    code, reason, _ = await refusal(benefits.service.BatchGetPrograms(request))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
