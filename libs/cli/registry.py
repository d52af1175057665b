"""The registry of models: versions registered, promoted, listed, and those that score."""

from collections.abc import Sequence
from functools import partial

from laurel.scoring.v1 import models_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.errors import CommandError, RefusedError
from libs.cli.retries import patiently
from libs.common.ids import new_id

STAGES = {
    "candidate": pb.MODEL_STAGE_CANDIDATE,
    "challenger": pb.MODEL_STAGE_CHALLENGER,
    "champion": pb.MODEL_STAGE_CHAMPION,
    "retired": pb.MODEL_STAGE_RETIRED,
}
# Their documents are up to a megabyte.
DOCUMENTS_PER_CALL = 3
ANALYST, OFFICER = "analyst", "compliance_officer"


def stage_name(stage: "pb.ModelStage.ValueType") -> str:
    """A stage as commands name it."""
    return pb.ModelStage.Name(stage).removeprefix("MODEL_STAGE_").lower()


async def register(clients: Clients, program_id: str, document: bytes) -> pb.Model:
    """Register a model as the next version of its kind; the same document again is the version it has."""
    request = pb.RegisterModelRequest(program_id=program_id, request_id=new_id("req"), document=document)
    return (await patiently(lambda: clients.models.RegisterModel(request))).model


async def promote(
    clients: Clients, program_id: str, kind: str, version: int, stage: "pb.ModelStage.ValueType", note: str
) -> pb.Model:
    """Make a version the champion or challenger, or retire it."""
    request = pb.PromoteModelRequest(
        program_id=program_id, request_id=new_id("req"), kind=kind, version=version, stage=stage, note=note
    )
    try:
        return (await patiently(lambda: clients.models.PromoteModel(request))).model
    except RefusedError as refused:
        if refused.reason == "MODEL_OF_OWN":
            raise CommandError(
                f"Who registered {kind} {version} does not promote it: it takes two people. "
                "Say with --by who promotes it."
            ) from refused
        if refused.reason == "MODEL_UNKNOWN":
            raise unknown(program_id, kind, version) from refused
        raise


async def models(clients: Clients, program_id: str, kind: str, count: int) -> list[pb.Model]:
    """So many versions of a kind, or of all where it is empty, the latest first."""
    request = pb.ListModelsRequest(program_id=program_id, kind=kind, page_size=count)
    return list((await patiently(lambda: clients.models.ListModels(request))).models)


async def with_documents(
    clients: Clients, program_id: str, keys: Sequence[tuple[str, int]]
) -> list[pb.Model]:
    """Versions with their documents, as far as they are there."""
    found: list[pb.Model] = []
    for at in range(0, len(keys), DOCUMENTS_PER_CALL):
        request = pb.BatchGetModelsRequest(
            program_id=program_id,
            keys=[
                pb.ModelKey(kind=kind, version=version)
                for kind, version in keys[at : at + DOCUMENTS_PER_CALL]
            ],
        )
        found += (await patiently(partial(clients.models.BatchGetModels, request))).models
    return found


async def one(clients: Clients, program_id: str, kind: str, version: int) -> pb.Model:
    """A version with its document. CommandError where there is none."""
    found = await with_documents(clients, program_id, [(kind, version)])
    if not found:
        raise unknown(program_id, kind, version)
    return found[0]


async def serving(clients: Clients, program_id: str) -> list[pb.ServingModel]:
    """The champions and challengers of a program."""
    request = pb.ListServingModelsRequest(program_id=program_id)
    return list((await patiently(lambda: clients.models.ListServingModels(request))).models)


def unknown(program_id: str, kind: str, version: int) -> CommandError:
    """What to do where there is no such version."""
    return CommandError(f"{program_id} has no {kind} {version}: see `laurel models list`.")
