"""Programs, stores and partners: what everything else hangs on, made through the services."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from laurel.benefits.v1 import benefits_pb2
from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import members_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.errors import ProgramInvalid
from libs.common.ids import new_id
from libs.common.program import Program, preset, preset_names


class _Plain(yaml.SafeLoader):
    """YAML without dates of its own: in a program document they are texts, as in JSON."""


_Plain.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_program(preset_or_file: str) -> Program:
    """A program, by the name of a preset or from a YAML or JSON file."""
    if preset_or_file in preset_names():
        return preset(preset_or_file)
    file = Path(preset_or_file)
    if not file.is_file():
        raise CommandError(
            f"There is no preset and no file {preset_or_file!r}. The presets are {', '.join(preset_names())}."
        )
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _Plain)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise CommandError(f"{file} is no program document: it has no keys.")
    try:
        return Program.parse(document)
    except ProgramInvalid as refusal:
        problems = "".join(f"\n  {path}: {problem}" for path, problem in refusal.facts.items())
        raise CommandError(f"{file} breaks rules of program documents:{problems}") from refusal


def yaml_of(program: Program, *, whole: bool = False) -> str:
    """A program as YAML, without its version; without defaults, unless the whole of it is asked for."""
    document = program.model_dump(mode="json", exclude={"version"}, exclude_defaults=not whole)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


async def publish(clients: Clients, program: Program) -> benefits_pb2.Program:
    """Make a program document the live version."""
    request = benefits_pb2.PublishProgramRequest(
        program_id=program.key,
        request_id=new_id("req"),
        document=program.canonical(),
    )
    return (await patiently(lambda: clients.benefits.PublishProgram(request))).program


async def create_store(
    clients: Clients, program_id: str, store_id: str, name: str, *, sharing_group: str = ""
) -> members_pb2.Store:
    """Open a store; stores of one sharing group see each other's members."""
    request = members_pb2.CreateStoreRequest(
        program_id=program_id,
        request_id=new_id("req"),
        store_id=store_id,
        display_name=name,
        sharing_group=sharing_group,
    )
    return (await patiently(lambda: clients.members.CreateStore(request))).store


async def create_partner(
    clients: Clients, program_id: str, partner_id: str, *, name: str, stores: Sequence[str]
) -> members_pb2.Partner:
    """Admit a partner that speaks for some stores."""
    request = members_pb2.CreatePartnerRequest(
        program_id=program_id,
        request_id=new_id("req"),
        partner_id=partner_id,
        display_name=name,
        store_ids=stores,
    )
    return (await patiently(lambda: clients.members.CreatePartner(request))).partner


async def live_program(clients: Clients, program_id: str) -> Program:
    """The document of the live version of a program."""
    return Program.parse((await live(clients, program_id)).document)


async def live(clients: Clients, program_id: str) -> benefits_pb2.Program:
    """The live version of a program, with its digest."""
    request = benefits_pb2.BatchGetProgramsRequest(program_ids=[program_id])
    result = (await patiently(lambda: clients.benefits.BatchGetPrograms(request))).results[0]
    if result.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise CommandError(f"There is no program {program_id!r}: make it with `laurel init program`.")
    return result.program
