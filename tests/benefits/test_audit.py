"""Audit: each version of a program that somebody publishes leaves one record."""

import asyncio
import json

import pytest

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.program import Program, preset
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.support.builders import PROGRAM


def a_program(**changes: object) -> Program:
    return preset(PROGRAM).model_copy(update={"key": f"store_{new_id('x')[-12:]}", **changes})


def a_request(program: Program, request_id: str = "") -> pb.PublishProgramRequest:
    return pb.PublishProgramRequest(
        program_id=program.key, request_id=request_id or new_id("req"), document=program.canonical()
    )


async def records(benefits: BenefitsWorld, program: Program) -> list[Document]:
    found = benefits.database.audit.find({"program_id": program.key}).sort("_id", 1)
    return [each async for each in found]


async def test_a_published_version_is_recorded_beside_the_one_before(benefits: BenefitsWorld) -> None:
    program = a_program()
    staff = benefits.staff_of(program.key)

    first = (await staff.PublishProgram(a_request(program))).program
    renamed = program.model_copy(update={"name": preset("ecommerce_five").name})
    second = (await staff.PublishProgram(a_request(renamed, "r2"))).program

    one, other = await records(benefits, program)
    assert (one["before"], json.loads(one["after"])) == (
        "",
        {"version": 1, "digest": first.digest, "state": "live"},
    )
    assert json.loads(other["before"]) == {"version": 1, "digest": first.digest, "state": "live"}
    assert json.loads(other["after"]) == {"version": 2, "digest": second.digest, "state": "live"}
    assert (other["act"], other["request_id"], other["objects"]) == ("PublishProgram", "r2", [program.key])
    assert other["actor"]["subject"] == "ann"


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in a row"])
async def test_the_same_request_is_recorded_once(benefits: BenefitsWorld, at_once: bool) -> None:
    program = a_program()
    calls = [benefits.staff_of(program.key).PublishProgram(a_request(program, "once")) for _ in range(4)]

    if at_once:
        await asyncio.gather(*calls)
    else:
        for call in calls:
            await call

    assert len(await records(benefits, program)) == 1


async def test_four_documents_at_once_are_recorded_one_after_another(benefits: BenefitsWorld) -> None:
    program = a_program()
    names = [{"zh": f"第{number}", "en": f"Number {number}"} for number in range(4)]
    programs = [Program.parse(json.dumps({**program.document(), "name": name}).encode()) for name in names]

    await asyncio.gather(
        *(benefits.staff_of(program.key).PublishProgram(a_request(each)) for each in programs)
    )

    found = await records(benefits, program)
    versions = sorted(json.loads(each["after"])["version"] for each in found)
    before = sorted(json.loads(each["before"])["version"] for each in found if each["before"])
    assert (versions, before) == ([1, 2, 3, 4], [1, 2, 3])


async def test_a_refused_version_is_not_recorded(benefits: BenefitsWorld) -> None:
    program = a_program()
    staff = benefits.staff_of(program.key)
    await staff.PublishProgram(a_request(program))

    _, reason, _ = await refusal(
        staff.PublishProgram(a_request(program.model_copy(update={"currency": "EUR"})))
    )

    assert reason == "PROGRAM_FIELD_FIXED"
    assert len(await records(benefits, program)) == 1
