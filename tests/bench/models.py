"""Models that the rows of bulk scoring are measured with: one of each kind, of the program that is scored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from laurel.scoring.v1 import models_pb2
from libs.cli import registry
from libs.cli.clients import Clients, connected, signer
from libs.cli.data_folder import RunFile
from libs.common.clock import now
from libs.models.documents import ModelDocument
from services.scoring.domain.models import ModelVersion, Stage
from services.scoring.repository.models import ModelStore
from tests.models import fitted

NOTE = "bench"


def models_of(program_id: str) -> list[ModelDocument]:
    """Churn by logistic regression, lifetime value with its bounds, and four segments."""
    models = (fitted.churn(), fitted.lifetime_value(), fitted.value_segment())
    return [each.model_copy(update={"program_id": program_id}) for each in models]


@dataclass(frozen=True, slots=True)
class KeptModels(ModelStore):
    """A registry without a database, which has the models of one program."""

    program_id: str = ""

    async def document(self, program_id: str, digest: str) -> tuple[ModelVersion, bytes] | None:
        """A model by its digest."""
        for each in models_of(self.program_id):
            if (program_id, digest) == (self.program_id, each.digest()):
                return _version(each), each.canonical()
        return None


def _version(model: ModelDocument) -> ModelVersion:
    return ModelVersion(
        program_id=model.program_id,
        kind=model.kind,
        number=1,
        serial=1,
        stage=Stage.CHAMPION,
        digest=model.digest(),
        data_digest=model.data_digest,
        metrics={},
        facts=model.facts,
        labels=(),
        author=NOTE,
        history=(),
    )


async def promoted(run: RunFile, program_id: str) -> None:
    """Register the models in a platform, and make them the champions of a program."""
    async with _as(run, program_id, "analyst") as analyst, _as(run, program_id, "operations_manager") as boss:
        for each in models_of(program_id):
            model = await registry.register(analyst, program_id, each.canonical())
            champion = models_pb2.MODEL_STAGE_CHAMPION
            await registry.promote(boss, program_id, model.kind, model.version, champion, NOTE)


@asynccontextmanager
async def _as(run: RunFile, program_id: str, role: str) -> AsyncIterator[Clients]:
    token = signer(run).token(
        role, "staff", now=now(), ttl=timedelta(hours=1), program_id=program_id, roles=[role]
    )
    async with connected(run, token) as clients:
        yield clients
