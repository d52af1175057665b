"""Which programs a replica holds, whoever sends documents."""

from hashlib import sha256

import pytest

from libs.common.caller import Principal
from libs.common.program import Program, preset
from services.scoring.domain.errors import ProgramNotHeld
from services.scoring.programs import VERSIONS_MAX, HeldPrograms, NamedProgram

THEIRS = Principal("shop", "partner", "ecommerce_five")
OURS = Principal("till", "partner", "music_store")


def named(program: Program) -> NamedProgram:
    document = program.canonical()
    return NamedProgram(sha256(document).hexdigest(), document)


def without_document(program: NamedProgram) -> NamedProgram:
    return NamedProgram(program.digest, b"")


def test_one_programs_documents_drive_out_no_other_program() -> None:
    held, ours = HeldPrograms(VERSIONS_MAX + 1), named(preset("music_store"))
    held.find(ours, OURS)

    for version in range(1, 20):
        held.find(named(preset("ecommerce_five").model_copy(update={"version": version})), THEIRS)

    assert held.find(without_document(ours), OURS).program.key == "music_store"


def test_the_oldest_version_of_a_program_leaves_first() -> None:
    held = HeldPrograms(64)
    versions = [
        named(preset("music_store").model_copy(update={"version": number}))
        for number in range(1, VERSIONS_MAX + 2)
    ]

    for each in versions:
        held.find(each, OURS)

    with pytest.raises(ProgramNotHeld):
        held.find(without_document(versions[0]), OURS)
    assert held.find(without_document(versions[1]), OURS).program.version == 2
